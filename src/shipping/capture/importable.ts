import type { AnyNode } from 'acorn'
import { exportOf, isRequired } from '../modules/exported.ts'
import { importedAs, nodeOfImport } from '../modules/imports.ts'
import type { Node } from '../shipment.ts'
import { leadsToEntry } from '../source/module-graph.ts'
import type { Script } from '../source/parsed.ts'
import type { ModuleVariable, Trail } from './trail.ts'

/** A value that the other side is to import, as it cannot be sent. */
export interface Importable {
  value: object
  node: Node
}

/**
 * The variable on the way to a refused value that the other side can import instead: the first one that holds an object or
 * what a call gave, so that an object and its parts come from one place; else the first function whose text cannot be sent.
 */
export function importableOn(trail: Trail, byValue: boolean): Importable | undefined {
  const variables = variablesOn(trail)
  for (const { home } of [...variables.filter(isObject), ...variables.filter(one => !isObject(one))]) {
    const node = importNode(home, byValue)
    if (node) return { value: home.value, node }
  }
  return undefined
}

/** What to do in order that the value of a variable is imported: for one that a call gave, and has more in it than it shows. */
export function importAdvice(trail: Trail): string {
  const found = variablesOn(trail).find(one => one.at !== trail && isMade(one))
  if (!found || found.home.binding.reassigned) return ''
  const { binding, script } = found.home
  const { name } = binding
  const how = isImportable(script)
    ? `export \`${name}\` from its module`
    : `put \`${name}\` into a module of its own, export it there, and import it`
  return ` Or ${how}: then it is not sent, and the other side imports it.`
}

interface OnTrail {
  at: Trail
  home: ModuleVariable
}

/** The variables of modules, the first that was met first. */
function variablesOn(trail: Trail): OnTrail[] {
  const found: OnTrail[] = []
  for (let at: Trail | undefined = trail; at; at = at.up) {
    if (at.home) found.unshift({ at, home: at.home })
  }
  return found
}

/** Not a function or class that stands in the program's own text. */
function isObject({ home: { binding, value } }: OnTrail): boolean {
  if (typeof value !== 'function') return true
  const { kind, node } = binding
  if (kind === 'import' || kind === 'function' || kind === 'class') return false
  return !(node.type === 'VariableDeclarator' && node.init && FUNCTIONS.has(node.init.type))
}

/** Did a call or `new` give the value? */
function isMade({ home: { binding } }: OnTrail): boolean {
  const { node } = binding
  if (node.type !== 'VariableDeclarator' || importedAs(binding)) return false
  const made = node.init?.type === 'AwaitExpression' ? node.init.argument : node.init
  return made?.type === 'CallExpression' || made?.type === 'NewExpression'
}

function isImportable({ url, isModule }: Script): boolean {
  return url.startsWith('file:') && !leadsToEntry(url) && (isModule || isRequired(url))
}

const FUNCTIONS = new Set<AnyNode['type']>([
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassExpression',
])

function importNode({ value, binding, script }: ModuleVariable, byValue: boolean): Node | undefined {
  if (binding.reassigned) return undefined
  const imported = importedAs(binding)
  // What is imported and not sent by value is imported on the other side anyway.
  if (imported) return byValue ? nodeOfImport(imported, script) : undefined
  return leadsToEntry(script.url) ? undefined : exportOf(binding.name, value, script)
}
