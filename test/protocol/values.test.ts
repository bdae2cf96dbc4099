import assert from 'node:assert/strict'
import test from 'node:test'
import vm from 'node:vm'
import fc from 'fast-check'
import { ConnectionError, KeyError, ProcessExit } from '../../src/errors.ts'
import { decode, encode } from '../../src/protocol/frames.ts'
import { checkTree, fromWire, isWire, Packed, toWire, type Wire } from '../../src/protocol/values.ts'
import { anyTree, anyValue, assertSame } from '../kit/values.ts'

/** A value after a journey: encoded, in a message, in a frame, and out of it again. */
function sent(value: unknown): unknown {
  const [, wire] = decode(encode([1, toWire(value, 'test')])) as [number, Wire]
  return fromWire(wire)
}

function isSentAsItIs(value: unknown): void {
  assertSame(sent(value), value)
}

test('any value comes back as it was: kinds, contents, shared and cyclic parts', () => {
  fc.assert(
    fc.property(anyValue, value => isSentAsItIs(value)),
    { numRuns: 3000 },
  )
})

test('long lists are trees, unless they have properties of their own', () => {
  for (const length of [10, 64, 65, 1000, 100_000]) {
    const list = Array.from({ length }, (_, i) => i)
    assert.equal(checkTree(list, 'test', ''), true)
    assert.equal(checkTree(new Proxy(list, {}), 'test', ''), true)
    assert.equal(checkTree(Object.assign(list, { extra: 1 }), 'test', ''), false)
    isSentAsItIs(list)
  }
})

test('any tree goes as a tree, and says so', () => {
  fc.assert(
    fc.property(anyTree, value => {
      const wire = toWire(value, 'test')
      if (typeof value === 'object' && value !== null) assert.ok(wire instanceof Packed && wire.isTree)
      assert.equal(checkTree(value, 'test', ''), true)
      isSentAsItIs(value)
    }),
    { numRuns: 2000 },
  )
})

test('any value that is not encoded yet comes back as it was, and is told tree from graph', () => {
  fc.assert(
    fc.property(anyValue, value => {
      const packed = Packed.of(value, checkTree(value, 'test', ''))
      assert.equal(packed.shared(), value)
      assertSame(new Packed(packed.bytes).read(), value)
      assert.equal(new Packed(packed.bytes).isTree, packed.isTree)
    }),
    { numRuns: 1000 },
  )
})

const unicodeSets = 'v'

const kept: Record<string, unknown[]> = {
  'null, undefined and booleans': [null, undefined, true, false],
  'numbers of every size': [
    ...[0, 1, -1, 31, 32, 127, 128, 255, 256, 65535, 65536, -32, -33, -128, -129, -32768, -32769],
    ...[
      2 ** 31,
      2 ** 32 - 1,
      2 ** 32,
      -(2 ** 31),
      -(2 ** 31) - 1,
      2 ** 53 + 2,
      2 ** 63,
      2 ** 64,
      -(2 ** 63),
      1e300,
    ],
    ...[0.1, 1.5, 5e-324, Number.MAX_VALUE],
  ],
  'NaN, infinities and -0': [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -0,
    [-0],
    { a: -0 },
  ],
  'bigints beyond 64 bits': [0n, -1n, 2n ** 63n, 2n ** 64n, -(2n ** 64n), 10n ** 1000n, [1n]],
  'strings, the empty one and long ones': [
    '',
    'a',
    'x'.repeat(31),
    'é'.repeat(40),
    '日本語',
    '💥'.repeat(70_000),
  ],
  'lone surrogates': ['\ud800', 'a\udc00b', '\udc00\ud800', ['\ud83d'], { '\ud800': 1, '\udfff': '\udfff' }],
  'plain objects with keys of every kind': [
    {},
    { '': 0, ' ': 1, 'a.b': 2, ['x'.repeat(300)]: 3 },
    { b: 1, 2: 2, a: 3, 1: 4, '-1': 5 },
    {
      constructor: 1,
      prototype: { constructor: null },
      hasOwnProperty: false,
      toJSON: 'x',
      toString: 1,
      length: -1,
    },
    { undefined, null: null },
    JSON.parse('{"constructor":{"prototype":{"polluted":true}}}'),
    Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`key${i}`, i])),
  ],
  'objects without a prototype': [Object.create(null), Object.assign(Object.create(null), { a: { b: 1 } })],
  arrays: [[], [undefined], [null, [[]]], Array.from({ length: 70_000 }, (_, i) => i)],
  'sparse arrays': [
    sparse({ 1: 'one', 3: 'three' }, 5),
    sparse({}, 5),
    sparse({ 0: 'first', 2: 'last' }, 3),
    sparse({ 1e9: 'far' }, 2 ** 31),
    sparse({ 3: 'near' }, 4e9),
    [sparse({}, 1)],
  ],
  'arrays with properties of their own': [
    'a-b'.match(/(?<x>a)-(?<y>b)/),
    Object.assign([1, 2], { total: 3 }),
  ],
  'dates, an invalid one too': [
    new Date(0),
    new Date(-1),
    new Date(8.64e15),
    new Date(Number.NaN),
    [new Date(1.5)],
  ],
  'regular expressions and where they are': [
    /a/,
    /[/"\\]\n/dgimsuy,
    at(/x/g, 7),
    new RegExp('[ü--x]', unicodeSets),
    /\ud800/,
  ],
  'maps, with objects as keys too': [
    new Map(),
    new Map<unknown, unknown>([
      [{ a: 1 }, 1],
      [[1], 2],
      ['k', new Map([[Number.NaN, 0]])],
      [undefined, null],
    ]),
  ],
  sets: [new Set(), new Set([1, '1', 1n, { a: 1 }, { a: 1 }, new Set()])],
  'array buffers': [new ArrayBuffer(0), Uint8Array.of(1, 2, 3).buffer],
  'typed arrays of every kind': [
    ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array].map(One =>
      One.of(1, 2, 3),
    ),
    Float32Array.of(1.5, Number.NaN, -0),
    Float64Array.of(0.1, Number.POSITIVE_INFINITY),
    BigInt64Array.of(-1n, 2n ** 62n),
    BigUint64Array.of(2n ** 63n),
    new Int16Array(Uint8Array.of(9, 9, 1, 2, 3, 4).buffer, 2, 1),
    new DataView(Uint8Array.of(9, 1, 2).buffer, 1),
  ],
  buffers: [
    Buffer.alloc(0),
    Buffer.from('abc'),
    Buffer.alloc(10 * 1024 * 1024, 'zproc'),
    [Buffer.from('x'), Buffer.from('y')],
  ],
  'errors of each built-in class': [
    Error,
    TypeError,
    RangeError,
    SyntaxError,
    ReferenceError,
    EvalError,
    URIError,
  ].map(One => new One('it went wrong')),
  'errors with a cause, errors and fields': [
    new Error('outer', { cause: new TypeError('inner', { cause: 'innermost' }) }),
    new Error('', { cause: undefined }),
    new AggregateError([new Error('one'), 2, { three: 3 }], 'many'),
    Object.assign(new Error('no such file'), { code: 'ENOENT', errno: -2, at: new Date(0) }),
    Object.assign(new Error('renamed'), { name: 'Renamed', cause: 1 }),
    new Error(),
  ],
  "zproc's own errors": [
    new KeyError('no key', { key: 'k' }),
    new ConnectionError('gone', { outcome: 'unknown', cause: new Error('why') }),
    new ProcessExit(3),
  ],
}

function at(pattern: RegExp, index: number): RegExp {
  pattern.lastIndex = index
  return pattern
}

function sparse(elements: Record<number, unknown>, length: number): unknown[] {
  return Object.assign([], elements, { length })
}

for (const [what, values] of Object.entries(kept))
  test(`${what} come back as they were`, () => {
    for (const value of values) isSentAsItIs(value)
  })

test('a part that is in a value twice comes back as one part', () => {
  const part = { n: 1 }
  const back = sent({ a: part, b: [part, new Map([[part, part]])] }) as {
    a: object
    b: [object, Map<object, object>]
  }
  assert.ok(back.a === back.b[0])
  assert.ok(back.b[1].get(back.a) === back.a)
  const bytes = Buffer.from('shared')
  const [one, two] = sent([bytes, bytes]) as [Buffer, Buffer]
  assert.ok(one === two)
})

test('cycles come back, through objects, arrays, maps, sets and errors', () => {
  const object: Record<string, unknown> = {}
  object.self = object
  const array: unknown[] = [1]
  array.push([array])
  const map = new Map<unknown, unknown>()
  map.set(map, map)
  const set = new Set<unknown>()
  set.add(set)
  const error = new Error('it is its own cause')
  error.cause = error
  for (const value of [object, array, map, set, error]) isSentAsItIs(value)
})

test('a long list whose every element is reached on its own comes back, however long the way through it', () => {
  const nodes: { next?: object }[] = Array.from({ length: 50_000 }, () => ({}))
  for (let i = 1; i < nodes.length; i++) (nodes[i - 1] as { next?: object }).next = nodes[i]
  isSentAsItIs(nodes)
})

test('a value nested to the limit comes back, one beyond it is a TypeError that says so', () => {
  isSentAsItIs(nested(400))
  isSentAsItIs(nested(9_999))
  for (const depth of [10_050, 200_000])
    assert.throws(() => toWire(nested(depth), 'state.set', 'k'), {
      name: 'TypeError',
      message: /^state\.set: k\[0\]\[0\].* … .*\[0\] is nested more than 10000 levels deep$/,
    })
})

test('what grew deeper at its home is encoded all the same', () => {
  const packed = Packed.of(nested(50_000), true)
  assertSame(new Packed(packed.bytes).read(), nested(50_000))
  assert.equal(packed.isTree, false)
})

function nested(depth: number): unknown[] {
  let value: unknown[] = []
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

test('the properties that an object computes are read, once each where they are no plain tree', () => {
  const computed = {
    get when() {
      return new Date(0)
    },
  }
  assert.deepEqual(sent(computed), { when: new Date(0) })
  assert.deepEqual(
    sent({
      get sum() {
        return 3
      },
    }),
    { sum: 3 },
  )
})

test('a property that is computed may encode values of its own', () => {
  const part = { a: 1 }
  const value = {
    first: part,
    get second() {
      toWire({ b: { c: {} } }, 'test')
      return 2
    },
    third: part,
  }
  const back = sent(value) as { first: object; third: object }
  assert.ok(back.first === back.third)
})

test('properties that are not enumerable stay behind', () => {
  assert.deepEqual(sent(Object.defineProperty({ a: 1 }, 'hidden', { value: 2 })), { a: 1 })
})

test('values made in another realm come back as values of this one', () => {
  const made = vm.runInNewContext(
    '[{ a: [1, { b: 2 }] }, new Map([[1, 2]]), new Set([3]), new Date(4), /5/g, Uint8Array.of(6), new TypeError("7")]',
  )
  const [object, map, set, date, pattern, bytes, error] = sent(made) as unknown[]
  assert.deepEqual(
    [object, map, set, date, pattern, bytes],
    [{ a: [1, { b: 2 }] }, new Map([[1, 2]]), new Set([3]), new Date(4), /5/g, Uint8Array.of(6)],
  )
  assert.ok(error instanceof TypeError && error.message === '7')
})

test('encoding takes the value as it is now; what happens to it later makes no difference', () => {
  const value = { list: [1], bytes: Buffer.from('a') }
  const wire = toWire(value, 'test')
  value.list.push(2)
  value.bytes[0] = 0
  assert.deepEqual(fromWire(wire), { list: [1], bytes: Buffer.from('a') })
})

test('each reading is a copy of its own, and keeps nothing of the bytes that it came from', () => {
  const bytes = new Uint8Array(
    (toWire([Buffer.from('abc'), Uint8Array.of(1), 'text'], 'test') as Packed).bytes,
  )
  const packed = new Packed(bytes)
  const [one, two] = [packed.read(), packed.read()] as [unknown[], unknown[]]
  ;(one[0] as Buffer)[0] = 0
  assert.deepEqual(two, [Buffer.from('abc'), Uint8Array.of(1), 'text'])
  bytes.fill(0)
  assert.deepEqual(two, [Buffer.from('abc'), Uint8Array.of(1), 'text'])
  assert.ok((two[0] as Buffer).buffer.byteLength < 10)
})

test('a value that is kept does not keep the frame that it came in', () => {
  const frame = Buffer.concat([(toWire({ a: 1 }, 'test') as Packed).bytes, Buffer.alloc(100_000)])
  const packed = new Packed(frame.subarray(0, frame.length - 100_000)).own()
  assert.ok(packed.bytes.buffer.byteLength < 100)
  assert.deepEqual(packed.read(), { a: 1 })
  assert.equal(packed.own(), packed)
})

test('small values do not keep the memory of a large one that was encoded before', () => {
  toWire({ text: 'é'.repeat(3_000_000) }, 'test')
  const wire = toWire({ a: 1 }, 'test') as Packed
  assert.ok(wire.bytes.buffer.byteLength <= 8192)
})

test('what is shared or frozen is decoded once', () => {
  const packed = new Packed((toWire({ a: [1] }, 'test') as Packed).bytes)
  const shared = packed.shared()
  assert.ok(packed.shared() === shared)
  assert.ok(packed.frozen() === shared)
  assert.deepEqual(packed.own().shared(), shared)
})

test('only wires pass for wires', () => {
  for (const wire of [null, undefined, true, 1, 'x', toWire({}, 'test')]) assert.equal(isWire(wire), true)
  for (const other of [{}, [], 1n, Buffer.alloc(1)]) assert.equal(isWire(other), false)
})
