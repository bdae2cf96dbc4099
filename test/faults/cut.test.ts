import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, atomic } from 'zproc'
import { deferred } from '../../src/async/deferred.ts'
import { program } from '../kit/programs.ts'
import { take } from '../kit/watching.ts'
import { faulty, ways } from './kit.ts'

const increment = atomic((state: { n: number }) => {
  state.n += 1
  return state.n
})

for (const { name, address, options } of ways) {
  test(`a request that was cut before the server got it takes effect once (${name})`, async t => {
    const { between, state, straight } = await faulty(t, options, {}, address)
    await straight.set({ n: 0 })
    await increment(state as never)
    between.stall()
    const pending = [increment(state as never), state.get('n'), state.pop('missing', 'fallback')]
    between.cut()
    between.resume()
    assert.deepEqual(await Promise.all(pending), [2, 2, 'fallback'])
    assert.equal(await straight.get('n'), 2)
  })

  test(`a request whose answer was lost took effect once, and is answered (${name})`, async t => {
    const { between, state, straight, event } = await faulty(t, options, {}, address)
    await straight.set({ n: 0 })
    await increment(state as never)
    const resumed = event('resumed')
    between.deafen()
    const answer = increment(state as never)
    await straight.getWhenEqual('n', 2)
    between.cut()
    assert.equal(await answer, 2)
    await resumed
    assert.equal(await straight.get('n'), 2)
  })

  test(`requests in flight through many cuts take effect once each, in order (${name})`, async t => {
    const { between, state, straight } = await faulty(t, options, {}, address)
    await straight.set({ n: 0 })
    const all: Promise<number>[] = []
    for (let i = 0; i < 400; i++) {
      all.push(increment(state as never))
      if (i % 40 === 20) await new Promise(resolve => setImmediate(resolve))
      if (i % 40 === 25) between.cut()
      if (i % 40 === 35) await all[i - 30]
    }
    assert.deepEqual(
      await Promise.all(all),
      Array.from({ length: 400 }, (_, i) => i + 1),
    )
    assert.equal(await straight.get('n'), 400)
  })

  test(`buffered watching goes on through cuts without loss or repetition (${name})`, async t => {
    const { between, state, straight } = await faulty(t, options, {}, address)
    const count = 3000
    const writing = (async () => {
      for (let n = 1; n <= count; n++) {
        await straight.set('n', n)
        if (n % 300 === 0) between.cut()
      }
    })()
    let expected = 0
    for await (const { after, revision } of state.rawUpdates()) {
      assert.deepEqual([after.n, revision], [++expected, expected])
      if (expected === count) break
    }
    await writing
  })
}

test('what is too much for one frame is sent again as a whole', async t => {
  const { between, state, straight } = await faulty(t)
  between.stall()
  const writes = Array.from({ length: 20 }, (_, i) => state.set(`k${i}`, 'x'.repeat(300_000)))
  between.cut()
  between.resume()
  await Promise.all(writes)
  assert.equal((await straight.values()).join('').length, 6_000_000)
  between.stall()
  const read = state.copy()
  between.cut()
  between.resume()
  assert.equal(Object.values(await read).join('').length, 6_000_000)
})

test('a view is current again after a cut, and never goes back', async t => {
  const { between, state, straight } = await faulty(t)
  await straight.set('n', 1)
  const view = await state.view()
  between.cut()
  await straight.set('n', 2)
  // What it writes itself it holds.
  await state.set('mine', 1)
  assert.deepEqual(view.snapshot, { n: 2, mine: 1 })
})

test('live watchers, goLive and functions go on after a cut', async t => {
  const { between, state, straight, event } = await faulty(t)
  await straight.set({ n: 0 })
  await increment(state as never)
  const live = state.whenNotNone('n', { live: true })
  assert.deepEqual(await take(live, 1), [{ n: 1 }])
  const pending = state.getWhenEqual('n', 5, { live: true })
  const resumed = event('resumed')
  between.cut()
  await resumed
  state.goLive()
  for (let n = 0; n < 4; n++) await increment(state as never)
  assert.deepEqual(await pending, { n: 5 })
})

test('an async atomic function keeps its hold through a cut', async t => {
  const { between, state, straight, event } = await faulty(t, { atomicTimeout: 20_000, graceTime: 20_000 })
  const held = deferred<void>()
  const goOn = deferred<void>()
  const change = atomic(async (s: AnyState) => {
    s.x = 1
    held.resolve()
    await goOn.promise
    s.y = 2
    return 'done'
  })
  const changed = change(state)
  await held.promise
  const resumed = event('resumed')
  const waiting = straight.set('x', 0)
  between.cut()
  await resumed
  assert.deepEqual(await straight.copy(), {})
  goOn.resolve()
  assert.equal(await changed, 'done')
  await waiting
  assert.deepEqual(await straight.copy(), { x: 0, y: 2 })
})

test('a hold, and what a session had asked, ends with the grace time', async t => {
  const { between, state, straight } = await faulty(t, { atomicTimeout: 60_000, graceTime: 100 })
  const held = deferred<void>()
  const changing = atomic(async (s: AnyState) => {
    s.x = 1
    held.resolve()
    await new Promise(() => {})
  })(state)
  await held.promise
  const failed = assert.rejects(changing, {
    name: 'ConnectionError',
    outcome: 'unknown',
    message: /ended this session/,
  })
  await between.close()
  // It waits for the hold to end.
  await straight.set('y', 1)
  await between.open()
  await failed
  assert.deepEqual(await state.copy(), { y: 1 })
})

test('who comes back after the grace time goes on at the same log', async t => {
  const { between, state, straight, event } = await faulty(t, { graceTime: 50 })
  await straight.set({ n: 0 })
  await increment(state as never)
  await state.set('gone', true, { ephemeral: true })
  const updates = state.rawUpdates()
  const seen = take(updates, 4)
  await straight.set('n', 10)
  const connected = event('connected')
  await between.close()
  await straight.getWhen(s => !('gone' in s) && s.n === 10)
  await straight.set('n', 11)
  await between.open()
  assert.equal(((await connected) as { newLog: boolean }).newLog, false)
  assert.equal(await increment(state as never), 12)
  // Its own writes, and none of its own: the expiry of its session is an update like any other.
  assert.deepEqual(
    (await seen).map(({ by, after }) => [by.method, after.n]),
    [
      ['set', 0],
      ['set', 10],
      ['expire', 10],
      ['set', 11],
    ],
  )
})

test('a program that waits for nothing but a lost connection ends', async t => {
  const { between } = await faulty(t)
  const run = program(
    t,
    `import { State } from 'zproc'
    const state = new State(process.argv[2]!)
    await state.set('x', 1)
    const view = await state.view()
    console.log('connected')
    const awake = setInterval(() => {}, 1000)
    for await (const { type } of state.events()) if (type === 'disconnected') break
    console.log(view.get('x'))
    clearInterval(awake)`,
    [between.address],
  )
  assert.equal(await run.line(), 'connected')
  await between.close()
  const { code, stdout } = await run.ended()
  assert.deepEqual([code, stdout], [0, 'connected\n1\n'])
})
