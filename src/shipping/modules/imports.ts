import { isBuiltin } from 'node:module'
import type { AnyNode } from 'acorn'
import type { Interop, Node } from '../shipment.ts'
import type { Binding } from '../source/bindings.ts'
import { isFileSpecifier, loadedHash, resolveFile } from '../source/main-module.ts'
import { leadsToEntry } from '../source/module-graph.ts'
import type { Script } from '../source/parsed.ts'
import { partsOf } from '../source/syntax-tree.ts'

/** What a variable was imported as. */
export interface Imported {
  /** How the other side gets it again. */
  how: 'import' | 'require'
  specifier: string
  /** Names to follow from the module on; none: the module itself. */
  path: string[]
  /** A compiler's function is around the module: `__importDefault(require('x'))`. */
  interop: Interop | undefined
  /** By the import function of a test runner. */
  byRunner?: boolean
}

/** What the variable was imported as, when its declaration is an import of any style. */
export function importedAs({ kind, node, from, name }: Binding): Imported | undefined {
  if (kind === 'import' && from !== undefined) {
    return { how: 'import', specifier: from, path: importedName(node), interop: undefined }
  }
  if (node.type !== 'VariableDeclarator' || !node.init) return undefined
  const source = moduleOf(node.init)
  const path = source && pathTo(node.id, name)
  return source && path && { ...source, path: [...source.path, ...path] }
}

/** The import as the other side is to do it; undefined where it cannot, as that would run the program a second time. */
export function nodeOfImport(
  { how, specifier, path, interop, byRunner }: Imported,
  script: Script,
): Node | undefined {
  const from = script.url
  if (isBuiltin(specifier)) {
    const within = how === 'import' || interop ? path : ['default', ...path]
    return { kind: 'builtin', id: specifier, path: within }
  }
  if (!from.startsWith('file:')) return undefined
  const target = isFileSpecifier(specifier) ? resolveFile(specifier, from) : undefined
  if (target && leadsToEntry(target)) return undefined
  // A test runner has compiled it for itself: a child, without the runner, could not import it.
  if (byRunner && target && !/\.[cm]?js(?:[?#]|$)/.test(target)) return undefined
  const hash = target && loadedHash(target)
  if (how === 'import') return { kind: 'import', from, specifier: target ?? specifier, path, hash }
  return { kind: 'require', from, specifier, path, hash, interop }
}

/** What the module exports under which local names; a default export without a name under `*default*`. */
export function exportsOf(script: Script): Map<string, string> {
  const known = script.outline?.exports ?? exported.get(script)
  if (known) return known
  const names = new Map<string, string>()
  for (const statement of script.program.body) {
    if (statement.type === 'ExportDefaultDeclaration') {
      const { declaration } = statement
      if (declaration.type === 'Identifier') names.set(declaration.name, 'default')
      else if ('id' in declaration && declaration.id) names.set(declaration.id.name, 'default')
    }
    if (statement.type !== 'ExportNamedDeclaration' || statement.source) continue
    const { declaration, specifiers } = statement
    if (declaration?.type === 'VariableDeclaration') {
      for (const { id } of declaration.declarations)
        for (const part of partsOf(id)) if ('name' in part) names.set(part.name.name, part.name.name)
    } else if (declaration) names.set(declaration.id.name, declaration.id.name)
    for (const { local, exported: as } of specifiers) {
      names.set(nameOf(local), nameOf(as))
    }
  }
  exported.set(script, names)
  return names
}

/** The functions that tsc, esbuild, swc and babel write around `require`. */
const INTEROPS: Record<string, Interop> = {
  __importDefault: 'default',
  _interop_require_default: 'default',
  _interopRequireDefault: 'default',
  __importStar: 'star',
  __toESM: 'star',
  _interop_require_wildcard: 'star',
  _interopRequireWildcard: 'star',
}

const exported = new WeakMap<Script, Map<string, string>>()

function importedName(specifier: AnyNode): string[] {
  if (specifier.type === 'ImportNamespaceSpecifier') return []
  if (specifier.type === 'ImportSpecifier') return [nameOf(specifier.imported)]
  return ['default']
}

function nameOf(node: AnyNode): string {
  if (node.type === 'Identifier') return node.name
  return node.type === 'Literal' ? String(node.value) : ''
}

/** `require('x')`, `await import('x')`, a test runner's own import, and what wraps them. */
function moduleOf(init: AnyNode): Imported | undefined {
  if (init.type === 'AwaitExpression') {
    const { argument } = init
    if (argument.type === 'ImportExpression') return literal('import', argument.source)
    if (argument.type !== 'CallExpression' || argument.callee.type !== 'Identifier') return undefined
    if (!/^__vi\w*import/.test(argument.callee.name)) return undefined
    const imported = literal('import', argument.arguments[0])
    return imported && { ...imported, byRunner: true }
  }
  if (init.type === 'MemberExpression' && !init.computed && init.property.type === 'Identifier') {
    const source = moduleOf(init.object)
    return source && { ...source, path: [...source.path, init.property.name] }
  }
  if (init.type !== 'CallExpression' || init.callee.type !== 'Identifier') return undefined
  const first = init.arguments[0]
  if (init.callee.name === 'require') return literal('require', first)
  const interop = INTEROPS[init.callee.name]
  const inner = first && interop && moduleOf(first)
  if (inner?.how !== 'require' || inner.interop) return undefined
  return { ...inner, interop: interop === 'star' && init.arguments.length > 1 ? 'node' : interop }
}

function literal(how: Imported['how'], node: AnyNode | undefined): Imported | undefined {
  if (node?.type !== 'Literal' || typeof node.value !== 'string') return undefined
  return { how, specifier: node.value, path: [], interop: undefined }
}

/** The way from the initial value to the variable: `const { a: { b } } = …`. */
function pathTo(pattern: AnyNode, name: string): string[] | undefined {
  if (pattern.type === 'Identifier') return pattern.name === name ? [] : undefined
  if (pattern.type !== 'ObjectPattern') return undefined
  for (const property of pattern.properties) {
    if (property.type !== 'Property' || property.computed) continue
    const rest = pathTo(property.value, name)
    if (rest) return [nameOf(property.key), ...rest]
  }
  return undefined
}
