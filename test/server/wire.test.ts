import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mock, test } from 'node:test'
import fc from 'fast-check'
import { type AnyState, atomic, State } from 'zproc'
import { encodeFrame } from '../../src/protocol/frames.ts'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, RUN, Tell, VERSION } from '../../src/protocol/messages.ts'
import { shipAtomic } from '../../src/shipping/atomic.ts'
import { proxy } from '../kit/proxy.ts'
import { impostor, raw } from '../kit/raw.ts'
import { room as ownRoom } from '../kit/servers.ts'

const hello = [PROTOCOL, VERSION, { pid: 1 }]

test('a client of another version is told so, and so is the server', async t => {
  const room = await ownRoom(t)
  const told = mock.method(console, 'error', () => {})
  const old = await raw(t, room.server().address)
  old.say([PROTOCOL, VERSION + 1, { pid: 1 }])
  const [protocol, version, answer] = (await old.hear()) as [string, number, { refused: string }]
  assert.deepEqual([protocol, version], [PROTOCOL, VERSION])
  const expected = new RegExp(`version ${VERSION} .*client version ${VERSION + 1}.*same version`)
  assert.match(answer.refused, expected)
  assert.equal(await old.hear(), undefined)
  assert.match(String(told.mock.calls[0]?.arguments[0]), expected)
  told.mock.restore()
})

test('a server of another version is a ConnectionError that names both', async t => {
  const address = await impostor(t, socket => {
    socket.write(encodeFrame([PROTOCOL, VERSION + 1, { pid: 1, session: 1, maxMessageBytes: 1 }]))
  })
  await assert.rejects(new State(address).get('x'), {
    name: 'ConnectionError',
    message: new RegExp(`version ${VERSION + 1} .*client version ${VERSION}`),
  })
})

test('a server of another version that refuses is heard', async t => {
  const refused = 'the server speaks version 7'
  const address = await impostor(t, socket => {
    socket.end(encodeFrame([PROTOCOL, 7, { refused }]))
  })
  await assert.rejects(new State(address).get('x'), {
    name: 'ConnectionError',
    message: `${address}: ${refused}`,
  })
})

for (const [what, said] of [
  ['an HTTP server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['a frame of something else', encodeFrame({ hello: 'world' })],
  ['no msgpack', Buffer.from([0, 0, 0, 2, 0xc1, 0xc1])],
] as const) {
  test(`${what} instead of a zproc server is a ConnectionError`, async t => {
    const address = await impostor(t, socket => socket.end(said))
    await assert.rejects(new State(address).get('x'), { name: 'ConnectionError', message: /zproc/ })
  })
}

test('no bytes, however wrong, stop the server', async t => {
  const room = await ownRoom(t)
  const state = room.state<AnyState>(t)
  await state.set('x', 1)
  const { address } = room.server()
  const junk = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
    fc.anything({ withBigInt: false }).map(value => {
      try {
        return encodeFrame(value)
      } catch {
        return Buffer.alloc(3)
      }
    }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(junk, { maxLength: 3 }), fc.boolean(), async (parts, greeted) => {
      const { socket, say } = await raw(t, address)
      if (greeted) say(hello)
      for (const part of parts) socket.write(part)
      socket.end()
      socket.resume()
      await once(socket, 'close')
      assert.equal(await state.get('x'), 1)
    }),
    { numRuns: 100 },
  )
})

test('no message, however wrong, stops the server', async t => {
  const room = await ownRoom(t)
  const state = room.state<AnyState>(t)
  await state.set('x', 1)
  const { address } = room.server()
  const part = fc.oneof(
    fc.constantFrom<unknown>(
      1,
      2,
      -1,
      0,
      null,
      undefined,
      'x',
      '__proto__',
      'default',
      [],
      [[]],
      [['k', 1]],
      {},
      Buffer.from([0]),
      Buffer.from([1, 0x91]),
      Number.NaN,
      2 ** 40,
    ),
    fc.anything({ maxDepth: 1, withBigInt: false }),
  )
  const kinds = fc.oneof(
    fc.constantFrom<unknown>(...Object.values(Ask)),
    fc.constantFrom<unknown>('constructor', '__proto__', 99, null),
  )
  const message = fc.tuple(kinds, fc.array(part, { maxLength: 6 })).map(([kind, parts]) => [kind, ...parts])
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 6 }), async messages => {
      const { socket, say, hear } = await raw(t, address)
      say(hello)
      await hear()
      say([[Ask.open, 1, 1, 'other namespace', 'name']])
      for (const one of messages) {
        try {
          say([one])
        } catch {
          // What has no encoding cannot be said.
        }
      }
      socket.end()
      socket.resume()
      await once(socket, 'close')
      assert.equal(await state.get('x'), 1)
    }),
    { numRuns: 300 },
  )
})

test('a message that names nothing that is there is answered with an error', async t => {
  const room = await ownRoom(t)
  const { say, hear } = await raw(t, room.server().address)
  say(hello)
  await hear()
  say([[Ask.get, 7, 99, 'x']])
  const [[kind, id]] = (await hear()) as [[number, number]]
  assert.deepEqual([kind, id], [Tell.error, 7])
  say([
    [Ask.open, 8, 1, 'n', 'me'],
    [Ask.set, 10, 1, '__proto__', 1],
    [Ask.release, 11, 1, 5, null],
    [Ask.define, 1, 'a hash that nobody has sent', null],
    [Ask.atomic, 9, 1, 1, []],
    [Ask.size, 12, 1],
  ])
  const replies = (await hear()) as [kind: number, id: number][]
  assert.deepEqual(
    replies.map(([kind, id]) => [kind, id]),
    [
      [Tell.ok, 8],
      [Tell.error, 10],
      [Tell.error, 11],
      [Tell.unknownFunction, 9],
    ],
  )
  // What was asked after the call waits for the function; here it cannot be sent.
  say([[Ask.define, 1, null, null]])
  const late = (await hear()) as [kind: number, id: number][]
  assert.deepEqual(
    late.map(([kind, id]) => [kind, id]),
    [
      [Tell.error, 9],
      [Tell.ok, 12],
    ],
  )
})

test('calls that are made in one turn are answered in one write, a run of those with no result in one message', async t => {
  const room = await ownRoom(t)
  const { say, hear } = await raw(t, room.server().address)
  say(hello)
  await hear()
  const gets = Array.from({ length: 100 }, (_, i) => [Ask.get, i + 2, 1, 'x'])
  say([[Ask.open, 1, 1, 'n', 'me'], ...gets])
  assert.equal(((await hear()) as unknown[]).length, 101)
  const sets = (first: number, count: number) =>
    Array.from({ length: count }, (_, i) => [Ask.set, first + i, 1, 'x', i])
  say([...sets(200, 50), [Ask.pop, 250, 1, 'x'], [Ask.clear, 251, 1], ...sets(300, 50)])
  assert.deepEqual(await hear(), [
    [Tell.done, 200, 1, 50],
    [Tell.committed, 250, 51, 49],
    [Tell.done, 251, 52, 1],
    [Tell.done, 300, 53, 50],
  ])
})

test('a run of calls of one function is one message, and each of them a commit or an error of its own', async t => {
  const room = await ownRoom(t)
  const { say, hear } = await raw(t, room.server().address)
  say(hello)
  await hear()
  const { hash, bytes } = shipAtomic((all: { n?: number }) => {
    if (all.n === 3) throw new Error('enough')
    all.n = (all.n ?? 0) + 1
  })
  say([
    [Ask.open, 1, 1, 'n', 'me'],
    [Ask.define, 1, hash, bytes],
    [Ask.atomic, 2, 1, 1, [], 5],
  ])
  const [, ...replies] = (await hear()) as unknown[][]
  assert.deepEqual(
    replies.map(reply => (reply[0] === Tell.error ? reply.slice(0, 2) : reply)),
    [
      [Tell.done, 2, 1, 3],
      [Tell.error, 5],
      [Tell.error, 6],
    ],
  )
  for (const times of [RUN + 1, Number.POSITIVE_INFINITY]) {
    const hostile = await raw(t, room.server().address)
    hostile.say(hello)
    await hostile.hear()
    hostile.say([
      [Ask.open, 1, 1, 'n', 'me'],
      [Ask.define, 1, hash, bytes],
      [Ask.atomic, 2, 1, 1, [], times],
    ])
    for (let heard: unknown = []; heard !== undefined; ) heard = await hostile.hear()
  }
  say([[Ask.get, 7, 1, 'n']])
  assert.deepEqual(await hear(), [[Tell.ok, 7, 3]])
  for (const [id, times] of [Number.NaN, null, -3, {}].entries()) {
    say([[Ask.atomic, 10 + id, 1, 1, [], times]])
    assert.deepEqual(((await hear()) as unknown[][]).length, 1, String(times))
  }
})

test('calls in flight are told of their own results, wherever a run of them ends', async t => {
  const room = await ownRoom(t)
  const state = room.state<AnyState>(t)
  const [even, odd] = [1, 3].map(by =>
    atomic((all: AnyState) => {
      all.n = (all.n ?? 0) + 1
      if (all.n % by === 0 && by > 1) return all.n
    }),
  ) as [
    (state: State<AnyState>) => Promise<number | undefined>,
    (state: State<AnyState>) => Promise<number | undefined>,
  ]
  const results = await Promise.all(Array.from({ length: 300 }, (_, i) => (i % 100 < 50 ? even : odd)(state)))
  assert.deepEqual(
    results,
    Array.from({ length: 300 }, (_, i) => (i % 100 >= 50 && (i + 1) % 3 === 0 ? i + 1 : undefined)),
  )
  assert.equal(await state.get('n'), 300)
})

test('a server that says more calls are done than were made is a ConnectionError', async t => {
  const address = await impostor(t, socket => {
    const server = {
      pid: 1,
      session: 1,
      maxMessageBytes: 1e6,
      maxInFlight: 10,
      log: 'l',
      resumed: false,
      received: 0,
    }
    socket.write(encodeFrame([PROTOCOL, VERSION, server]))
    socket.write(encodeFrame([[Tell.done, 1, 1, 2 ** 40]]))
  })
  await assert.rejects(new State(address).get('x'), { name: 'ConnectionError', message: /never made/ })
})

test('a State that never watches is sent no updates', async t => {
  const room = await ownRoom(t)
  const { say, hear } = await raw(t, room.server().address)
  say(hello)
  await hear()
  say([[Ask.open, 1, 1, 'n', 'me']])
  await hear()
  const other = new State(room.server().address, { namespace: 'n' })
  t.after(() => other.close())
  for (let n = 0; n < 100; n++) await other.set('n', n)
  say([[Ask.get, 2, 1, 'n']])
  assert.deepEqual(await hear(), [[Tell.ok, 2, 99]])
})

test('updates travel as changes, not as states', async t => {
  const room = await ownRoom(t)
  const state = room.state<AnyState>(t)
  await state.set({ big: 'x'.repeat(1_000_000), deep: { list: Array.from({ length: 10_000 }, (_, i) => i) } })
  const between = await proxy(t, room.server().address)
  const watcher = new State(between.address, { namespace: state.namespace })
  t.after(() => watcher.close())
  await watcher.getWhenAvailable('big')
  const before = between.delivered
  const push = atomic((s: AnyState) => {
    s.deep.list.push(1)
  })
  await push(state)
  await state.set('small', 1)
  const { deep, big } = await watcher.getWhenAvailable('small')
  assert.equal(deep.list.length, 10_001)
  assert.equal(big.length, 1_000_000)
  assert.ok(between.delivered - before < 1000, `${between.delivered - before} bytes`)
})

test('of large values fewer commits are kept: historyBytes', async t => {
  const room = await ownRoom(t, { historyBytes: 1_000_000 })
  const other = room.state<AnyState>(t)
  const watcher = await room.beside(t, other)
  // A State that has not watched yet misses nothing.
  const first = watcher.getWhenChange('n')
  await other.set('n', new Uint8Array(1))
  await first
  for (let i = 1; i <= 10; i++) await other.set('n', new Uint8Array(300_000).fill(i))
  // The watcher was sent the first large value, at revision 2, before it stopped. Three of the others are kept.
  assert.equal((await watcher.getWhenChange('n')).n[0], 1)
  await assert.rejects(watcher.getWhenChange('n'), { name: 'MissedUpdatesError', from: 3, to: 8 })
  assert.equal((await watcher.getWhenChange('n')).n[0], 8)
})

test('a watcher that does not read costs the server no memory, and reads on later', async t => {
  const room = await ownRoom(t, { historyLimit: 1_000_000 })
  const between = await proxy(t, room.server().address)
  const other = room.state<AnyState>(t)
  const watcher = new State(between.address, { namespace: other.namespace })
  t.after(() => watcher.close())
  const loop = watcher.whenChange('n')
  const first = loop.next()
  await watcher.size()
  await other.set('n', 0)
  await first
  between.stall()
  const delivered = between.delivered
  const text = 'x'.repeat(100)
  const count = 50_000
  for (let from = 1; from <= count; from += 5000)
    await Promise.all(Array.from({ length: 5000 }, (_, i) => other.set('n', { n: from + i, text })))
  // 50,000 updates of 100 bytes and more wait; no more than the window was written to the socket.
  between.resume()
  let n = 0
  for await (const snapshot of loop) {
    assert.equal(snapshot.n.n, ++n)
    if (n === 1)
      assert.ok(between.delivered - delivered < 1_000_000, `${between.delivered - delivered} bytes`)
    if (n === count) break
  }
})

test('a connection that is cut for too long rejects what is pending', async t => {
  const room = await ownRoom(t)
  const between = await proxy(t, room.server().address)
  const state = new State<AnyState>(between.address, { connectTimeout: 300 })
  const other = state.fork({ serverAddress: room.server().address })
  t.after(() => other.close())
  await state.set('x', 1)
  between.stall()
  const pending = [state.set('x', 2), state.getWhenEqual('x', 9)]
  const rejected = Promise.all(
    pending.map(one => assert.rejects(one, { name: 'ConnectionError', outcome: 'unknown' })),
  )
  await other.set('y', 1)
  between.cut()
  await rejected
  await state.close()
  await other.set('x', 3)
  assert.equal(await other.get('x'), 3)
})

test('the server answers over a slow way, in order', async t => {
  const room = await ownRoom(t)
  const between = await proxy(t, room.server().address)
  between.delay(3)
  const state = new State<AnyState>(between.address)
  t.after(() => state.close())
  const seen = await Promise.all(
    Array.from({ length: 50 }, async (_, n) => {
      state.set('n', n)
      return state.get('n')
    }),
  )
  assert.deepEqual(
    seen,
    Array.from({ length: 50 }, (_, n) => n),
  )
})
