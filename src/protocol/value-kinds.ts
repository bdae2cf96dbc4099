import { types } from 'node:util'
import { isKnownError } from './value-errors.ts'

/** What an object is, as far as values go. `bare`: without a prototype; `bytes`: ArrayBuffer; `view`: typed arrays, DataView. */
export type Kind =
  | 'object'
  | 'bare'
  | 'array'
  | 'map'
  | 'set'
  | 'date'
  | 'regexp'
  | 'error'
  | 'bytes'
  | 'buffer'
  | 'view'

type ViewClass = { new (buffer: ArrayBuffer): ArrayBufferView; name: string; prototype: object }

const { Float16Array } = globalThis as { Float16Array?: ViewClass }

/** The classes of typed arrays, and DataView, by name. */
export const viewClasses: ReadonlyMap<string, ViewClass> = new Map(
  [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
    DataView,
    ...(Float16Array ? [Float16Array] : []),
  ].map(one => [one.name, one as ViewClass]),
)

const kinds = new Map<object, Kind>([
  [Object.prototype, 'object'],
  [Array.prototype, 'array'],
  [Map.prototype, 'map'],
  [Set.prototype, 'set'],
  [Date.prototype, 'date'],
  [RegExp.prototype, 'regexp'],
  [ArrayBuffer.prototype, 'bytes'],
  [Buffer.prototype, 'buffer'],
  ...Array.from(viewClasses.values(), ({ prototype }): [object, Kind] => [prototype, 'view']),
])

/** The kind of data that an object is; undefined when it is none. */
export function kindOf(value: object): Kind | undefined {
  const prototype = Object.getPrototypeOf(value)
  if (prototype === null) return 'bare'
  const kind = kinds.get(prototype) ?? foreignKind(prototype)
  if (kind === undefined) return isKnownError(value) ? 'error' : undefined
  return isBrand[kind](value) ? kind : undefined
}

// A prototype can be given to any object: what works inside is what counts.
const any = () => true
const hasStorage = (buffer: unknown) => types.isArrayBuffer(buffer) && !isDetached(buffer)
const isBrand: Record<Kind, (value: unknown) => boolean> = {
  object: any,
  bare: any,
  error: any,
  array: Array.isArray,
  map: types.isMap,
  set: types.isSet,
  date: types.isDate,
  regexp: types.isRegExp,
  bytes: hasStorage,
  buffer: value => types.isUint8Array(value) && hasStorage((value as ArrayBufferView).buffer),
  view: value => ArrayBuffer.isView(value) && hasStorage((value as ArrayBufferView).buffer),
}

/** Whether the bytes were handed over to somebody else, as `postMessage` can. */
export function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength > 0) return false
  try {
    new Uint8Array(buffer)
    return false
  } catch {
    return true
  }
}

/** What another realm (a test runner's, `node:vm`) made is data as well: its classes go by their names. */
function foreignKind(prototype: object): Kind | undefined {
  const name = nameOf(prototype)
  const local = name === undefined ? undefined : (globalThis as Record<string, unknown>)[name]
  if (typeof local !== 'function' || nameOf(local.prototype) !== name) return undefined
  return levels(local.prototype) === levels(prototype) ? kinds.get(local.prototype) : undefined
}

function nameOf(prototype: object | undefined): string | undefined {
  const made = prototype && Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  return typeof made === 'function' && typeof made.name === 'string' ? made.name : undefined
}

// A class that is called Map, and extends Map, is one level further down than Map.
function levels(prototype: object): number {
  let count = 0
  for (let at: object | null = prototype; at; at = Object.getPrototypeOf(at)) count++
  return count
}

/** A primitive that msgpack keeps exactly: not -0, a bigint, or a string with half a surrogate pair. */
export function isInline(value: unknown): value is null | undefined | boolean | number | string {
  switch (typeof value) {
    case 'undefined':
    case 'boolean':
      return true
    case 'number':
      return value !== 0 || !Object.is(value, -0)
    case 'string':
      return value.isWellFormed()
    default:
      return value === null
  }
}
