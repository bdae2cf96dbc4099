import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type AnyState, atomic, ConnectionError, type Server, State, startServer } from 'zproc'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { type Hello, PROTOCOL, Tell, VERSION } from '../../src/protocol/messages.ts'
import { toWire } from '../../src/protocol/values.ts'
import { elsewhere } from '../kit/elsewhere.ts'
import { residentOf } from '../kit/memory.ts'
import { program } from '../kit/programs.ts'
import { type Raw, raw } from '../kit/raw.ts'
import { room } from '../kit/servers.ts'

const hello = [PROTOCOL, VERSION, { pid: 1 }] satisfies Hello

async function greeted(t: TestContext, server: Server, namespace = 'default'): Promise<Raw> {
  const peer = await raw(t, server.address)
  peer.say(hello)
  await peer.hear()
  peer.say([[Ask.open, 1, 1, namespace, 'peer']])
  await peer.hear()
  return peer
}

for (const secretKey of [undefined, 'muchsecret']) {
  const how = secretKey ? 'with a key' : 'without a key'

  test(`one client too many is told so, and others do not notice (${how})`, async t => {
    const server = await startServer(null, { backend: 'inline', maxConnections: 2, secretKey })
    t.after(() => server.stop())
    const [first, second] = [server.address, elsewhere(server.address)].map(
      address => new State<AnyState>(address, { secretKey }),
    ) as [State, State]
    t.after(() => Promise.all([first.close(), second.close()]))
    await Promise.all([first.set('x', 1), second.set('y', 2)])
    const third = new State(elsewhere(elsewhere(server.address)), { secretKey })
    await assert.rejects(third.get('x'), {
      name: 'ConnectionError',
      message: /the server has 2 connections, as many as it takes \(its maxConnections\)/,
    })
    assert.deepEqual(await first.copy(), { x: 1, y: 2 })
    await second.close()
    for (;;) {
      // The server hears of it a moment later.
      const fourth = new State<AnyState>(elsewhere(elsewhere(server.address)), { secretKey })
      const x = await fourth.get('x').catch(error => assert.ok(error instanceof ConnectionError))
      await fourth.close()
      if (x === 1) break
    }
  })

  test(`of those that say nothing the oldest has to go, and a client gets in (${how})`, async t => {
    const server = await startServer(null, { backend: 'inline', maxHalfOpen: 3, secretKey })
    t.after(() => server.stop())
    const silent: Raw[] = []
    for (let i = 0; i < 5; i++) silent.push(await raw(t, server.address))
    const state = new State<AnyState>(server.address, { secretKey })
    t.after(() => state.close())
    await state.set('x', 1)
    for (const { hear } of silent.slice(0, 3)) {
      const said = (await hear()) as Hello | undefined
      const refusal = said?.[2] as { refused: string } | undefined
      if (secretKey) assert.equal(said, undefined)
      else assert.match(refusal?.refused ?? '', /3 connections have not said hello.*maxHalfOpen/)
    }
    assert.deepEqual(
      silent.map(({ socket }) => socket.destroyed),
      [true, true, true, false, false],
    )
  })

  test(`whoever takes too long to say hello is sent away, and a client is not (${how})`, async t => {
    const server = await startServer(null, { backend: 'inline', handshakeTimeout: 100, secretKey })
    t.after(() => server.stop())
    const state = new State<AnyState>(server.address, { secretKey })
    t.after(() => state.close())
    await state.set('x', 1)
    const [silent, slow] = [await raw(t, server.address), await raw(t, server.address)]
    // The beginning of a hello, and of a handshake.
    slow.socket.write(Buffer.from(secretKey ? [0x16, 3, 1] : [0, 0, 0]))
    for (const { hear } of [silent, slow]) {
      const said = (await hear()) as Hello | undefined
      if (said) assert.match((said[2] as { refused: string }).refused, /no hello within 100 ms/)
      assert.equal(await hear(), undefined)
    }
    assert.equal(await state.get('x'), 1)
  })
}

test('a value that is nested too deeply is refused, by whatever it is made of', async t => {
  const own = await room(t, { maxDepth: 3 })
  const [state, other] = await own.pair(t)
  const nest = (levels: number, inner: unknown): unknown => (levels === 0 ? inner : [nest(levels - 1, inner)])
  await state.set('fits', nest(3, 1))
  await state.set('fits too', new Map([['a', new Set([[1]])]]))
  const refused = {
    name: 'ValueTooLargeError',
    message: /nested 4 levels deep; the server takes 3 \(its maxDepth\)/,
  }
  await assert.rejects(state.set('x', nest(4, 1)), refused)
  await assert.rejects(state.update({ y: 1, x: new Map([['a', new Set([[new Date()]])]]) }), refused)
  await assert.rejects(state.setDefault('x', nest(4, 1)), refused)
  await assert.rejects(
    atomic(async (all: AnyState) => {
      all.fits[0][0] = [[1]]
    })(other),
    refused,
  )
  assert.deepEqual(await other.keys(), ['fits', 'fits too'])
  assert.deepEqual(await other.get('fits'), [[[1]]])
})

test('bytes that are no value are not kept, where they would fail whoever reads them', async t => {
  const own = await room(t)
  const peer = await greeted(t, own.server())
  const { bytes } = toWire({ a: [1, new Map()] }, 'test') as { bytes: Uint8Array }
  const broken = toWire([1], 'test') as object
  Object.defineProperty(broken, 'bytes', { value: bytes.slice(0, -1) })
  peer.say([[Ask.set, 2, 1, 'x', broken]])
  const [[kind, id]] = (await peer.hear()) as [[number, number]]
  assert.deepEqual([kind, id], [Tell.error, 2])
  const state = new State(own.server().address)
  t.after(() => state.close())
  assert.equal(await state.size(), 0)
})

test('a session that asks too far ahead is ended with a reason, and the others are served', async t => {
  const own = await room(t, { maxInFlight: 10, atomicTimeout: 60_000 })
  t.mock.method(console, 'error', () => {})
  const state = own.state<AnyState>(t)
  const holder = state.fork({ serverAddress: elsewhere(state.serverAddress) })
  t.after(() => holder.close())
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  let begun = () => {}
  const begins = new Promise<void>(resolve => {
    begun = resolve
  })
  const holding = atomic(async () => {
    begun()
    await held
  })(holder)
  await begins
  const ahead: [first: unknown[][], next: (i: number) => unknown[], count: number, why: RegExp][] = [
    [[], i => [Ask.set, i + 2, 1, 'n', i], 11, /more than 10 requests wait.*maxInFlight/],
    // A call whose function is awaited; what has no answer is counted by its bytes alone.
    [
      [
        [Ask.define, 1, 'a hash', null],
        [Ask.atomic, 2, 1, 1, []],
      ],
      () => [Ask.close, Buffer.alloc(1 << 20)],
      81,
      /more than \d+ bytes wait/,
    ],
  ]
  for (const [first, next, count, why] of ahead) {
    const peer = await greeted(t, own.server(), state.namespace)
    peer.say(first)
    for (let i = 0; i < count; i++) peer.say([next(i)])
    await state.get('n')
    let said: unknown[] = []
    while (said[0] !== Tell.ended) said = ((await peer.hear()) as unknown[][])[0] ?? []
    assert.match(String(said[1]), why)
    assert.equal(await peer.hear(), undefined)
  }
  release()
  await holding
})

test('a client with more calls under way than that is answered in order, even while it holds the namespace', async t => {
  const own = await room(t, { maxInFlight: 10, atomicTimeout: 60_000 })
  const state = own.state<{ n: number; log: number[] }>(t)
  await state.set({ n: -1, log: [] })
  const push = atomic((all: { n: number; log: number[] }) => void all.log.push(all.n))
  let begun = () => {}
  const begins = new Promise<void>(resolve => {
    begun = resolve
  })
  const hold = atomic(async (all: { n: number; log: number[] }) => {
    begun()
    await new Promise(resolve => setImmediate(resolve))
    all.log.push(-1)
  })
  const held = hold(state)
  await begins
  const calls = Array.from({ length: 500 }, (_, i) => [state.set('n', i), push(state)]).flat()
  await held
  await Promise.all(calls)
  assert.deepEqual(
    await state.get('log'),
    Array.from({ length: 501 }, (_, i) => i - 1),
  )
})

test('who does not take the answers gets no more of them, and costs the server no memory', async t => {
  const server = await startServer()
  t.after(() => server.stop())
  const state = new State<AnyState>(server.address)
  t.after(() => state.close())
  const count = 500
  await state.set({ text: 'x'.repeat(1 << 20), bytes: Buffer.alloc(1 << 20) })
  const peer = await greeted(t, server)
  peer.socket.pause()
  const before = residentOf(server.pid)
  peer.say(Array.from({ length: count }, (_, i) => [i % 2 ? Ask.values : Ask.get, i + 2, 1, 'text']))
  for (let i = 0; i < 50; i++) await state.ping()
  const grown = residentOf(server.pid) - before
  assert.ok(grown < 100, `the server grew by ${grown} MB`)
  peer.socket.resume()
  let next = 2
  while (next < count + 2)
    for (const [kind, id] of (await peer.hear()) as [number, number][])
      assert.deepEqual([kind, id], [Tell.ok, next++])
})

test('wrong limits are shown at the call', async () => {
  const wrong: [options: object, error: { name: string; message: RegExp }][] = [
    [{ maxConnections: 0 }, { name: 'RangeError', message: /maxConnections.*got 0/ }],
    [{ maxConnections: '9' }, { name: 'TypeError', message: /maxConnections.*got '9'/ }],
    [{ maxHalfOpen: 1.5 }, { name: 'RangeError', message: /maxHalfOpen.*whole.*1\.5/ }],
    [{ maxInFlight: -1 }, { name: 'RangeError', message: /maxInFlight.*-1/ }],
    [{ maxDepth: 10_001 }, { name: 'RangeError', message: /maxDepth.*1 to 10000.*10001/ }],
    [{ maxDepth: Number.NaN }, { name: 'TypeError', message: /maxDepth.*NaN/ }],
    [{ handshakeTimeout: 0 }, { name: 'RangeError', message: /handshakeTimeout.*got 0/ }],
  ]
  for (const [options, error] of wrong) await assert.rejects(startServer(null, options), error)
})

test('what is refused is logged in one line, and a flood of it in two', async t => {
  const run = program(
    t,
    `import { State, startServer } from 'zproc'
    const server = await startServer(null, { secretKey: 'a long enough secret', backend: process.argv[2] as 'inline' })
    for (const secretKey of [undefined, 'guessed, and long enough'])
      for (let i = 0; i < 20; i++) {
        const state = new State(server.address, { secretKey })
        await state.get('x').then(() => console.log('got in'), () => {})
        await state.close()
      }
    setTimeout(() => server.stop(), 1500)`,
    ['inline'],
  )
  const { code, stdout, stderr } = await run.ended()
  assert.deepEqual([code, stdout], [0, ''])
  assert.match(stderr, /^zproc server: refused a client that gave no secret key$/m)
  assert.match(stderr, /^zproc server: refused a client: it does not hold the secret key \(ERR_SSL_\w+\)$/m)
  assert.match(stderr, /^zproc server: 19 more like this: refused a client that gave no secret key$/m)
  assert.ok(stderr.split('\n').length <= 9, stderr)
  for (const secret of ['a long enough secret', 'guessed, and long enough'])
    assert.ok(!stderr.includes(secret))
})

test('a connection that is ended for what it said is logged with why', async t => {
  const run = program(
    t,
    `import { connect } from 'node:net'
    import { State, startServer } from 'zproc'
    const server = await startServer('tcp://127.0.0.1:0', { backend: 'inline' })
    const socket = connect(Number(server.address.split(':').pop()), '127.0.0.1')
    socket.end(Buffer.from([255, 255, 255, 255]))
    socket.resume().once('close', () => server.stop())`,
  )
  const { code, stderr } = await run.ended()
  assert.equal(code, 0)
  assert.match(
    stderr,
    /^zproc server: ended the connection of somebody who had not said hello: a frame of 4294967295 bytes is announced; the limit is 65536 bytes$/m,
  )
})
