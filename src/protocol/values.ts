/// <reference lib="es2024.string" />
import { isDeepStrictEqual } from 'node:util'
import { Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr'
import { describe } from './describe.ts'
import { deepFreeze } from './freeze.ts'
import { DEEPEST, fromGraph, type GraphOptions, isPlainPrototype, toGraph } from './graph.ts'

export { describe } from './describe.ts'

/** A value as messages and the log hold it: a primitive that msgpack keeps exactly, or an encoded one. */
export type Wire = null | undefined | boolean | number | string | Packed

// The first byte says how the rest is to be read.
const TREE = 0
const GRAPH = 1

const packr = new Packr({ useRecords: false, moreTypes: false })
const unpackr = new Unpackr({ useRecords: false, moreTypes: false, int64AsType: 'number' })

/** A value in encoded form. Whoever passes it on need not decode it; it is never changed. */
export class Packed {
  #bytes: Uint8Array | undefined
  #value: unknown
  #frozen = false
  readonly #isTree: boolean

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#isTree = bytes[0] === TREE
  }

  /** A value that is encoded when somebody asks for its bytes. Nobody may change it any more. */
  static of(value: unknown, isTree: boolean): Packed {
    const packed = new Packed(isTree ? treeMark : graphMark)
    packed.#bytes = undefined
    packed.#value = value
    return packed
  }

  get bytes(): Uint8Array {
    this.#bytes ??= this.#isTree
      ? encodeTree(this.#value)
      : encodeGraph(this.#value, { call: 'encode', root: '' })
    return this.#bytes
  }

  /** A tree of plain objects and arrays: no cycles, no shared parts, nothing that msgpack lacks. */
  get isTree(): boolean {
    return this.#isTree
  }

  /** The value, anew each time: the caller's own. */
  read(): unknown {
    return decode(this.bytes)
  }

  /** The value, decoded once. Nobody may change it. */
  shared(): unknown {
    if (this.#value === undefined) this.#value = decode(this.bytes)
    return this.#value
  }

  /** The value, decoded once and deeply frozen. */
  frozen(): unknown {
    if (!this.#frozen) {
      this.#frozen = true
      deepFreeze(this.shared())
    }
    return this.#value
  }

  /** The same value, not as a view on a larger frame. */
  own(): Packed {
    const bytes = this.#bytes
    return bytes && bytes.buffer.byteLength > 2 * bytes.length ? new Packed(Buffer.from(bytes)) : this
  }

  equals(other: Packed): boolean {
    if (this === other) return true
    if (this.#bytes && other.#bytes && Buffer.compare(this.#bytes, other.#bytes) === 0) return true
    return isDeepStrictEqual(this.shared(), other.shared())
  }
}

const treeMark = Uint8Array.of(TREE)
const graphMark = Uint8Array.of(GRAPH)

/**
 * A value of the user's as a Wire. What is no data is a TypeError that names `call` and the path from `root`:
 * `state.set('jobs', …): jobs[0].run is a function`.
 */
export function toWire(value: unknown, call: string, root = ''): Wire {
  switch (typeof value) {
    case 'undefined':
    case 'boolean':
      return value
    case 'number':
      if (!Object.is(value, -0)) return value
      break
    case 'string':
      if (value.isWellFormed()) return value
      break
    case 'object':
      if (value === null) return null
      if (isTree(value)) return new Packed(encodeTree(value))
      break
  }
  return new Packed(encodeGraph(value, { call, root }))
}

export const fromWire = (wire: Wire): unknown => (wire instanceof Packed ? wire.read() : wire)
export const sharedFromWire = (wire: Wire): unknown => (wire instanceof Packed ? wire.shared() : wire)
export const frozenFromWire = (wire: Wire): unknown => (wire instanceof Packed ? wire.frozen() : wire)

/** Equal as values: as `util.isDeepStrictEqual` says, so NaN is NaN and 0 is not -0. */
export function equalWires(a: Wire, b: Wire): boolean {
  if (a instanceof Packed) return b instanceof Packed && a.equals(b)
  return Object.is(a, b)
}

export function checkKey(key: unknown, call: string): asserts key is string {
  if (typeof key !== 'string') throw new TypeError(`${call}: keys are strings, got ${describe(key)}`)
  if (key === '__proto__') throw new TypeError(`${call}: __proto__ is refused as a key`)
}

/** Whether a value in memory is a tree; false: it is data of another shape. What is no data is a TypeError. */
export function checkTree(value: unknown, call: string, root: string): boolean {
  if (typeof value === 'object' && value !== null && isTree(value)) return true
  toGraph(value, { call, root })
  return false
}

/** An error, or whatever was thrown, as it travels: what is no data in it stays behind. */
export function errorToWire(error: unknown): Wire {
  if (!(error instanceof Error)) {
    try {
      return toWire(error, 'throw')
    } catch {
      return describe(error)
    }
  }
  return new Packed(encodeGraph(error, { call: 'throw', root: '', lenient: true }))
}

export const errorFromWire = (wire: Wire): unknown => fromWire(wire)

function isTree(root: object): boolean {
  const seen = new Set<object>()
  const walk = (value: unknown, depth: number): boolean => {
    switch (typeof value) {
      case 'number':
        return value !== 0 || !Object.is(value, -0)
      case 'string':
        return value.isWellFormed()
      case 'boolean':
      case 'undefined':
        return true
      case 'object':
        return value === null || walkObject(value, depth)
      default:
        return false
    }
  }
  const walkObject = (value: object, depth: number): boolean => {
    // What is shared, deep or no plain object is the other encoding's to keep or to refuse.
    if (seen.has(value) || depth > DEEPEST) return false
    seen.add(value)
    if (Array.isArray(value)) {
      if (Object.getPrototypeOf(value) !== Array.prototype) return false
      for (let i = 0; i < value.length; i++) {
        const held = value[i]
        if (held === undefined ? !(i in value) : !walk(held, depth + 1)) return false
      }
      return true
    }
    const prototype = Object.getPrototypeOf(value)
    if (prototype === null || !isPlainPrototype(prototype)) return false
    if (Object.getOwnPropertySymbols(value).length > 0) return false
    for (const key of Object.keys(value))
      if (
        key === '__proto__' ||
        !key.isWellFormed() ||
        !walk((value as Record<string, unknown>)[key], depth + 1)
      )
        return false
    return true
  }
  return walkObject(root, 0)
}

function encodeTree(value: unknown): Uint8Array {
  return marked(TREE, value)
}

function encodeGraph(value: unknown, options: GraphOptions): Uint8Array {
  return marked(GRAPH, toGraph(value, options))
}

function marked(mark: number, value: unknown): Uint8Array {
  const bytes = packr.pack(value, RESERVE_START_SPACE + 1)
  bytes[0] = mark
  return bytes
}

function decode(bytes: Uint8Array): unknown {
  const mark = bytes[0]
  if (mark !== TREE && mark !== GRAPH) throw new TypeError('malformed bytes: not a value')
  const value = unpackr.unpack(bytes.subarray(1))
  return mark === TREE ? value : fromGraph(value)
}
