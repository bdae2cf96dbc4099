import { parse } from 'acorn'
import { parse as lex } from 'es-module-lexer/minimal'
import { type Binding, bindingsOf } from './bindings.ts'
import { SYNTAX } from './parser-options.ts'

/** What can be said of a module without parsing it. */
export interface Outline {
  /** What it exports, by the local names. */
  exports: Map<string, string>
  /** Whether it has an `export const`, of whose variables those behind the first may be missing. */
  mayLack: boolean
  /** The declaration of a name that an `import` brings, undefined if none does; 'unclear': one may. */
  imported(name: string): Binding | undefined | 'unclear'
  /** Whether a variable of this name may hold a module: `const x = await import('x')`, in whatever scope. */
  isUnclear(name: string): boolean
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
  const awaited = new Set<string>()
  const statements: string[] = []
  let last = 0
  for (const { d: dynamic, ss: start, se: end } of imports) {
    if (dynamic === STATIC) {
      statements.push(source.slice(start, end))
      last = end
    }
    if (dynamic < 0) continue
    const from = Math.max(last, start - REACH)
    const before = source.slice(from, start)
    if (before.includes('\\u') || (from > last && !DECLARATION.test(before))) return undefined
    for (const [name] of before.matchAll(NAME)) awaited.add(name)
  }
  const known = new Map<string, Map<string, Binding> | undefined>()
  const imported: Outline['imported'] = name => {
    for (const statement of statements) {
      if (!statement.includes(name) && !statement.includes('\\u')) continue
      if (!known.has(statement)) known.set(statement, namesIn(statement))
      const names = known.get(statement)
      if (!names) return 'unclear'
      const binding = names.get(name)
      if (binding) return binding
    }
    return undefined
  }
  return { exports, mayLack: VARIABLES.test(source), imported, isUnclear: name => awaited.has(name) }
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

function lexed(source: string): ReturnType<typeof lex> | undefined {
  try {
    return lex(source)
  } catch {
    return undefined
  }
}

const STATIC = -1

/** How far before an `import()` a variable may be declared that gets what it gives: all names there count. */
const REACH = 1000
const VARIABLES = /\bexport\b(?:\s|\/\*[\s\S]*?\*\/|\/\/.*)*(?:const|let|var)\b/
const DECLARATION = /\b(?:const|let|var)\b/
const NAME = /[\p{ID_Start}$_][\p{ID_Continue}$]*/gu

/** Modules come in by these as well, which are no `import`. */
const OTHER_IMPORTS = /\brequire\b|\b__vi/
