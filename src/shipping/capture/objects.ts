import { types } from 'node:util'
import { builtinNode, className, isObject, lateNode } from '../modules/builtins.ts'
import type { Base, Node, Slot } from '../shipment.ts'
import { type Cargo, type ObjectNode, part } from './cargo.ts'
import { dataNode, isDense } from './data.ts'
import { addPrivates, BASES, protoSlot, prototypeNode } from './instances.ts'
import { addProperties, isInline } from './properties.ts'
import { isIterator, refusal, whyNot } from './refusal.ts'
import type { Trail } from './trail.ts'
import { importOf } from './variables.ts'

/** An object of any kind: with its prototype, its entries and properties, its private fields. */
export function objectNode(cargo: Cargo, value: object, trail: Trail): Node {
  const builtinModule = builtinNamespace(value)
  if (builtinModule) return builtinModule
  if (types.isModuleNamespaceObject(value)) return namespaceNode(cargo, value, trail)
  if (
    types.isPromise(value) ||
    types.isGeneratorObject(value) ||
    types.isExternal(value) ||
    isIterator(value) ||
    types.isArgumentsObject(value) ||
    value instanceof WeakRef
  ) {
    throw refusal(cargo.options.call, trail, ...whyNot(value))
  }
  const data = dataNode(cargo, value, trail)
  if (data) return data
  const builtin = className(value) === 'Object' ? builtinNode(value) : lateNode(value)
  const made = builtin ?? prototypeNode(cargo, value, trail)
  if (made) return made
  const base = baseOf(value)
  const node: ObjectNode = { kind: 'object', base, properties: [] }
  if (Object.getPrototypeOf(value) !== BASES[base]) node.proto = protoSlot(cargo, value, trail)
  const entries = entriesOf(cargo, value, trail)
  if (entries) node.entries = entries
  const isOfItems = base === 'Array' ? isDense(value as unknown[]) : base === 'String'
  addProperties(
    cargo,
    node,
    value,
    trail,
    key => isOfItems && (key === 'length' || (typeof key === 'string' && /^(?:0|[1-9]\d*)$/.test(key))),
  )
  if (base === 'WeakMap' || base === 'WeakSet') {
    cargo.weak.set(value, { node, trail })
    cargo.seen.unclear()
  }
  if (node.proto !== undefined) addPrivates(cargo, node, value, trail)
  return node
}

/** What is in an object besides its properties. */
function entriesOf(cargo: Cargo, value: object, trail: Trail): Slot[] | undefined {
  if (Array.isArray(value) && isDense(value))
    return Array.from(value, (item: unknown, index) =>
      isInline(item) ? item : cargo.slot(item, part(trail, `[${index}]`), value),
    )
  if (types.isMap(value))
    return [...Map.prototype.entries.call(value)].flatMap(([key, item]) => [
      cargo.slot(key, part(trail, ' (a key)'), value),
      cargo.slot(item, part(trail, typeof key === 'string' ? `.get('${key}')` : ' (a value)'), value),
    ])
  if (types.isSet(value))
    return [...Set.prototype.values.call(value)].map(item =>
      cargo.slot(item, part(trail, ' (an item)'), value),
    )
  if (types.isDate(value)) return [Date.prototype.getTime.call(value)]
  if (types.isRegExp(value)) return [value.source, value.flags]
  return types.isBoxedPrimitive(value) ? [cargo.slot(unboxed(value), trail, value)] : undefined
}

function unboxed(value: object): unknown {
  return BASES[baseOf(value)].valueOf.call(value)
}

/** What `import * as fs` gives, or a compiler makes of `require('fs')` for it. */
function builtinNamespace(value: object): Node | undefined {
  const module: unknown = Object.getOwnPropertyDescriptor(value, 'default')?.value
  const node = isObject(module) ? builtinNode(module) : undefined
  return node?.kind === 'builtin' && node.path.length === 0 ? node : undefined
}

function namespaceNode(cargo: Cargo, value: object, trail: Trail): Node {
  const imported = importOf(cargo, value)
  if (imported) return imported
  const node: ObjectNode = { kind: 'object', base: 'Object', proto: null, properties: [] }
  addProperties(cargo, node, value, trail, key => key === Symbol.toStringTag)
  return node
}

function baseOf(value: object): Base {
  if (Array.isArray(value)) return 'Array'
  if (types.isMap(value)) return 'Map'
  if (types.isSet(value)) return 'Set'
  if (types.isNativeError(value)) return 'Error'
  if (types.isWeakMap(value)) return 'WeakMap'
  if (types.isWeakSet(value)) return 'WeakSet'
  if (types.isDate(value)) return 'Date'
  if (types.isRegExp(value)) return 'RegExp'
  if (types.isNumberObject(value)) return 'Number'
  if (types.isStringObject(value)) return 'String'
  if (types.isBooleanObject(value)) return 'Boolean'
  if (types.isBigIntObject(value)) return 'BigInt'
  return types.isSymbolObject(value) ? 'Symbol' : 'Object'
}
