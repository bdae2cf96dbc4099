import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { decode, decodeLent, encode, encodeFrame, FrameReader } from '../../src/protocol/frames.ts'
import { Packed, toWire } from '../../src/protocol/values.ts'

test('a stream that is cut anywhere gives the same frames', () => {
  const values = [[1, 'two', [3]], [], [new Uint8Array(3000)], ['x'.repeat(20_000)], [undefined, null, -1.5]]
  const stream = Buffer.concat(values.map(value => encodeFrame(value)))
  const shared = Buffer.alloc(4000)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1 }), sizes => {
      const reader = new FrameReader(1 << 20)
      const read: unknown[] = []
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = sizes[i % sizes.length] as number
        // As sockets do it: what comes next takes the place of what was there.
        shared.fill(0xc1)
        const length = stream.copy(shared, 0, at, at + size)
        reader.read(shared, (...lent) => read.push(decodeLent(...lent)), length)
        at += size
      }
      assert.deepEqual(read.map(plain), values.map(plain))
    }),
    { numRuns: 300 },
  )
})

const plain = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(plain) : value instanceof Uint8Array ? [...value] : value

test('a frame that comes byte by byte costs about as much memory as it has bytes', () => {
  const size = 2_000_000
  const reader = new FrameReader(size)
  const stream = Buffer.alloc(size + 4)
  stream.writeUInt32BE(size)
  const before = process.memoryUsage()
  for (let at = 0; at < size; at++) reader.read(Buffer.from([stream[at] as number]), () => assert.fail())
  const after = process.memoryUsage()
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
  let whole: number | undefined
  reader.read(stream.subarray(size), (_, start, end) => {
    whole = end - start
  })
  assert.equal(whole, size)
  // Garbage that is not collected yet is counted as well.
  assert.ok(grown < 60_000_000, `${grown} bytes for ${size}`)
})

test('a frame that is announced as longer than the limit is refused before it comes', () => {
  const reader = new FrameReader(1000)
  assert.throws(() => reader.read(Buffer.from([0, 0, 4, 0]), () => {}), {
    name: 'RangeError',
    message: /1024 bytes is announced; the limit is 1000/,
  })
})

test('messages, bytes and encoded values come back', () => {
  const value = toWire({ a: [1, new Map([[1, 2]])] }, 'test')
  for (const length of [0, 1, 2, 3, 4, 8, 16, 17, 255, 256, 65_535, 65_536]) {
    const bytes = new Uint8Array(length).fill(7)
    const [packed, plainBytes, wire] = decode(encode([new Packed(bytes), bytes, value])) as [
      Packed,
      Buffer,
      Packed,
    ]
    assert.deepEqual([...packed.bytes], [...bytes])
    assert.deepEqual([...plainBytes], [...bytes])
    assert.deepEqual(wire.read(), { a: [1, new Map([[1, 2]])] })
  }
})

test('what messages never hold is refused: other extensions, depth without end, room for nothing', () => {
  const refuses = (bytes: number[], why: RegExp) =>
    assert.throws(() => decode(Buffer.from(bytes)), { name: 'TypeError', message: why })
  // A regular expression, an error, a reference, a record, a bigint, a date, a set, a typed array.
  for (const type of [0x78, 0x65, 0x69, 0x70, 0x72, 0x42, 0xff, 0x73, 0x74, 0x62])
    for (const head of [
      [0xd4, type, 0],
      [0xd5, type, 0, 0],
      [0xd6, type, 0, 0, 0, 0],
      [0xc7, 2, type, 0, 0],
      [0xc8, 0, 2, type, 0, 0],
      [0xc9, 0, 0, 0, 2, type, 0, 0],
    ])
      refuses([0x91, ...head], /extension/)
  refuses(Array(10_000).fill(0x91), /nested too deeply/)
  refuses([0xdd, 255, 255, 255, 255], /bytes are missing/)
  refuses([0xc6, 255, 255, 255, 255, 1], /bytes are missing/)
  refuses([0x91, 0xc1], /extension/)
  refuses([0x90, 0x90], /left over/)
  refuses([], /missing/)
  refuses([0x81, 0xa9, ...Buffer.from('__proto__'), 0x80], /__proto__/)
})

test('random bytes are a message or a TypeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
      try {
        decode(bytes)
      } catch (error) {
        assert.ok(error instanceof TypeError, `${error}`)
      }
      assert.deepEqual(Object.keys(Object.prototype), [])
    }),
    { numRuns: 20_000 },
  )
})

test('what was encoded stays as it is, whatever is encoded after it', () => {
  const encoders = {
    'frame of bytes': (bytes: Buffer) => encodeFrame([bytes], bytes.length),
    'frame of a text': (bytes: Buffer) => encodeFrame([bytes.toString('latin1')], bytes.length),
    'list of bytes': (bytes: Buffer) => encode([bytes]),
    'list of values': (bytes: Buffer) => encode([[new Packed(bytes)]]),
    'list of numbers': (bytes: Buffer) => (toWire([...bytes], 'test') as Packed).bytes,
    text: (bytes: Buffer) => (toWire({ text: bytes.toString('latin1') }, 'test') as Packed).bytes,
  }
  const size = fc.oneof(
    fc.integer({ min: 0, max: 3000 }),
    fc.integer({ min: 0, max: 300_000 }),
    fc.integer({ min: 0, max: 2_000_000 }),
  )
  const kind = fc.constantFrom(...(Object.keys(encoders) as (keyof typeof encoders)[]))
  fc.assert(
    fc.property(fc.array(fc.tuple(kind, size), { minLength: 2, maxLength: 12 }), steps => {
      const made = steps.map(([kind, size], i) => {
        const bytes = encoders[kind](Buffer.alloc(size, i + 1))
        return { kind, bytes, copy: Buffer.from(bytes) }
      })
      for (const { kind, bytes, copy } of made)
        assert.ok(copy.equals(bytes), `a ${kind} of ${copy.length} bytes`)
    }),
    { numRuns: 80 },
  )
})
