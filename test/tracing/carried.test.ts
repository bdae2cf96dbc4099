// What travels for a tracing system: with atomic calls, when there is something; and what a server makes of anything else.
import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type AnyState, atomic, State, startServer } from 'zproc'
import { parseAddress } from '../../src/protocol/address.ts'
import { decodeLent, FrameReader } from '../../src/protocol/frames.ts'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, VERSION } from '../../src/protocol/messages.ts'
import { shipAtomic } from '../../src/shipping/atomic.ts'
import { traceFromWire, traceToWire, useTracer } from '../../src/tracing/carried.ts'
import { raw } from '../kit/raw.ts'
import { Kept } from './kept.ts'

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const count = atomic((state: AnyState) => {
  state.n = ((state.n as number | undefined) ?? 0) + 1
})

/** A server, and every message that reaches it by `address`. */
async function tapped(t: TestContext) {
  const server = await startServer('tcp://127.0.0.1:0', { backend: 'inline' })
  const { where } = parseAddress(server.address, 'tapped')
  const messages: unknown[][] = []
  const tap = createServer(client => {
    const reader = new FrameReader(2 ** 32)
    client.on('data', (chunk: Buffer) =>
      reader.read(chunk, (...lent) => {
        const frame = decodeLent(...lent)
        if (Array.isArray(frame)) messages.push(...frame.filter(Array.isArray))
      }),
    )
    const upstream = connect(where)
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>(done => tap.listen(0, '127.0.0.1', done))
  const state = new State<AnyState>(`tcp://127.0.0.1:${(tap.address() as { port: number }).port}`)
  t.after(async () => {
    await state.close()
    tap.close()
    await server.stop()
  })
  return { state, calls: () => messages.filter(([kind]) => kind === Ask.atomic).map(call => call.slice(4)) }
}

test('without a tracing system calls are sent as ever: many of one function as one message, and no trace', async t => {
  const { state, calls } = await tapped(t)
  await count(state)
  await Promise.all([count(state), count(state), count(state)])
  assert.deepEqual(calls(), [[[]], [[], 3]])
  assert.equal(await state.get('n'), 4)
})

test('with one, each call brings its own trace to where the function runs', async t => {
  const { state, calls } = await tapped(t)
  const kept = new Kept(t, 'zproc:atomic')
  let number = 0
  const traces = () => ({ traceparent: traceparent.replace('b7', `0${++number}`), tracestate: `n=${number}` })
  t.after(useTracer({ inject: traces, enter: (_, fn) => fn(), flush: async () => {} }))
  await Promise.all([count(state), count(state)])
  const found = [
    { traceparent: traceparent.replace('b7', '01'), tracestate: 'n=1' },
    { traceparent: traceparent.replace('b7', '02'), tracestate: 'n=2' },
  ]
  assert.deepEqual(
    kept.messages.map(({ trace }) => trace),
    found,
  )
  assert.deepEqual(
    calls(),
    found.map(trace => [[], 1, traceToWire(trace)]),
  )
})

test('whatever a message brings, it is a trace context or nothing', () => {
  const near = fc.tuple(fc.stringMatching(/^[\da-f-]{0,60}$/), fc.string({ maxLength: 600 }))
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.array(fc.anything()), near), wire => {
      const trace = traceFromWire(wire)
      if (trace === undefined) return
      assert.match(trace.traceparent, /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/)
      assert.ok((trace.tracestate ?? '').length <= 512)
    }),
  )
  for (const trace of [{ traceparent }, { traceparent, tracestate: 'vendor=1' }])
    assert.deepEqual(traceFromWire(traceToWire(trace)), trace)
  assert.deepEqual(traceFromWire([traceparent, 'x'.repeat(513)]), { traceparent })
})

test('a call with anything in place of a trace is done like any other', async t => {
  const server = await startServer(null, { backend: 'inline' })
  t.after(() => server.stop())
  const kept = new Kept(t, 'zproc:atomic')
  const { say, hear } = await raw(t, server.address)
  say([PROTOCOL, VERSION, { pid: process.pid }])
  await hear()
  const { hash, bytes } = shipAtomic((all: AnyState) => {
    all.n = 1
  })
  const wires = [null, 5, 'no', {}, [], [5, 5], [traceparent, 5], [[traceparent]]]
  say([
    [Ask.open, 1, 1, 'n', 'me'],
    [Ask.define, 1, hash, bytes],
    ...wires.map((wire, i) => [Ask.atomic, 2 + i, 1, 1, [], 1, wire]),
    [Ask.get, 100, 1, 'n'],
  ])
  await hear()
  const traces = kept.messages.map(({ trace }) => trace)
  assert.deepEqual(
    traces,
    wires.map(wire => (Array.isArray(wire) && wire[0] === traceparent ? { traceparent } : undefined)),
  )
  assert.ok(kept.messages.every(message => kept.eventsOf(message).join() === 'start,end'))
})
