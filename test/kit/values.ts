import { types } from 'node:util'
import fc from 'fast-check'

export { assertSame } from './same.ts'

// Values of every kind that a state may hold, for any test that sends values; see same.ts for what is to come back.
// Dates are valid: Node finds an invalid one different from itself, so those have tests of their own.

/** A key of the state, or of an object. */
export const anyKey: fc.Arbitrary<string> = fc
  .oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.string({ minLength: 25, maxLength: 300 }),
    fc.nat().map(String),
    fc.constantFrom('', 'constructor', 'prototype', 'hasOwnProperty', 'toJSON', 'length', '__proto', 'then'),
  )
  .filter(key => key !== '__proto__' && key.isWellFormed())

const special = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  2 ** 53,
  2 ** 63,
  -(2 ** 63),
  5e-324,
]

const plainPrimitive: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, undefined, true, false, ...special),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double().filter(value => !Object.is(value, -0)),
  anyKey,
)

/** Strings with surrogates that have no partner. */
const brokenString: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.constantFrom('\ud800', '\udfff', '\udc00\ud800', 'a', '💥'), fc.string()), {
    maxLength: 5,
  })
  .map(parts => parts.join(''))

const primitive: fc.Arbitrary<unknown> = fc.oneof(
  plainPrimitive,
  fc.constant(-0),
  fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }),
  brokenString,
)

/** JSON-like values: plain objects and arrays, nothing shared. */
export const anyTree: fc.Arbitrary<unknown> = fc.letrec(tie => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    plainPrimitive,
    fc.array(tie('tree'), { maxLength: 8 }),
    fc.array(anyKey, { maxLength: 8 }),
    fc.dictionary(anyKey, tie('tree'), { maxKeys: 8, noNullPrototype: true }),
  ),
})).tree

// What fast-check knows as values, without boxed primitives.
const anything = fc
  .anything({
    key: anyKey,
    withBigInt: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
  })
  .filter(value => !holdsBoxed(value))

function holdsBoxed(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false
  if (types.isBoxedPrimitive(value)) return true
  const held =
    value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value)
  return held.some(holdsBoxed)
}

// A graph is drawn as a list of nodes that refer to each other by number, then put together: so it may have cycles.
interface NodeSpec {
  kind: string
  refs: ({ primitive: unknown } | { node: number })[]
  keys: string[]
  seed: number
  text: string
  bytes: Uint8Array
}

const containers = ['object', 'object', 'bare', 'array', 'sparse', 'map', 'set', 'error', 'aggregate']
const leaves = ['date', 'regexp', 'bytes', 'view', 'dataView', 'buffer']

const nodeSpec: fc.Arbitrary<NodeSpec> = fc.record({
  kind: fc.constantFrom(...containers, ...leaves),
  refs: fc.array(
    fc.oneof(
      primitive.map(value => ({ primitive: value })),
      fc.nat({ max: 11 }).map(node => ({ node })),
    ),
    { maxLength: 5 },
  ),
  keys: fc.array(fc.oneof(anyKey, brokenString), { minLength: 5, maxLength: 5 }),
  seed: fc.nat({ max: 1_000_000 }),
  text: fc.oneof(fc.string(), brokenString),
  bytes: fc.uint8Array({ maxLength: 40 }),
})

const graphOf = (specs: NodeSpec[]): unknown => {
  const made = specs.map(makeNode)
  for (const [i, spec] of specs.entries()) {
    const held = spec.refs.map(ref => ('node' in ref ? made[ref.node % made.length] : ref.primitive))
    // Node compares causes without an end: no cycle may consist of causes alone.
    if (held[0] instanceof Error && made.indexOf(held[0]) <= i) held[0] = 'cause'
    fillNode(made[i] as object, spec, held)
  }
  return made[0]
}

const graph = fc.array(nodeSpec, { minLength: 1, maxLength: 12 }).map(graphOf)

/** Any value that is data: every kind, nested, shared and cyclic. */
export const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 1, arbitrary: primitive },
  { weight: 2, arbitrary: anyTree },
  { weight: 2, arbitrary: anything },
  { weight: 4, arbitrary: graph },
)

/** A plain object of data: what a whole state may be. */
export const anyObject: fc.Arbitrary<Record<string, unknown>> = fc.dictionary(anyKey, anyValue, {
  maxKeys: 5,
  noNullPrototype: true,
})

const views = [
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
]
const errors = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]

function makeNode({ kind, seed, text, bytes }: NodeSpec): unknown {
  switch (kind) {
    case 'object':
      return {}
    case 'bare':
      return Object.create(null)
    case 'array':
    case 'sparse':
      return []
    case 'map':
      return new Map()
    case 'set':
      return new Set()
    case 'date':
      return new Date(seed * 1e7 - 1e12)
    case 'regexp': {
      const pattern = text.replace(/[^\w\s\ud800-\udfff]/g, '.')
      return Object.assign(new RegExp(pattern, ['', 'g', 'iy', 'dgimsuy'][seed % 4]), { lastIndex: seed % 3 })
    }
    case 'error':
      return new (errors[seed % errors.length] as ErrorConstructor)(seed % 5 === 0 ? undefined : text)
    case 'aggregate':
      return new AggregateError([], text)
    case 'bytes':
      return bytes.slice().buffer
    case 'dataView':
      return new DataView(bytes.buffer, bytes.byteOffset + (bytes.length >> 1))
    case 'buffer':
      return seed % 2 ? Buffer.from(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    default: {
      const View = views[seed % views.length] as Uint8ArrayConstructor
      return new View(bytes.slice().buffer, 0, Math.floor(bytes.length / View.BYTES_PER_ELEMENT))
    }
  }
}

function fillNode(made: object, { kind, keys, seed }: NodeSpec, held: unknown[]): void {
  const fields = Object.fromEntries(held.map((value, i) => [keys[i], value]))
  if (kind === 'object' || kind === 'bare') Object.assign(made, fields)
  else if (kind === 'array') (made as unknown[]).push(...held)
  else if (kind === 'set') for (const value of held) (made as Set<unknown>).add(value)
  else if (kind === 'map')
    for (const [i, value] of held.entries())
      (made as Map<unknown, unknown>).set(value, held[(i + 1) % held.length])
  else if (kind === 'sparse') {
    for (const [i, value] of held.entries()) (made as unknown[])[i * (seed % 50)] = value
    ;(made as unknown[]).length += seed % 3
    if (seed % 4 === 0 && !('length' in fields)) Object.assign(made, fields)
  } else if (kind === 'error' || kind === 'aggregate') {
    const [cause, extra, ...rest] = held
    const enumerable = seed % 3 === 0
    if (held.length > 0)
      Object.defineProperty(made, 'cause', { value: cause, enumerable, writable: true, configurable: true })
    if (held.length > 1) Object.assign(made, { extra })
    if (kind === 'aggregate') (made as AggregateError).errors = rest
    if (seed % 6 === 0) (made as Error).name = 'Renamed'
  }
}
