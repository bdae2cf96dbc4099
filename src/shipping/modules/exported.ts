import { fileURLToPath } from 'node:url'
import { home, requireAt } from '../../async/home.ts'
import type { Node } from '../shipment.ts'
import { type Closure, readVariable } from '../source/inspect.ts'
import { loadedHash } from '../source/main-module.ts'
import { leadsToEntry } from '../source/module-graph.ts'
import type { Script } from '../source/parsed.ts'
import { WholeNeeded, writtenIn } from '../source/script.ts'
import { exportsOf } from './imports.ts'

/** How a child gets the very same function by importing its module, or undefined. */
export function exportedAs(value: object, closure: Closure, script: Script): Node | undefined {
  const { url } = script
  if (!url.startsWith('file:')) return undefined
  const found = script.isModule ? fromModule(value, closure, script) : fromRequired(value, url)
  return found && !leadsToEntry(url) ? found : undefined
}

/** How another process gets the value of a variable of a module by importing that, if it exports it. */
export function exportOf(name: string, value: object, script: Script): Node | undefined {
  const { url } = script
  if (!url.startsWith('file:')) return undefined
  if (!script.isModule) return fromRequired(value, url)
  const as = exportsOf(script).get(name)
  return as === undefined ? undefined : importOf(url, as)
}

function importOf(url: string, name: string): Node {
  return { kind: 'import', from: url, specifier: url, path: [name], hash: loadedHash(url) }
}

function fromModule(value: object, closure: Closure, script: Script): Node | undefined {
  const variables = closure.scopes.at(-1) ?? {}
  for (const [local, name] of exportsOf(script)) {
    if (readVariable(variables, local)?.value !== value) continue
    return importOf(script.url, name)
  }
  if (mayBeExported(value, variables, script) && !leadsToEntry(script.url)) throw new WholeNeeded()
  // `export default` of an arrow function, or of one without a name: it has no variable to look at.
  for (const statement of script.program.body) {
    if (statement.type !== 'ExportDefaultDeclaration' || typeof value !== 'function') continue
    const written = writtenIn(script, closure, Function.prototype.toString.call(value))
    if (written?.node !== statement.declaration) return undefined
    return importOf(script.url, 'default')
  }
  return undefined
}

/** Whether a variable holds it that an `export const` may declare behind others, of which the outline may lack some. */
function mayBeExported(value: object, variables: Record<string, unknown>, { outline }: Script): boolean {
  if (!outline?.mayLack) return false
  return Object.keys(variables).some(name => readVariable(variables, name)?.value === value)
}

/** Is it a module that `require` has loaded? */
export function isRequired(url: string): boolean {
  return require.cache[fileURLToPath(url)]?.loaded === true
}

function fromRequired(value: object, url: string): Node | undefined {
  const path = fileURLToPath(url)
  const module = require.cache[path]
  if (!module?.loaded) return undefined
  const exported: unknown = module.exports
  const found = { kind: 'require', from: url, specifier: path, hash: loadedHash(url) } as const
  if (exported === value) return { ...found, path: [] }
  if ((typeof exported !== 'object' && typeof exported !== 'function') || exported === null) return undefined
  for (const key of Object.keys(exported)) {
    if (Reflect.get(exported, key) === value) return { ...found, path: [key] }
  }
  return undefined
}

const require = requireAt(home)
