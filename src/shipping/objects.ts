import { types } from 'node:util'
import { type Cargo, type ObjectNode, part } from './cargo.ts'
import { planClass } from './classes.ts'
import { textOfClass } from './functions.ts'
import { builtinNode, nativeNode } from './natives.ts'
import { addProperties, isInline } from './properties.ts'
import { className, OWN_ADVICE, refusal, type Trail, whyNot } from './refusal.ts'
import { type Script, scriptOf } from './script.ts'
import type { AnyFunction, Base, Node, Slot } from './shipment.ts'
import { importOf } from './variables.ts'

/** An object of any kind: with its prototype, its entries and properties, its private fields. */
export function objectNode(cargo: Cargo, value: object, trail: Trail): Node {
  if (types.isModuleNamespaceObject(value)) return namespaceNode(cargo, value, trail)
  if (
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isAnyArrayBuffer(value) ||
    Buffer.isBuffer(value) ||
    types.isBoxedPrimitive(value)
  ) {
    if (types.isSharedArrayBuffer(value)) throw refusal(cargo.options.call, trail, ...whyNot(value))
    return { kind: 'leaf', value }
  }
  if (ArrayBuffer.isView(value)) {
    // Views of one buffer go on being that.
    const buffer = cargo.slot(value.buffer, part(trail, '.buffer'), value)
    const length = 'length' in value ? Number(value.length) : value.byteLength
    return { kind: 'view', type: className(value), buffer, offset: value.byteOffset, length }
  }
  if (value instanceof URL) return { kind: 'new', name: 'URL', argument: value.href }
  if (value instanceof URLSearchParams)
    return { kind: 'new', name: 'URLSearchParams', argument: String(value) }
  if (value instanceof TextEncoder) return { kind: 'new', name: 'TextEncoder', argument: 'utf-8' }
  if (value instanceof TextDecoder) return { kind: 'new', name: 'TextDecoder', argument: value.encoding }
  if (
    types.isPromise(value) ||
    types.isGeneratorObject(value) ||
    types.isExternal(value) ||
    types.isMapIterator(value) ||
    types.isSetIterator(value) ||
    value instanceof WeakRef
  ) {
    throw refusal(cargo.options.call, trail, ...whyNot(value))
  }
  const builtin = className(value) === 'Object' ? builtinNode(value) : undefined
  if (builtin) return builtin
  if (isListOfPrimitives(value)) return { kind: 'leaf', value }
  const base = baseOf(value)
  const node: ObjectNode = { kind: 'object', base, properties: [] }
  const proto: unknown = Object.getPrototypeOf(value)
  if (proto !== BASES[base]) node.proto = protoSlot(cargo, proto, value, trail)
  if (Array.isArray(value) && isDense(value)) {
    node.entries = Array.from(value, (item: unknown, index) =>
      isInline(item) ? item : cargo.slot(item, part(trail, `[${index}]`), value),
    )
    addProperties(
      cargo,
      node,
      value,
      trail,
      key => key === 'length' || (typeof key === 'string' && /^(?:0|[1-9]\d*)$/.test(key)),
    )
  } else {
    if (value instanceof Map) {
      node.entries = [...Map.prototype.entries.call(value)].flatMap(([key, item]) => [
        cargo.slot(key, part(trail, ' (a key)'), value),
        cargo.slot(item, part(trail, typeof key === 'string' ? `.get('${key}')` : ' (a value)'), value),
      ])
    } else if (value instanceof Set) {
      node.entries = [...Set.prototype.values.call(value)].map(item =>
        cargo.slot(item, part(trail, ' (an item)'), value),
      )
    }
    addProperties(cargo, node, value, trail, () => false)
  }
  if (base === 'WeakMap' || base === 'WeakSet') {
    cargo.weak.set(value, { node, trail })
    cargo.options.seen.unclear()
  }
  if (node.proto !== undefined) addPrivates(cargo, node, value, trail)
  return node
}

function protoSlot(cargo: Cargo, proto: unknown, value: object, trail: Trail): Slot {
  if (typeof proto !== 'object' || proto === null) return null
  const known = cargo.numbers.get(proto)
  if (known !== undefined) return [known]
  const maker: unknown = Object.getOwnPropertyDescriptor(proto, 'constructor')?.value
  if (typeof maker !== 'function') return cargo.slot(proto, trail, undefined)
  for (let at: unknown = proto; at; at = Object.getPrototypeOf(at)) checkMaker(cargo, at, value, trail)
  if (maker.prototype !== proto) return cargo.slot(proto, trail, undefined)
  const number = cargo.nodes.push({ kind: 'prototype', of: undefined }) - 1
  cargo.numbers.set(proto, number)
  const of = cargo.slot(maker, { up: trail, name: maker.name, variable: true, place: trail.place }, undefined)
  cargo.nodes[number] = { kind: 'prototype', of }
  return [number]
}

/** Objects of the engine, of Node and of zproc have more to them than properties: they, and what extends them, stay. */
function checkMaker(cargo: Cargo, proto: unknown, value: object, trail: Trail): void {
  const maker: unknown = Object.getOwnPropertyDescriptor(proto, 'constructor')?.value
  if (typeof maker !== 'function') return
  const { call } = cargo.options
  if (nativeNode(maker)) {
    if (!isOrdinary(maker.prototype)) throw refusal(call, trail, ...whyNot(value, maker.name))
  } else if (!builtinBase(maker)) {
    const closure = cargo.engine.closure(maker)
    const script = closure && scriptOf(cargo.engine, closure, maker)
    if (!closure || script?.url.startsWith('node:')) throw refusal(call, trail, ...whyNot(value, maker.name))
    if (isOwnClass(maker, script)) throw refusal(call, trail, `a zproc ${maker.name}`, OWN_ADVICE)
  }
}

/** Private fields exist only on what the class itself has made: its text has to go along. */
function addPrivates(cargo: Cargo, node: ObjectNode, value: object, trail: Trail): void {
  const hidden = cargo.engine.privates(value)
  const classes: AnyFunction[] = []
  for (let at: unknown = Object.getPrototypeOf(value); at; at = Object.getPrototypeOf(at)) {
    const maker: unknown = Object.getOwnPropertyDescriptor(at, 'constructor')?.value
    if (typeof maker === 'function' && !nativeNode(maker)) classes.unshift(maker)
  }
  // Compilers keep private fields in WeakMaps beside the class.
  for (const one of classes) if (isKeptBeside(cargo, one, value)) textOfClass(cargo, one, trail)
  if (hidden.length === 0) return
  cargo.options.seen.unclear()
  node.privates = []
  for (const one of classes) {
    if (builtinBase(one)) continue
    const draft = textOfClass(cargo, one, trail)
    const values = planClass(draft.written.node, false).privateFields.map((name): [string, Slot] => {
      const at = hidden.findIndex(([known]) => known === name)
      const [found] = at < 0 ? [] : hidden.splice(at, 1)
      return [name, cargo.slot(found?.[1], part(trail, `.${name}`), value)]
    })
    draft.restores = true
    const number = cargo.numbers.get(one)
    if (number !== undefined && values.length) node.privates.push([[number], values])
  }
}

function isKeptBeside(cargo: Cargo, one: AnyFunction, value: object): boolean {
  let kept = cargo.beside.get(one)
  if (!kept) {
    const scopes = cargo.engine.closure(one)?.scopes ?? []
    kept = scopes
      .flatMap(scope => Object.values(scope))
      .filter(found => types.isWeakMap(found) || types.isWeakSet(found))
    cargo.beside.set(one, kept)
  }
  return kept.some(weak => weak.has(value))
}

function namespaceNode(cargo: Cargo, value: object, trail: Trail): Node {
  const fallback: unknown = Object.getOwnPropertyDescriptor(value, 'default')?.value
  const builtin = typeof fallback === 'object' && fallback !== null ? builtinNode(fallback) : undefined
  if (builtin) return builtin
  const imported = importOf(cargo, value)
  if (imported) return imported
  const node: ObjectNode = { kind: 'object', base: 'Object', proto: null, properties: [] }
  addProperties(cargo, node, value, trail, key => key === Symbol.toStringTag)
  return node
}

const BASES: Record<Base, object> = {
  Object: Object.prototype,
  Array: Array.prototype,
  Map: Map.prototype,
  Set: Set.prototype,
  Error: Error.prototype,
  WeakMap: WeakMap.prototype,
  WeakSet: WeakSet.prototype,
}

function baseOf(value: object): Base {
  if (Array.isArray(value)) return 'Array'
  if (types.isMap(value)) return 'Map'
  if (types.isSet(value)) return 'Set'
  if (types.isNativeError(value)) return 'Error'
  if (types.isWeakMap(value)) return 'WeakMap'
  return types.isWeakSet(value) ? 'WeakSet' : 'Object'
}

/** What the engine makes itself has parts that are no properties: only the kinds in `BASES` can be made again. */
function isOrdinary(proto: unknown): boolean {
  return Object.values(BASES).some(known => known === proto) || proto instanceof Error
}

/** A class of Node that is made of ordinary properties: it may be extended, and sent. */
function builtinBase(maker: AnyFunction): boolean {
  return maker.name === 'EventEmitter' && builtinNode(maker) !== undefined
}

function isOwnClass(maker: AnyFunction, script: Script | undefined): boolean {
  return (
    script?.url.startsWith(HOME) === true && /^(?:Context|State|Process|StateView|Server)$/.test(maker.name)
  )
}

const HOME = new URL('../', import.meta.url).href

/** A long list of numbers or strings goes as it is. */
function isListOfPrimitives(value: object): boolean {
  if (!Array.isArray(value) || value.length < 100 || Object.getPrototypeOf(value) !== Array.prototype)
    return false
  return Object.isExtensible(value) && isDense(value) && value.every(isInline) && hasItemsOnly(value)
}

/** Index keys come first: were there another, it would be behind them. */
function hasItemsOnly(array: unknown[]): boolean {
  let last: string | undefined
  for (const key in array) last = key
  return last === String(array.length - 1) && Object.getOwnPropertySymbols(array).length === 0
}

function isDense(array: unknown[]): boolean {
  for (let index = 0; index < array.length; index++) if (!(index in array)) return false
  return true
}
