// The public API as the compiler sees it from src/index.ts: what docs/api.md is made of, and what api.test.ts checks.
import { resolve } from 'node:path'
import type { Node } from 'typescript/unstable/ast'
import {
  API,
  type Checker,
  type Symbol as CompilerSymbol,
  ModifierFlags,
  type NodeHandle,
  type Project,
  SymbolFlags,
} from 'typescript/unstable/sync'
import { declarationsOf, shownName } from './declarations.ts'

export interface Member {
  name: string
  /** Its declarations without bodies, or the type of a property. */
  signature: string
  doc: string
  /** Its first declaration. */
  at: NodeHandle | undefined
}

export interface Export {
  name: string
  kind: 'class' | 'error' | 'function' | 'type' | 'helper'
  signature: string
  doc: string
  members: Member[]
  at: NodeHandle | undefined
}

const root = resolve('src').toLowerCase()

/**
 * Every export of src/index.ts with its public members, inherited ones included; then, as helpers, the types that their
 * signatures name and that are not exported.
 */
export function readApi(): Export[] {
  const api = new API({ cwd: process.cwd() })
  try {
    const snapshot = api.updateSnapshot({ openProject: resolve('tsconfig.build.json') })
    const [project] = snapshot.getProjects()
    const file = project?.program.getSourceFile(resolve('src/index.ts'))
    const module = file && project?.checker.getSymbolAtLocation(file)
    if (!project || !module) throw new Error('src/index.ts cannot be read')
    const exports = project.checker.getExportsOfModule(module).map(it => readExport(it, project))
    return [...exports, ...helpersOf(exports, project)]
  } finally {
    api.close()
  }
}

function helpersOf(exports: readonly Export[], project: Project): Export[] {
  const { checker } = project
  const known = new Set(exports.map(({ name }) => name))
  const helpers: Export[] = []
  const look = ({ signature, at }: Pick<Member, 'signature' | 'at'>): void => {
    for (const [name] of signature.matchAll(/\b[A-Z]\w+/g)) {
      const node = at?.resolve(project)
      const found =
        known.has(name) || !node ? undefined : checker.resolveName(name, SymbolFlags.Type, node, true)
      const symbol = found && found.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found
      if (!symbol || !isPublic(symbol, project) || !(symbol.flags & SymbolFlags.TypeAlias)) continue
      known.add(name)
      const text = [...declarationsOf(symbol, project)].map(it => it.text).join('\n')
      helpers.push({
        name,
        kind: 'helper',
        signature: text,
        doc: docOf(symbol, checker),
        members: [],
        at: undefined,
      })
      look({ signature: text, at: symbol.declarations[0] })
    }
  }
  for (const it of exports) for (const signed of [it, ...it.members]) look(signed)
  return helpers
}

function readExport(exported: CompilerSymbol, project: Project): Export {
  const { checker } = project
  const symbol = exported.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
  const { name } = exported
  const doc = docOf(symbol, checker)
  const own = [...declarationsOf(symbol, project)]
  if (symbol.flags & SymbolFlags.Class)
    return {
      name,
      kind: /Error$|Exception$|^ProcessExit$/.test(name) ? 'error' : 'class',
      signature: own.map(({ text }) => text.slice(0, text.indexOf('{')).trim()).join('\n'),
      doc,
      at: symbol.declarations[0],
      members: [...staticsOf(symbol, project), ...membersOf(symbol, project)],
    }
  if (symbol.flags & (SymbolFlags.Function | SymbolFlags.Variable))
    return {
      name,
      kind: 'function',
      signature: signatureOf(symbol, project),
      doc,
      members: [],
      at: symbol.declarations[0],
    }
  const isAlias = Boolean(symbol.flags & SymbolFlags.TypeAlias)
  const text = own.map(it => it.text).join('\n')
  return {
    name,
    kind: 'type',
    signature: isAlias
      ? text
      : `interface ${/interface (\w+(<[\s\S]*?>(?= *extends|,? *\{))?)/.exec(text)?.[1] ?? name}`,
    doc,
    at: symbol.declarations[0],
    members: isAlias ? partsOf(symbol, project) : membersOf(symbol, project),
  }
}

/** The members of a class or interface that users see. */
function membersOf(symbol: CompilerSymbol, project: Project): Member[] {
  const { checker } = project
  const all = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
  const constructors = [...symbol.getMembers().values()].filter(it => it.flags & SymbolFlags.Constructor)
  return [...constructors, ...sorted(all, symbol)]
    .filter(it => isPublic(it, project))
    .map(it => readMember(it, project))
}

function staticsOf(symbol: CompilerSymbol, project: Project): Member[] {
  return [...symbol.getExports().values()]
    .filter(it => it.name !== 'prototype' && isPublic(it, project))
    .map(it => readMember(it, project, 'static '))
}

/** The properties of the alternatives of a type that is a union of objects. */
function partsOf(symbol: CompilerSymbol, project: Project): Member[] {
  const type = project.checker.getDeclaredTypeOfSymbol(symbol)
  const types = type.isUnionType() ? type.getTypes() : [type]
  const found = new Map<string, Member>()
  for (const part of types ?? [])
    for (const property of part.isObjectType() || part.isIntersectionType()
      ? project.checker.getPropertiesOfType(part)
      : []) {
      if (!isPublic(property, project)) continue
      const member = readMember(property, project)
      found.set(member.name, merged(found.get(member.name), member))
    }
  return [...found.values()]
}

/** A property that several alternatives have: its types together. */
function merged(before: Member | undefined, next: Member): Member {
  if (!before) return next
  const type = next.signature.slice(next.signature.indexOf(': ') + 2)
  const isKnown = before.signature
    .slice(before.signature.indexOf(': ') + 2)
    .split(' | ')
    .includes(type)
  return {
    name: next.name,
    signature: isKnown ? before.signature : `${before.signature} | ${type}`,
    doc: before.doc || next.doc,
    at: before.at,
  }
}

function readMember(symbol: CompilerSymbol, project: Project, prefix = ''): Member {
  const name = shownName(symbol)
  return {
    name: prefix + name,
    signature: signatureOf(symbol, project),
    doc: docOf(symbol, project.checker),
    at: symbol.declarations[0],
  }
}

function signatureOf(symbol: CompilerSymbol, project: Project): string {
  const { checker } = project
  const declarations = [...declarationsOf(symbol, project)]
  const isCallable = SymbolFlags.Function | SymbolFlags.Method | SymbolFlags.Constructor
  if (symbol.flags & isCallable) {
    const overloads = declarations.filter(({ hasBody }) => !hasBody)
    return (overloads.length > 0 ? overloads : declarations).map(({ text }) => text).join('\n')
  }
  const optional = symbol.flags & SymbolFlags.Optional ? '?' : ''
  const type = checker.getTypeOfSymbol(symbol)
  const shown = type ? checker.typeToString(type) : 'unknown'
  return `${shownName(symbol)}${optional}: ${optional ? shown.replace(/ \| undefined$/, '') : shown}`
}

function isPublic(symbol: CompilerSymbol, project: Project): boolean {
  if (symbol.name.startsWith('__#') || /^__@begin\b/.test(symbol.name)) return false
  // Of several constructors some may be internal.
  if (symbol.flags & SymbolFlags.Constructor)
    return [...declarationsOf(symbol, project)].some(
      ({ hasBody }) => !hasBody || symbol.declarations.length === 1,
    )
  if (symbol.getJsDocTags(project.checker).some(tag => tag.name === 'internal')) return false
  const handles = symbol.declarations.filter(({ path }) => path.toLowerCase().startsWith(root))
  return handles.some(handle => {
    const node = handle.resolve(project) as (Node & { modifierFlags?: ModifierFlags }) | undefined
    const hidden = ModifierFlags.Private | ModifierFlags.Protected
    return node !== undefined && ((node.modifierFlags ?? 0) & hidden) === 0
  })
}

/** In the order of the source; those that are inherited last. */
function sorted(symbols: readonly CompilerSymbol[], owner: CompilerSymbol): CompilerSymbol[] {
  const file = owner.declarations[0]?.path
  const isInherited = ({ declarations: [first] }: CompilerSymbol) => Number(first?.path !== file)
  const place = ({ declarations: [first] }: CompilerSymbol) => first?.index ?? 0
  return [...symbols].sort((a, b) => isInherited(a) - isInherited(b) || place(a) - place(b))
}

const docOf = (symbol: CompilerSymbol, checker: Checker): string =>
  symbol.getDocumentationComment(checker).trim()
