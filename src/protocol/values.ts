import { Packr, Unpackr } from 'msgpackr/pack'
import { ValueTooLargeError } from '../errors.ts'
import { describe } from './describe.ts'
import { encodeList } from './list-pieces.ts'
import { LiveTree } from './live-tree.ts'
import { pack } from './pack.ts'
import { deepEqual } from './value-equal.ts'
import { deepFreeze } from './value-freeze.ts'
import { equalGraphs } from './value-graph-equal.ts'
import { fromGraph, graphDepth, malformed } from './value-graph-read.ts'
import { DEEPEST, type GraphOptions, toGraph } from './value-graph-write.ts'
import { isInline } from './value-kinds.ts'
import { scan } from './value-scan.ts'
import { isTree } from './value-tree.ts'
import { weightOf } from './value-weight.ts'

export { describe } from './describe.ts'
/** Levels of nesting that a value may have. */
export const MAX_DEPTH = DEEPEST

export { isInline } from './value-kinds.ts'

/** A primitive that msgpack keeps exactly. */
export type Inline = null | undefined | boolean | number | string

/** A value as messages and the log hold it: a primitive, or an encoded value. */
export type Wire = Inline | Packed

/** Makes a value again that a Packed gave up. */
export abstract class Remake {
  abstract make(): unknown
}

/** A value in encoded form. Whoever passes it on need not decode it; it is never changed. */
export class Packed {
  #bytes: Uint8Array | undefined
  #isTree: boolean
  #cameEncoded = true
  #isDecoded = false
  #isLent = false
  #isFrozen = false
  /** The decoded value, or what holds it, or what makes it again. */
  #value: unknown

  /** Anybody's bytes: reading them throws if they are no value. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#isTree = bytes[0] === TREE
  }

  /** A value that is encoded when its bytes are read, into memory of its own. Only its own LiveTree may change it. */
  static of(value: unknown, isTree: boolean): Packed {
    const packed = new Packed(NOTHING)
    packed.#bytes = undefined
    packed.#cameEncoded = false
    packed.#isTree = isTree
    packed.#isDecoded = true
    packed.#isLent = true
    packed.#value = value
    return packed
  }

  /** What a LiveTree holds; nothing else changes it from now on. */
  static ofTree(tree: LiveTree): Packed {
    const packed = Packed.of(tree, true)
    packed.#isLent = false
    return packed
  }

  get bytes(): Uint8Array {
    return this.#bytes ?? this.#encode()
  }

  /** Makes `bytes`, where that is much work: a long list is encoded in pieces, see inPieces. */
  *encoding(): Generator<void, void> {
    if (this.#bytes || !this.#isTree) return
    const value = this.#content()
    if (!Array.isArray(value) || value.length < LONG_LIST) return
    // What changes it meanwhile changes a copy.
    this.shared()
    const list = yield* encodeList(value, some => (isTree(some) ? pack(packr, some, 0) : undefined))
    if (!list || this.#bytes) return
    this.#bytes = new Uint8Array(1 + list.length)
    this.#bytes[0] = TREE
    this.#bytes.set(list, 1)
  }

  /** A tree of plain objects and arrays: no cycles, nothing in it twice, nothing that msgpack lacks. */
  get isTree(): boolean {
    return this.#isTree
  }

  /** The value, anew each time: the caller's own. */
  read(): unknown {
    return decode(this.bytes)
  }

  /** The value, decoded once and kept. Nobody may change it. */
  shared(): unknown {
    const value = this.#content()
    this.#isLent = true
    return this.#value instanceof LiveTree ? this.#value.lend() : value
  }

  /** The value, decoded once, kept, and deeply frozen. */
  frozen(): unknown {
    const value = this.shared()
    if (!this.#isFrozen) deepFreeze(value)
    this.#isFrozen = true
    return value
  }

  /** The tree that this is, decoded once and kept, for reading at once and for being changed by `applySteps` alone. */
  tree(): LiveTree {
    if (this.#value instanceof LiveTree) return this.#value
    const tree = new LiveTree(this.#content(), this.#isLent)
    this.#value = tree
    return tree
  }

  /** Its tree is another value from now on: this one is read from its bytes again, or is what `remake` makes. */
  giveUp(remake: Remake): void {
    this.#isFrozen = this.#isLent = false
    this.#isDecoded = this.#bytes === undefined
    this.#value = this.#isDecoded ? remake : undefined
  }

  /** What makes the value, as long as nobody has asked for it. */
  get remake(): Remake | undefined {
    return this.#value instanceof Remake ? this.#value : undefined
  }

  /** The same value, for keeping: not as a view on a larger frame, which it would keep with it. */
  own(): Packed {
    const bytes = this.#bytes
    const owned = bytes && ownBytes(bytes)
    return !owned || owned === bytes ? this : new Packed(owned)
  }

  /** Whether it was made from bytes, which it then keeps. */
  get cameEncoded(): boolean {
    return this.#cameEncoded
  }

  /** Keeps the encoded form alone: the decoded one is made again when it is asked for. */
  slim(): void {
    if (this.#isDecoded) void this.bytes
    this.#isDecoded = this.#isFrozen = this.#isLent = false
    this.#value = undefined
  }

  /** About how many bytes of memory it takes. */
  get weight(): number {
    if (this.#bytes) return PACKED + this.#bytes.length
    return PACKED + weightOf(this.#value instanceof LiveTree ? this.#value.root : this.#value)
  }

  /** Throws unless it can be read, and is nested no deeper than `maxDepth` levels where it is to stand. */
  check(maxDepth: number, above = 0): void {
    const bytes = this.#bytes
    if (this.#isDecoded || !bytes) return
    const depth = above + (bytes[0] === TREE ? scan(bytes, 1) : checkGraph(bytes))
    if (depth <= maxDepth) return
    throw new ValueTooLargeError(
      `a value is nested ${depth} levels deep; the server takes ${maxDepth} (its maxDepth): nest it less, or start the server with a larger maxDepth`,
    )
  }

  equals(other: Packed): boolean {
    if (this === other) return true
    const { bytes } = this
    const others = other.bytes
    if (Buffer.compare(bytes, others) === 0) return true
    if (this.#isTree && other.#isTree && !sameBytesInAnyOrder(bytes, others)) return false
    const known = bytes[0] === GRAPH && others[0] === GRAPH ? sameGraphs(bytes, others) : undefined
    if (known !== undefined) return known
    // Not kept: the decoded form of all that is ever compared would fill the memory of a server.
    return deepEqual(
      this.#isDecoded ? this.#content() : this.read(),
      other.#isDecoded ? other.#content() : other.read(),
    )
  }

  #content(): unknown {
    if (this.#isDecoded) {
      if (this.#value instanceof Remake) {
        this.#value = this.#value.make()
        this.#isLent = true
      }
    } else {
      this.#value = decode(this.bytes)
      this.#isDecoded = true
    }
    return this.#value instanceof LiveTree ? this.#value.settled() : this.#value
  }

  #encode(): Uint8Array {
    const value = this.#content()
    // A change of a tree can make it deeper than trees may be.
    this.#isTree &&= isTree(value)
    this.#bytes = ownBytes(this.#isTree ? encodeTree(value) : encodeGraph(value, INNER))
    return this.#bytes
  }
}

/**
 * A value of the user's as a Wire. What is no data is a TypeError that names `call` and the path from `root`:
 * `state.set('jobs', …): jobs[0].run is a function`.
 */
export function toWire(value: unknown, call: string, root = ''): Wire {
  if (isInline(value)) return value
  if (typeof value === 'object' && isTree(value)) return new Packed(encodeTree(value))
  return new Packed(encodeGraph(value, { call, root }))
}

/** As `toWire`, for a part to be put into a tree, `depth` levels down; NO_TREE: there it would be no tree any more. `seen` gets its objects. */
export function toTreeWire(value: unknown, depth: number, seen: Set<object>): Wire | typeof NO_TREE {
  if (isInline(value)) return value
  return typeof value === 'object' && isTree(value, depth, seen) ? new Packed(encodeTree(value)) : NO_TREE
}
export const NO_TREE = Symbol('no tree')

/** A part of a tree that nobody may change any more, encoded when somebody asks for its bytes. */
export const keptWire = (value: unknown): Wire => (isInline(value) ? value : Packed.of(value, true))

export const fromWire = (wire: Wire): unknown => (wire instanceof Packed ? wire.read() : wire)
export const sharedFromWire = (wire: Wire): unknown => (wire instanceof Packed ? wire.shared() : wire)
export const frozenFromWire = (wire: Wire): unknown => (wire instanceof Packed ? wire.frozen() : wire)

/** Equal as values: as `util.isDeepStrictEqual` says, so NaN is NaN and 0 is not -0. */
export function equalWires(a: Wire, b: Wire): boolean {
  if (a instanceof Packed) return b instanceof Packed && a.equals(b)
  return Object.is(a, b)
}

/** Whether what arrived where a Wire belongs is one. */
export function isWire(value: unknown): value is Wire {
  return typeof value === 'object' ? value === null || value instanceof Packed : typeof value !== 'bigint'
}

/** Whether a value in memory is a tree; false: it is data of another shape. What is no data is a TypeError. */
export function checkTree(value: unknown, call: string, root: string): boolean {
  if (isTree(value)) return true
  toGraph(value, { call, root })
  return false
}

export function checkKey(key: unknown, call: string): asserts key is string {
  if (typeof key !== 'string') throw new TypeError(`${call}: a key must be a string, got ${describe(key)}`)
  if (key === '__proto__') throw new TypeError(`${call}: '__proto__' is refused as a key`)
  if (!key.isWellFormed())
    throw new TypeError(
      `${call}: a key must be Unicode text, got ${describe(key)}, which has half a character in it`,
    )
}

/** Whatever was thrown, as it travels: what is no data in it stays behind. Never throws. */
export function errorToWire(error: unknown): Wire {
  try {
    if (typeof error !== 'object' || error === null) return toWire(error, 'throw')
    return new Packed(encodeGraph(error, THROWN))
  } catch {
    return describeAny(error)
  }
}

function describeAny(thrown: unknown): Wire {
  try {
    return describe(thrown)
  } catch {
    const words =
      'what was thrown cannot be examined: it is a Proxy that was revoked, or whose handler throws'
    return new Packed(encodeGraph(new TypeError(words), THROWN))
  }
}

/** What was thrown: built-in errors and zproc's are of their class, others of one that bears the name of theirs. */
export const errorFromWire = (wire: Wire): unknown => fromWire(wire)

const INNER: GraphOptions = { call: 'encode', root: '', deepest: Number.POSITIVE_INFINITY }
const THROWN: GraphOptions = { call: 'throw', root: '', lenient: true }

/** The same bytes, in memory that holds little else: a log keeps them, and would keep all that they are a view of. */
const ownBytes = (bytes: Uint8Array): Uint8Array =>
  bytes.buffer.byteLength <= 2 * bytes.length ? bytes : new Uint8Array(bytes)

// The first byte says how the rest is to be read: as msgpack of the value; or as the length of a table (4 bytes, big-endian),
// the table in msgpack, and the bytes that belong to it.
const TREE = 0
const GRAPH = 1
const GRAPH_HEADER = 5
const NOTHING = new Uint8Array()
// Elements of a list that is encoded in pieces, at least.
const LONG_LIST = 1000
// Bytes of memory that a Packed takes besides those of its value: measured.
const PACKED = 288

const packr = new Packr({ useRecords: false, moreTypes: false, useToJSON: false, variableMapSize: true })
const unpackr = new Unpackr({ useRecords: false, moreTypes: false, int64AsType: 'number' })

function encodeTree(value: unknown): Uint8Array {
  const bytes = pack(packr, value, 1)
  bytes[0] = TREE
  return bytes
}

function encodeGraph(value: unknown, options: GraphOptions): Uint8Array {
  const graph = toGraph(value, options)
  const head = pack(packr, graph.table, GRAPH_HEADER)
  head[0] = GRAPH
  new DataView(head.buffer, head.byteOffset).setUint32(1, head.length - GRAPH_HEADER)
  return graph.bytes.length === 0 ? head : Buffer.concat([head, ...graph.bytes])
}

function decode(bytes: Uint8Array): unknown {
  const mark = bytes[0]
  if (mark === TREE) return unpack(bytes.subarray(1))
  return readGraph(bytes).value
}

/** A graph's value, and the table that it was made of. */
function readGraph(bytes: Uint8Array): { value: unknown; table: unknown[][] } {
  if (bytes[0] !== GRAPH || bytes.length < GRAPH_HEADER) throw malformed('the first byte is of no known kind')
  const end = tableEnd(bytes)
  try {
    const table = unpack(bytes.subarray(GRAPH_HEADER, end))
    return { value: fromGraph(table, bytes.subarray(end)), table: table as unknown[][] }
  } catch (error) {
    throw malformed((error as Error).message, error)
  }
}

const tableEnd = (bytes: Uint8Array): number =>
  GRAPH_HEADER + new DataView(bytes.buffer, bytes.byteOffset).getUint32(1)

/** As `decode`, for what it throws; how many levels of objects there are. */
const checkGraph = (bytes: Uint8Array): number => graphDepth(readGraph(bytes).table)

/** See equalGraphs; bytes behind the tables are compared in their own way. */
function sameGraphs(a: Uint8Array, b: Uint8Array): boolean | undefined {
  if (tableEnd(a) !== a.length || tableEnd(b) !== b.length) return undefined
  return equalGraphs(a.subarray(GRAPH_HEADER), b.subarray(GRAPH_HEADER))
}

// Native code reads strings faster, but takes longer to load than this many bytes take without: most processes never
// read as many. The import gives it to the codec that is here already.
const WORTH_LOADING = 0x100000
let read = 0

function unpack(bytes: Uint8Array): unknown {
  scan(bytes, 0)
  if (read <= WORTH_LOADING) {
    read += bytes.length
    if (read > WORTH_LOADING) void import('msgpackr')
  }
  return unpackr.unpack(bytes)
}

/**
 * Equal trees are made of the same bytes, if the keys of an object may come in another order. Sums tell nearly all others
 * without decoding.
 */
function sameBytesInAnyOrder(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let sum = 0
  let squares = 0
  for (let i = 0; i < a.length; i++) {
    const one = a[i] as number
    const other = b[i] as number
    sum += one - other
    squares += one * one - other * other
  }
  return sum === 0 && squares === 0
}
