// What a log, a session and a watcher keep is what they hold, not the buffers that it came in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, State, startServer } from 'zproc'
import { encodeFrame } from '../../src/protocol/frames.ts'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, type Step, VERSION, type WireChange } from '../../src/protocol/messages.ts'
import { fromWire, Packed, toWire } from '../../src/protocol/values.ts'
import type { Author, KeyChange } from '../../src/store/commit.ts'
import { changesFromWire, writes } from '../../src/store/methods.ts'
import { Namespace } from '../../src/store/namespace.ts'
import { held, residentOf } from '../kit/memory.ts'
import { raw } from '../kit/raw.ts'

const MB = 1 << 20
const author: Author = { session: 1, state: 1, pid: 1, name: 'test' }

/** Whether the memory under these bytes is little more than they are. */
const isOwn = (value: unknown): boolean =>
  !(value instanceof Packed) || value.bytes.buffer.byteLength <= Math.max(64, 2 * value.bytes.length)

/** A value as it lies in a frame that was read: a view of it. */
function inFrame(value: unknown): Packed {
  const { bytes } = toWire(value, 'test') as Packed
  const frame = new Uint8Array(900_000)
  frame.set(bytes, 1000)
  return new Packed(frame.subarray(1000, 1000 + bytes.length))
}

test('whatever a commit puts into the log, it puts its own bytes there', () => {
  const space = new Namespace('test', 1000)
  const run = (kind: number, ...args: unknown[]) => writes[kind]?.(space, author, ...(args as [never, never]))
  const commit = (...changes: WireChange[]) => space.commit(author, 'atomic', changesFromWire(space, changes))
  run(Ask.set, 'a', inFrame({ list: [1, { x: 1 }] }))
  run(Ask.setDefault, 'b', inFrame([1]))
  run(Ask.update, [['c', inFrame({ x: 1 })]])
  run(Ask.replace, [
    ['a', inFrame({ list: [1, 2] })],
    ['d', inFrame(new Map([[1, 2]]))],
  ])
  commit(['e', inFrame([2])])
  commit(['a', null, [['splice', ['list'], 1, 0, [inFrame({ y: 1 })]]]])
  commit(['a', null, [['put', ['list', 0], inFrame([5])]]])
  commit(['a', null, [['splice', ['list'], 0, 1, []]]])
  for (let revision = 1; revision <= space.revision; revision++)
    for (const change of space.at(revision).changes) {
      if (change.key === null) continue
      const { before, after, steps, undo } = change as KeyChange
      const kept = [before, after, ...[...(steps ?? []), ...(undo ?? [])].flatMap(valuesOf)]
      for (const value of kept) assert.ok(isOwn(value), `commit ${revision}: ${change.key}`)
    }
  for (const [key, value] of space.values) assert.ok(isOwn(value), key)
  assert.deepEqual(fromWire(space.values.get('a')), { list: [{ y: 1 }, 2] })
})

/** What a step puts. */
const valuesOf = (step: Step): unknown[] =>
  step[0] === 'put' ? [step[2]] : step[0] === 'splice' ? step[4].filter(item => !Array.isArray(item)) : []

test('after a large frame the next ones lie in small buffers, and large ones in buffers of their size', () => {
  encodeFrame(['x'.repeat(50 * MB)])
  for (let i = 0; i < 100; i++) {
    const frame = encodeFrame([[Ask.get, i, 1, 'key']])
    assert.ok(frame.buffer.byteLength <= 256 << 10, `${frame.buffer.byteLength} bytes for ${frame.length}`)
  }
  for (const size of [5000, 300_000, 2 * MB, 20 * MB])
    for (const bytes of [0, size]) {
      const frame = encodeFrame(['x'.repeat(size)], bytes)
      const most = Math.max(256 << 10, 2 * frame.length)
      assert.ok(frame.buffer.byteLength <= most, `${frame.buffer.byteLength} bytes for ${frame.length}`)
    }
})

test('a client that sends and is sent 50 MB at once, and then little, keeps little', async t => {
  const server = await startServer(null, { historyLimit: 1 })
  t.after(() => server.stop())
  const state = new State<AnyState>(server.address)
  t.after(() => state.close())
  await state.set('big', 'x'.repeat(50 * MB))
  assert.equal(((await state.get('big')) as string).length, 50 * MB)
  await state.delete('big')
  const frames = Array.from({ length: 1000 }, (_, i) => state.set(`k${i % 10}`, 'y'.repeat(1000)))
  await Promise.all(frames)
  const { arrayBuffers } = await held()
  assert.ok(arrayBuffers < 16 * MB, `${arrayBuffers / MB} MB of buffers in the client`)
})

test('slow watchers of a log of large commits take a megabyte or two each', {
  skip: process.platform !== 'linux' && 'memory is read from /proc',
}, async t => {
  const server = await startServer(null, { graceTime: 60_000 })
  t.after(() => server.stop())
  const state = new State<AnyState>(server.address)
  t.after(() => state.close())
  const text = 'x'.repeat(400_000)
  for (let i = 0; i < 250; i++) await state.set('text', `${i} ${text}`)
  const before = residentOf(server.pid)
  for (let i = 0; i < 4; i++) {
    const peer = await raw(t, server.address)
    const token = Buffer.alloc(16, i)
    peer.say([PROTOCOL, VERSION, { pid: process.pid, machine: '', token, attempt: 1, received: 0 }])
    await peer.hear()
    peer.say([[Ask.open, 1, 1, 'default', 'slow']])
    await peer.hear()
    peer.socket.pause()
    // From the beginning of the log, with all the credit that there is.
    peer.say([[Ask.feed, 2, 1, 1, 0, 1e12]])
  }
  for (let i = 0; i < 20; i++) await state.ping()
  const grown = residentOf(server.pid) - before
  assert.ok(grown < 60, `the server grew by ${grown.toFixed()} MB`)
})
