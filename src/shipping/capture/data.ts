import { types } from 'node:util'
import type { Node } from '../shipment.ts'
import { type Cargo, part } from './cargo.ts'
import { protoSlot } from './instances.ts'
import { isInline } from './properties.ts'
import { refusal, whyNot } from './refusal.ts'
import type { Trail } from './trail.ts'

/** What the engine and Node make of a single value, or undefined: other objects are sent part by part. */
export function dataNode(cargo: Cargo, value: object, trail: Trail): Node | undefined {
  if (types.isSharedArrayBuffer(value) || isTransferred(value))
    throw refusal(cargo.options.call, trail, ...whyNot(value))
  if (Buffer.isBuffer(value)) {
    cargo.buffers.add(value)
    return { kind: 'leaf', value }
  }
  if (types.isArrayBuffer(value) || isPlain(value) || isListOfPrimitives(value))
    return { kind: 'leaf', value }
  if (ArrayBuffer.isView(value)) return viewNode(cargo, value, trail)
  if (value instanceof URL) return { kind: 'new', name: 'URL', argument: value.href }
  if (value instanceof URLSearchParams)
    return { kind: 'new', name: 'URLSearchParams', argument: String(value) }
  if (value instanceof TextEncoder) return { kind: 'new', name: 'TextEncoder', argument: 'utf-8' }
  if (value instanceof TextDecoder) return { kind: 'new', name: 'TextDecoder', argument: value.encoding }
  return undefined
}

/**
 * Buffers that share their memory go on sharing it: with each other, or with what else shows it. The small ones of
 * Node lie together in a large piece of memory, of which only their own part is sent.
 */
export function shareMemory(cargo: Cargo, trail: Trail): void {
  const uses = new Map<unknown, number>()
  // Node 26 makes it larger than `Buffer.poolSize`.
  const pool = Buffer.allocUnsafe(1).buffer.byteLength
  for (const { buffer } of cargo.buffers) uses.set(buffer, (uses.get(buffer) ?? 0) + 1)
  for (const value of cargo.buffers) {
    const { buffer } = value
    const isShared = (uses.get(buffer) ?? 0) > 1 && buffer.byteLength !== pool
    const number = cargo.numbers.get(value)
    if (number !== undefined && (isShared || cargo.numbers.has(buffer)))
      cargo.nodes[number] = viewNode(cargo, value, trail)
  }
}

/** Node 20 has no better way to ask. */
function isTransferred(value: object): boolean {
  if (!types.isArrayBuffer(value) || value.byteLength > 0) return false
  try {
    return !new Uint8Array(value)
  } catch {
    return true
  }
}

/** Views of one buffer go on being that. */
function viewNode(cargo: Cargo, value: ArrayBufferView, trail: Trail): Node {
  const buffer = cargo.slot(value.buffer, part(trail, '.buffer'), value)
  const tag = Buffer.isBuffer(value) ? 'Buffer' : Object.prototype.toString.call(value).slice(8, -1)
  const length = 'length' in value ? Number(value.length) : value.byteLength
  const node: Node = { kind: 'view', type: tag, buffer, offset: value.byteOffset, length }
  const { prototype }: { prototype: unknown } = Reflect.get(globalThis, tag)
  if (Object.getPrototypeOf(value) !== prototype) node.proto = protoSlot(cargo, value, trail)
  return node
}

/** A Date or RegExp to which nothing was added. */
function isPlain(value: object): boolean {
  const own = types.isRegExp(value) ? 1 : 0
  const proto = types.isDate(value) ? Date.prototype : own ? RegExp.prototype : undefined
  return (
    proto !== undefined &&
    Object.getPrototypeOf(value) === proto &&
    Object.isExtensible(value) &&
    Reflect.ownKeys(value).length === own
  )
}

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

export function isDense(array: unknown[]): boolean {
  for (let index = 0; index < array.length; index++) if (!(index in array)) return false
  return true
}
