import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, atomic, State, startServer } from 'zproc'
import { deferred } from '../../src/async/deferred.ts'
import { program } from '../kit/programs.ts'
import { proxy } from '../kit/proxy.ts'
import { faulty } from './kit.ts'

const tcp = 'tcp://127.0.0.1:0'

for (const secretKey of [undefined, 'muchsecret']) {
  const name = secretKey ? 'with a key' : 'plain'

  test(`a stalled connection is found dead within 5 s, by both ends (${name})`, {
    timeout: 30_000,
  }, async t => {
    const { between, state, straight, event } = await faulty(
      t,
      { secretKey, atomicTimeout: 60_000, graceTime: 0 },
      {},
      tcp,
    )
    const held = deferred<void>()
    const holding = atomic(async () => {
      held.resolve()
      await new Promise(() => {})
    })(state)
    await held.promise
    const failed = assert.rejects(holding, { name: 'ConnectionError', outcome: 'unknown' })
    const began = performance.now()
    const lost = event('disconnected').then(() => performance.now() - began)
    between.stall()
    // The server lets go of the hold as soon as it finds out.
    await straight.set('x', 1)
    const server = performance.now() - began
    assert.ok(server < 5500, `the server took ${server} ms`)
    const client = await lost
    assert.ok(client < 5500, `the client took ${client} ms`)
    between.resume()
    await failed
    assert.deepEqual(await state.copy(), { x: 1 })
  })
}

test('a half-open connection, of which only one end is left, is made again', { timeout: 30_000 }, async t => {
  const { between, state, straight, event } = await faulty(t, {}, {}, tcp)
  await straight.set('n', 1)
  const resumed = event('resumed')
  // The old connection says nothing any more, a new one gets through.
  between.abandon()
  const answer = state.get('n')
  assert.equal(await answer, 1)
  await resumed
})

test('an idle connection over tcp stays, and the program that has it can end', {
  timeout: 30_000,
}, async t => {
  const { server, state, event } = await faulty(t, {}, {}, tcp)
  const lost = event('disconnected').then(() => true)
  const run = program(
    t,
    `import { State } from 'zproc'
    const state = new State(process.argv[2]!)
    await state.size()
    console.log('idle')`,
    [server.address],
  )
  assert.deepEqual((await run.ended()).stdout, 'idle\n')
  // Longer than silence would be taken for death.
  assert.equal(await Promise.race([lost, new Promise(resolve => setTimeout(resolve, 6000, false))]), false)
  assert.equal(await state.size(), 0)
})

test('a client that computes for seconds is still itself afterwards', { timeout: 60_000 }, async t => {
  const { server, straight } = await faulty(t, {}, {}, tcp)
  const run = program(
    t,
    `import { State } from 'zproc'
    const state = new State(process.argv[2]!, { namespace: process.argv[3]! })
    const awake = setInterval(() => {}, 1000)
    await state.set('busy', 1, { ephemeral: true })
    const events = state.events()
    const change = state.getWhenChange('go')
    await state.size()
    const end = performance.now() + 8000
    while (performance.now() < end);
    console.log(JSON.stringify(await change), (await events.next()).value.type, (await events.next()).value.type)
    clearInterval(awake)`,
    [server.address, straight.namespace],
  )
  await straight.getWhenAvailable('busy')
  await straight.set('go', true)
  assert.equal(await run.line(), '{"busy":1,"go":true} disconnected resumed')
})

test('a program may compute for longer than connectTimeout while it connects', {
  timeout: 60_000,
}, async t => {
  const secretKey = 'muchsecret'
  const homes = await Promise.all([startServer(), startServer(tcp, { secretKey })])
  t.after(() => Promise.all(homes.map(server => server.stop())))
  const states: State<AnyState>[] = []
  // Each has got a turn further than the next one, and a connection of its own.
  for (let turn = 0; turn < 4; turn++) {
    await new Promise(setImmediate)
    const connectTimeout = 2000 + turn
    states.push(new State(homes[0].address, { connectTimeout }))
    states.push(new State(homes[1].address, { connectTimeout, secretKey }))
  }
  t.after(() => Promise.all(states.map(state => state.close())))
  await Promise.resolve()
  const end = performance.now() + 2500
  while (performance.now() < end);
  assert.deepEqual(await Promise.all(states.map(state => state.size())), new Array(8).fill(0))
})

test('a server that computes for seconds cuts nobody off', { timeout: 30_000 }, async t => {
  const { between, state, event } = await faulty(t, {}, {}, tcp)
  const lost = event('disconnected').then(() => true)
  const end = performance.now() + 6000
  while (performance.now() < end);
  assert.equal(await Promise.race([lost, state.size().then(() => false)]), false)
  assert.ok(between.delivered > 0)
})

test('a State whose way is stalled says so after connectTimeout, and works again later', {
  timeout: 30_000,
}, async t => {
  const { server, state: first } = await faulty(t, {}, {}, tcp)
  const between = await proxy(t, server.address)
  const state = new State<AnyState>(between.address, { namespace: first.namespace, connectTimeout: 500 })
  t.after(() => state.close())
  await state.set('x', 1)
  const watching = state.getWhenChange('y')
  await state.size()
  between.stall()
  const began = performance.now()
  await assert.rejects(state.set('x', 2), { name: 'ConnectionError', outcome: 'unknown', message: /500 ms/ })
  await assert.rejects(watching, { name: 'ConnectionError' })
  assert.ok(performance.now() - began < 6500)
  between.cut()
  between.resume()
  assert.ok([1, 2].includes(await state.get('x')))
  const again = state.getWhenChange('y')
  await first.set('y', 1)
  assert.equal((await again).y, 1)
})
