import { encode, encodeFrame } from '../../src/protocol/frames.ts'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, VERSION } from '../../src/protocol/messages.ts'
import { Packed, toWire } from '../../src/protocol/values.ts'
import { shipAtomic } from '../../src/shipping/atomic.ts'

/** Numbers from 0 up to 1 that a seed determines. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Messages as a client says them, all about State 1 of its session in a namespace of the fuzz alone. */
const value = toWire({ a: [1, 'two', { three: 3 }] }, 'fuzz')
const graph = toWire(
  new Map<unknown, unknown>([
    ['k', new Date(0)],
    [1, new Set([2n])],
  ]),
  'fuzz',
)
const real: unknown[][] = [
  [Ask.ping, 0, Buffer.from('payload')],
  [Ask.open, 0, 2, 'fuzz', 'peer'],
  [Ask.get, 0, 1, 'key'],
  [Ask.has, 0, 1, 'key'],
  [Ask.size, 0, 1],
  [Ask.keys, 0, 1],
  [Ask.items, 0, 1],
  [Ask.equals, 0, 1, [['key', value]]],
  [Ask.set, 0, 1, 'key', value],
  [Ask.set, 0, 1, 'other', graph],
  [
    Ask.update,
    0,
    1,
    [
      ['key', 1],
      ['more', value],
    ],
  ],
  [Ask.replace, 0, 1, [['key', 'text']]],
  [Ask.delete, 0, 1, 'other'],
  [Ask.clear, 0, 1],
  [Ask.pop, 0, 1, 'key'],
  [Ask.popItem, 0, 1],
  [Ask.setDefault, 0, 1, 'key', 5],
  [Ask.set, 0, 1, 'leased', 5, [true, 20]],
  [Ask.lease, 0, 1, 'leased'],
  [Ask.atomic, 0, 1, 1, [1]],
  [Ask.release, 0, 1, 1, [['key', null, [['put', ['a', 0], 2]]]]],
  [Ask.feed, 0, 1, 9, -1, 1000],
  [Ask.seek, 0, 9],
]
const shipped = shipAtomic((all: Record<string, unknown>, by: number) => {
  all.count = ((all.count as number) || 0) + by
})

/** What opens a conversation. */
export const opening = Buffer.concat([
  encodeFrame([PROTOCOL, VERSION, { pid: 1 }]),
  encodeFrame([
    [Ask.open, 1, 1, 'fuzz', 'peer'],
    [Ask.define, 1, shipped.hash, shipped.bytes],
  ]),
])

const nasty: unknown[] = [
  null,
  undefined,
  true,
  -1,
  0,
  0.5,
  2 ** 40,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'x'.repeat(300),
  [],
  [[]],
  [['__proto__', 1]],
  {},
  { length: 1e9 },
  Buffer.from([0]),
  new Packed(Buffer.from([0, 0x91])),
  new Packed(Buffer.from([1, 0, 0, 0, 1, 0x90])),
  new Packed(new Uint8Array()),
  ['constructor', 'prototype', 'polluted'],
  [['put', ['__proto__', 'polluted'], true]],
  [['key', null, [['put', ['constructor', 'prototype', 'polluted'], true]]]],
]

/** Frames with ids of their own, as a client says them, or with parts that do not belong there. */
export function messages(random: () => number, count: number, hostile: boolean): Buffer[] {
  let holds = 0
  return Array.from({ length: count }, (_, i) => {
    const said = message(random, i + 2, hostile)
    // What is released was held, so that its changes are looked at.
    if (said[0] !== Ask.release) return encodeFrame([said])
    said[3] = ++holds
    return encodeFrame([[Ask.hold, LAST - i, 1, 'peer'], said])
  })
}

function message(random: () => number, id: number, hostile: boolean): unknown[] {
  const said = [...pick(random, real)]
  said[1] = id
  if (hostile)
    for (let left = 1 + Math.floor(random() * 2); left > 0; left--)
      said[2 + Math.floor(random() * said.length)] = pick(random, nasty)
  return said
}

/** Bytes that no client would send. They may be the first on a connection, or follow the opening. */
export function bytes(random: () => number): Buffer {
  const frame = encodeFrame([message(random, 5, false)])
  const kind = Math.floor(random() * 7)
  if (kind === 0) return noise(random, 1 + Math.floor(random() * 300))
  if (kind === 1) {
    // A few bytes of real traffic are others.
    for (let left = 1 + Math.floor(random() * 4); left > 0; left--)
      frame[Math.floor(random() * frame.length)] = Math.floor(random() * 256)
    return frame
  }
  if (kind === 2) return Buffer.concat([Buffer.from([255, 255, 255, 255]), noise(random, 50)])
  if (kind === 3) return frame.subarray(0, Math.floor(random() * frame.length))
  if (kind === 4) return framed(Buffer.alloc(1 + Math.floor(random() * 20_000), 0x91))
  if (kind === 5) return framed(Buffer.concat([Buffer.from([0xdd, 255, 255, 255, 255]), noise(random, 20)]))
  // A handshake that is none.
  return Buffer.concat([Buffer.from([0x16, 3, 1, 0, 200]), noise(random, 200)])
}

export const pick = <T>(random: () => number, from: readonly T[]): T =>
  from[Math.floor(random() * from.length)] as T

const noise = (random: () => number, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)))

function framed(content: Uint8Array): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(content.length)
  return Buffer.concat([head, content])
}

/** What is said last, and its answer's id: when that is there, all before it was handled. */
export const LAST = 4_000_000
export const closing = Buffer.from(encodeFrame([[Ask.ping, LAST, encode(1)]]))
