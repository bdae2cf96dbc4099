import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { equalWires, errorFromWire, Packed, toWire } from '../../src/protocol/values.ts'
import { anyValue } from '../kit/values.ts'

const packr = new Packr({ useRecords: false })
const [TREE, GRAPH] = [0, 1]

/** Either a value or an Error, soon, and nothing else has happened. */
function survive(bytes: Uint8Array): void {
  const start = performance.now()
  try {
    const packed = new Packed(bytes)
    packed.read()
    packed.frozen()
    equalWires(packed, new Packed(bytes.slice(0, -1)))
  } catch (error) {
    assert.ok(error instanceof TypeError, `${error}`)
    assert.match(error.message, /^malformed bytes, no value: /)
    assert.doesNotMatch(error.message, /call stack/)
  }
  const time = performance.now() - start
  assert.ok(time < 5000, `${bytes.length} bytes took ${time} ms`)
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
  assert.deepEqual(Object.keys(Object.prototype), [])
}

const refuses = (bytes: Uint8Array, why: RegExp) =>
  assert.throws(() => new Packed(bytes).read(), { name: 'TypeError', message: why })

const treeOf = (...bytes: (number | Uint8Array)[]): Buffer =>
  Buffer.concat([
    Uint8Array.of(TREE),
    ...bytes.map(part => (typeof part === 'number' ? Uint8Array.of(part) : part)),
  ])

function graphOf(table: unknown, ...parts: Uint8Array[]): Buffer {
  const encoded = packr.pack(table)
  const header = Buffer.alloc(5)
  header[0] = GRAPH
  header.writeUInt32BE(encoded.length, 1)
  return Buffer.concat([header, encoded, ...parts])
}

test('random bytes are a value or an Error', () => {
  fc.assert(
    fc.property(fc.constantFrom(TREE, GRAPH, 2), fc.uint8Array({ maxLength: 200 }), (mark, bytes) =>
      survive(Buffer.concat([Uint8Array.of(mark), bytes])),
    ),
    { numRuns: 3000 },
  )
})

test('random tables are a value or an Error', () => {
  const cell = fc.oneof(
    fc.nat({ max: 20 }),
    fc.nat({ max: 5 }).map(node => [node]),
    fc.constantFrom('a', '__proto__', 'Error', 'Uint8Array', 'polluted', 'g', -1, 4e9, null, []),
  )
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 16 }), fc.array(cell, { maxLength: 6 })), { maxLength: 6 }),
      fc.uint8Array({ maxLength: 20 }),
      (nodes, bytes) =>
        survive(
          graphOf(
            nodes.map(([tag, cells]) => [tag, ...cells]),
            bytes,
          ),
        ),
    ),
    { numRuns: 3000 },
  )
})

test('bytes of values that were tampered with are a value or an Error', () => {
  const change = fc.record({
    at: fc.nat(),
    to: fc.nat({ max: 255 }),
    kind: fc.constantFrom('put', 'cut', 'insert'),
  })
  fc.assert(
    fc.property(anyValue, fc.array(change, { minLength: 1, maxLength: 4 }), (value, changes) => {
      const wire = toWire(value, 'test')
      if (!(wire instanceof Packed)) return
      const bytes = [...wire.bytes]
      for (const { at, to, kind } of changes)
        if (kind === 'put') bytes[at % bytes.length] = to
        else bytes.splice(at % bytes.length, kind === 'cut' ? 1 : 0, ...(kind === 'cut' ? [] : [to]))
      survive(Uint8Array.from(bytes))
    }),
    { numRuns: 4000 },
  )
})

test('bytes that end early are an Error', () => {
  for (const value of [{ a: [1, 'two', { three: 3.5 }] }, [new Map([[1, Buffer.from('abc')]]), 5n]]) {
    const { bytes } = toWire(value, 'test') as Packed
    for (let length = 0; length < bytes.length; length++) refuses(bytes.slice(0, length), /^malformed bytes/)
    refuses(Buffer.concat([bytes, Uint8Array.of(0)]), /left over/)
  }
})

test('__proto__ is refused as a key, however it is written', () => {
  const proto = Buffer.from('__proto__')
  const polluted = Buffer.from(packr.pack({ polluted: true }))
  refuses(treeOf(0x81, 0xa9, proto, polluted), /__proto__ is refused as a key/)
  refuses(treeOf(0x91, 0xde, 0, 1, 0xd9, 9, proto, polluted), /__proto__ is refused as a key/)
  refuses(treeOf(0xdf, 0, 0, 0, 1, 0xdb, 0, 0, 0, 9, proto, polluted), /__proto__ is refused as a key/)
  refuses(
    graphOf([
      [4, '__proto__', [1]],
      [4, 'polluted', true],
    ]),
    /__proto__ is refused as a key/,
  )
  refuses(
    graphOf([
      [4, [1], 1],
      [3, '"__proto__"'],
    ]),
    /__proto__ is refused as a key/,
  )
  refuses(graphOf([[12, 'Error', 'Error', ['__proto__', 1]]]), /__proto__ is refused as a key/)
  survive(treeOf(0x81, 0xa9, Buffer.from('__protq__'), 1))
  // In UTF-8 that is longer than it needs to be.
  survive(treeOf(0x81, 0xaa, 0xc1, 0x9f, Buffer.from('_proto__'), polluted))
  assert.deepEqual(new Packed(treeOf(0x81, 0xac, Buffer.from('my __proto__'), 1)).read(), {
    'my __proto__': 1,
  })
})

test('constructor and prototype are keys like others', () => {
  const bytes = treeOf(Buffer.from(packr.pack({ constructor: { prototype: { polluted: true } } })))
  assert.deepEqual(new Packed(bytes).read(), { constructor: { prototype: { polluted: true } } })
  survive(bytes)
})

test('nesting without end is an Error, not an overflow of the stack', () => {
  for (const open of [[0x91], [0x81, 0xa1, 0x61]])
    for (const depth of [1000, 100_000, 2_000_000]) {
      const levels = Buffer.alloc(depth * open.length, Uint8Array.from(open))
      refuses(treeOf(levels, 0xc0), /nested too deeply/)
    }
})

test('a deep graph is read, with no limit', () => {
  const table = Array.from({ length: 200_000 }, (_, i) => (i < 199_999 ? [6, [i + 1]] : [6]))
  survive(graphOf(table))
})

test('what is announced and not there costs nothing', () => {
  for (const token of [
    [0xdd, 255, 255, 255, 255],
    [0xdf, 255, 255, 255, 255],
    [0xdb, 255, 255, 255, 255],
    [0xdc, 255, 255],
  ])
    refuses(treeOf(...token), /bytes are (missing|left over)/)
  const before = process.memoryUsage().rss
  survive(
    graphOf([
      [6, ...Array.from({ length: 2000 }, (_, i) => [i + 1])],
      ...Array.from({ length: 2000 }, () => [7, 30_000_000]),
    ]),
  )
  assert.ok(process.memoryUsage().rss - before < 300e6)
})

test('one part of the bytes is not to be had twice', () => {
  const part = Buffer.alloc(1000)
  refuses(
    graphOf(
      [
        [6, [1], [2]],
        [14, 1000],
        [14, 1000],
      ],
      part,
    ),
    /bytes are missing/,
  )
  refuses(graphOf([[14, -1]], part), /bytes are missing/)
  refuses(graphOf([[14, Number.NaN]], part), /bytes are missing/)
  refuses(graphOf([[14, 999]], part), /left over/)
})

test('extensions of msgpack are refused: no date, no class, nothing to compile', () => {
  const extensions = [
    [0xd4, 0x72, 0x40],
    [0xd6, 0xff, 0, 0, 0, 1],
    [0xc7, 1, 0x50, 0],
    [0xd4, 0x62, 0],
    [0xc1],
    [0xc4, 1, 0],
    [0xd4, 0, 1],
  ]
  for (const bytes of extensions) refuses(treeOf(...bytes), /extension/)
  refuses(graphOf([[6, new Date()]]), /extension/)
})

test('nodes that make no sense are Errors', () => {
  const tables: unknown[] = [
    null,
    [],
    [1],
    {},
    [[]],
    [['x']],
    [[99]],
    [[6, [7]]],
    [[6, [-1]]],
    [[6, [0.5]]],
    [[6, ['a']]],
    [[6, {}]],
    [[0, [0]]],
    [[2, 'zz']],
    [[2, '']],
    [[3, 'no json']],
    [[3, '[1]']],
    [[7, -1]],
    [[7, 2 ** 33]],
    [[9.5]],
    [[10, 'now']],
    [[11, '"("', '', 0]],
    [[11, '"a"', 'zz', 0]],
    [[11, '"a"', '', 'x']],
    [[12]],
    [[12, 'Error', 'Error', 1]],
    [[15, 0, 'Object']],
    [[15, 0, '__proto__']],
  ]
  for (const table of tables) refuses(graphOf(table), /^malformed bytes, no value: /)
  refuses(graphOf([[15, 3, 'Float64Array']], Buffer.alloc(3)), /^malformed bytes/)
})

test('an error may name any classes, and is an Error all the same', () => {
  for (const [name, base] of [
    ['Object', 'Object'],
    ['__proto__', '__proto__'],
    ['constructor', 'toString'],
    ['Oops', 'Oops'],
  ]) {
    const error = errorFromWire(new Packed(graphOf([[12, name, base, ['message', 'x']]])))
    assert.ok(error instanceof Error && error.message === 'x')
  }
  for (let i = 0; i < 5000; i++) new Packed(graphOf([[12, `Class${i}`, 'Error', []]])).read()
})
