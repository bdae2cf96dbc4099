import { parse } from 'acorn'
import { parse as lex } from 'es-module-lexer/minimal'
import { type Binding, bindingsOf } from './bindings.ts'
import { SYNTAX } from './parsed.ts'

/** What can be said of a module without parsing it: its imports and exports. */
export interface Outline {
  /** What it exports, by the local names. */
  exports: Map<string, string>
  /** The declaration of a name that an `import` brings, undefined if none does; 'unclear': it may come from a module. */
  imported(name: string): Binding | undefined | 'unclear'
}

/** Undefined when only the whole module shows it. */
export function outlineOf(source: string): Outline | undefined {
  if (OTHER_IMPORTS.test(source)) return undefined
  const [imports, exported] = lexed(source) ?? []
  if (!imports || !exported) return undefined
  const exports = new Map<string, string>()
  for (const { n: name, ln: local } of exported) {
    if (local !== undefined) exports.set(local, name)
    // It may be any expression, a function among them.
    else if (name === 'default') return undefined
  }
  // As `const x = await import('x')` makes them.
  const awaited = new Set<string>()
  const statements: string[] = []
  for (const { d: dynamic, ss: start, se: end } of imports) {
    if (dynamic === STATIC) statements.push(source.slice(start, end))
    if (dynamic < 0) continue
    const names = awaitedInto(source.slice(Math.max(0, start - REACH), start))
    if (!names) return undefined
    for (const name of names) awaited.add(name)
  }
  const known = new Map<string, Map<string, Binding> | undefined>()
  const imported: Outline['imported'] = name => {
    if (awaited.has(name)) return 'unclear'
    for (const statement of statements) {
      if (!statement.includes(name)) continue
      if (!known.has(statement)) known.set(statement, namesIn(statement))
      const names = known.get(statement)
      if (!names) return 'unclear'
      const binding = names.get(name)
      if (binding) return binding
    }
    return undefined
  }
  return { exports, imported }
}

function namesIn(statement: string): Map<string, Binding> | undefined {
  try {
    const { root } = bindingsOf(parse(statement, SYNTAX))
    // It is around all the functions of the module.
    root.start = Number.NEGATIVE_INFINITY
    return root.variables
  } catch {
    return undefined
  }
}

/** The names that get what comes behind this text, an import that is awaited; undefined when they cannot be told. */
function awaitedInto(before: string): string[] | undefined {
  const awaited = /=(?:\s*[\w$]*\s*\()*\s*await\s*$/.exec(before)
  if (!awaited) return []
  const declared = /\b(?:const|let|var)\b([^=;]*)$/.exec(before.slice(0, awaited.index))?.[1]
  return declared?.match(/[\p{ID_Start}$_][\p{ID_Continue}$]*/gu) ?? undefined
}

function lexed(source: string): ReturnType<typeof lex> | undefined {
  try {
    return lex(source)
  } catch {
    return undefined
  }
}

const STATIC = -1

/** How far back the declaration of a variable is looked for. */
const REACH = 1000

/** Modules come in by these as well, which are no `import`. */
const OTHER_IMPORTS = /\brequire\b|\b__vi/
