import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { builtinNode, lateNode } from '../modules/builtins.ts'
import type { AnyFunction, Node } from '../shipment.ts'
import type { Cargo } from './cargo.ts'
import { refusal } from './refusal.ts'
import type { Trail } from './trail.ts'

/** A function of the engine or of Node: what a module of Node exports is there too, others have no text to send. */
export function foreignFunction(cargo: Cargo, value: AnyFunction, trail: Trail): Node {
  const builtin = builtinNode(value) ?? lateNode(value)
  if (builtin) return builtin
  if (value.name.startsWith('bound ')) {
    throw refusal(
      cargo.options.call,
      trail,
      'a bound function',
      'What it is bound to cannot be seen: use an arrow function that makes the call, `(...args) => object.method(...args)`.',
    )
  }
  if (Reflect.get(value, promisify.custom) === value) {
    throw refusal(
      cargo.options.call,
      trail,
      'a function made by util.promisify',
      'What it calls cannot be seen: call `promisify` inside the function, or export it from a module and import that.',
    )
  }
  throw refusal(
    cargo.options.call,
    trail,
    'a native function',
    'It has no source to send: call it by its global name, or import it, inside the function.',
  )
}

/** A `require`, of CommonJS or made by `createRequire`: made again for the same folder. */
export function requireNode(value: AnyFunction): Node | undefined {
  const { cache, resolve: find }: { cache?: unknown; resolve?: unknown } = value as Partial<NodeJS.Require>
  if (!cache || typeof find !== 'function' || !('paths' in find) || typeof find.paths !== 'function')
    return undefined
  const folders: unknown = find.paths('./x')
  const folder: unknown = Array.isArray(folders) ? folders[0] : undefined
  if (typeof folder !== 'string') return undefined
  return { kind: 'requirer', from: pathToFileURL(join(resolve(folder), 'x.js')).href }
}
