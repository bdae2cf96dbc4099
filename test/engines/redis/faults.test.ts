import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setImmediate as soon } from 'node:timers/promises'
import { type AnyState, atomic, State } from 'zproc'
import { deferred } from '../../../src/async/deferred.ts'
import { program } from '../../kit/programs.ts'
import { proxy } from '../../kit/proxy.ts'
import { noRedis, type RedisHome, type RedisServer, startRedis } from '../../kit/redis.ts'
import { until } from '../../kit/until.ts'

const increment = atomic((state: AnyState) => {
  state.count = (state.count ?? 0) + 1
})

const opened = new WeakMap<TestContext, State[]>()

function open(t: TestContext, address: string, namespace: string = randomUUID()): State {
  const state = new State(address, { namespace })
  opened.set(t, [...(opened.get(t) ?? []), state])
  t.after(() => state.close())
  return state
}

/** Before what they are connected to is gone: else they would wait for it to come back. */
const close = (t: TestContext) => Promise.all((opened.get(t) ?? []).map(state => state.close()))

async function ownRedis(t: TestContext, ...options: string[]): Promise<RedisHome> {
  const own = await startRedis(options)
  t.after(async () => {
    await close(t)
    await own.stop()
  })
  return own
}

/** Writes in every way until `enough`: how many increments there were. Each call is awaited, so each has happened once. */
async function write(state: State, enough: () => boolean): Promise<number> {
  let count = 0
  while (!enough()) {
    await increment(state)
    await state.set('last', ++count)
  }
  return count
}

/** Asserts that a watcher is given every revision once, in order, up to the one that says 'end'. */
async function watchAll(state: State): Promise<number> {
  let expected = 0
  for await (const { revision, after: now } of state.rawUpdates({ duplicateOkay: true })) {
    assert.equal(revision, ++expected)
    if (now.end) return revision
  }
  throw new Error('the loop ended')
}

/** The value that `k` changes to from now on. */
const watchOnce = async (state: State): Promise<unknown> => (await state.getWhenChange('k', { live: true })).k

describe('faults of one Redis', { skip: noRedis }, () => {
  let home: RedisHome
  let server: RedisServer
  before(async () => {
    home = await startRedis(['--enable-debug-command', 'yes'])
    server = home.servers[0] as RedisServer
  })
  after(() => home?.stop())

  for (const [fault, strike] of [
    ['CLIENT KILL', () => server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')],
    [
      'kill -9 and a restart',
      async () => {
        await server.kill()
        await server.start()
      },
    ],
    ['DEBUG SLEEP', () => server.command('DEBUG', 'SLEEP', '0.3')],
  ] as const)
    test(`${fault}: each call takes effect once, and watchers see each update once`, async t => {
      const namespace = randomUUID()
      const states = [1, 2].map(() => open(t, home.address, namespace))
      const other = open(t, home.address.replace('127.0.0.1', 'localhost'), namespace)
      await Promise.all([...states, other].map(state => state.size()))
      const watching = watchAll(other)
      let over = false
      const writing = states.map(state => write(state, () => over))
      for (let round = 0; round < 3; round++) {
        const begun = Number(await other.get('count', 0))
        await until(async () => Number(await other.get('count', 0)) > begun + 5)
        await strike()
      }
      const last = Number(await other.get('count'))
      await until(async () => Number(await other.get('count')) > last + 5)
      over = true
      const counts = await Promise.all(writing)
      await (states[0] as State).set('end', true)
      const total = counts.reduce((sum, count) => sum + count)
      assert.equal(await other.get('count'), total)
      assert.equal(await watching, 2 * total + 1)
    })

  for (const [what, read, expected] of [
    ['a reading', (other: State) => other.get('k'), 1],
    ['a reading of all', async (other: State) => (await other.copy()).k, 1],
    ['a live watcher', watchOnce, 2],
  ] as const)
    test(`${what} whose connection is cut stays before the writes that were asked for after it`, async t => {
      const between = await proxy(t, home.address)
      const namespace = randomUUID()
      const state = open(t, between.address, namespace)
      // Of one process, and so in one order.
      const other = open(t, between.address, namespace)
      const direct = open(t, home.address, namespace)
      await Promise.all([state.set('k', 1), other.size(), direct.size()])
      // Redis does it all, and nobody here hears of it.
      between.deafen()
      const reading = read(other)
      await soon()
      const writing = state.set('k', 2)
      for (let i = 0; i < 20; i++) await direct.set('other', i)
      between.cut()
      await writing
      await direct.set('k', 3)
      assert.equal(await reading, expected)
    })

  test('readings that are asked for together see no older state than those before them, if Redis knows no script', async t => {
    const namespace = randomUUID()
    const state = open(t, home.address, namespace)
    const other = open(t, home.address.replace('127.0.0.1', 'localhost'), namespace)
    await increment(state)
    let over = false
    const writing = write(other, () => over)
    for (let round = 0; round < 20; round++) {
      await state.size()
      await server.command('SCRIPT', 'FLUSH')
      const [all, count] = await Promise.all([state.copy(), state.get('count')])
      assert.ok(Number(all.count) <= Number(count), `${all.count}, then ${count}`)
    }
    over = true
    await writing
  })

  test('a connection that is cut while commits are under way loses none and repeats none', async t => {
    const between = await proxy(t, home.address)
    const namespace = randomUUID()
    const state = open(t, between.address, namespace)
    const direct = open(t, home.address, namespace)
    const watcher = open(t, state.serverAddress, namespace)
    await Promise.all([state, direct, watcher].map(one => one.size()))
    const watching = watchAll(watcher)
    for (let round = 0; round < 10; round++) {
      const calls = Array.from({ length: 50 }, (_, i) =>
        i % 2 ? increment(state) : state.set(`k${i}`, round),
      )
      // Before it arrives, while it is there, or when the answer is on its way.
      if (round % 3 === 0) await new Promise(resolve => setImmediate(resolve))
      if (round % 3 === 1) await direct.size()
      between.cut()
      await Promise.all(calls)
    }
    assert.equal(await direct.get('count'), 250)
    await direct.set('end', true)
    assert.equal(await watching, 501)
    await close(t)
  })

  test('a connection over which nothing comes any more is left for another', async t => {
    const between = await proxy(t, home.address)
    const namespace = randomUUID()
    const state = open(t, between.address, namespace)
    const direct = open(t, home.address, namespace)
    await state.set('x', 1)
    const watching = state.getWhenEqual('x', 3)
    between.stall()
    const calls = [increment(state), state.set('x', 2), state.get('x')]
    // By then it has given the connection up, and asks over another, which is let through.
    setTimeout(() => between.resume(), 6000)
    await Promise.all(calls)
    await direct.set('x', 3)
    assert.deepEqual(await watching, { x: 3, count: 1 })
    await close(t)
  })

  test('calls that cannot be sent again in time fail, and say whether they may have taken effect', async t => {
    const own = await ownRedis(t)
    const [only] = own.servers as [RedisServer]
    const state = open(t, `${own.address}?connectTimeout=300`)
    await state.set('x', 1)
    const watching = state.getWhenEqual('x', 9)
    const unknown = assert.rejects(watching, { name: 'ConnectionError' })
    await only.kill()
    await assert.rejects(state.set('x', 2), {
      name: 'ConnectionError',
      outcome: 'unknown',
      message: /within 300 ms/,
    })
    await assert.rejects(state.get('x'), { name: 'ConnectionError' })
    await unknown
    await only.start()
    assert.equal(await state.get('x'), 1)
    await state.set('x', 9)
    assert.deepEqual(await state.getWhenEqual('x', 9), { x: 9 })
  })

  test('a Redis that comes back without its data is another log: watchers are told, and writes go on', async t => {
    const own = await ownRedis(t, '--appendonly', 'no')
    const [only] = own.servers as [RedisServer]
    const state = open(t, own.address)
    const other = open(t, own.address.replace('127.0.0.1', 'localhost'), state.namespace)
    await other.size()
    await increment(state)
    await increment(state)
    assert.deepEqual(await other.getWhenChange(), { count: 1 })
    assert.deepEqual(await other.getWhenChange(), { count: 2 })
    const watching = other.getWhenChange()
    const told = assert.rejects(watching, { name: 'ConnectionError', message: /is another one now/ })
    await only.kill()
    await only.start()
    // The state that functions ran on is gone as well: they run on the one that there is.
    for (let n = 1; n <= 3; n++) await increment(state)
    assert.equal(await state.get('count'), 3)
    await told
  })

  test('a program that is killed while it holds a namespace holds it no longer than its lease', async t => {
    const namespace = randomUUID()
    const address = `${home.address}?atomicTimeout=60000`
    const holder = program(
      t,
      `import { atomic, State } from 'zproc'
      const state = new State(process.argv[2], { namespace: process.argv[3] })
      await atomic(async s => {
        console.log('holding')
        await new Promise(() => setInterval(() => {}, 1000))
      })(state)`,
      [address, namespace],
    )
    assert.equal(await holder.line(), 'holding')
    const state = open(t, address, namespace)
    const writing = state.set('x', 1)
    await state.ping()
    holder.child.kill('SIGKILL')
    const began = performance.now()
    await writing
    assert.ok(performance.now() - began < 4000)
  })

  test('a hold that is over cannot commit any more, whatever its owner believes', async t => {
    const state = open(t, `${home.address}?atomicTimeout=60000`)
    const running = deferred<void>()
    const gate = deferred<void>()
    const slow = atomic(async (s: AnyState) => {
      s.x = 'late'
      running.resolve()
      await gate.promise
    })
    const call = slow(state)
    await running.promise
    // What the passing of its time does.
    await server.command('HDEL', `zproc:{${state.namespace}}:log`, 'x')
    await open(t, home.address, state.namespace).set('x', 'in time')
    gate.resolve()
    await assert.rejects(call, { name: 'AtomicTimeoutError' })
    assert.equal(await state.get('x'), 'in time')
  })
})

describe('what Redis is not to be', { skip: noRedis }, () => {
  test('a wrong password, or none, is an AuthenticationError', async t => {
    const own = await ownRedis(t, '--requirepass', 'right')
    const { port } = own.servers[0] as RedisServer
    await assert.rejects(open(t, `redis://:wrong@127.0.0.1:${port}`).get('x'), (error: Error) => {
      assert.equal(error.name, 'AuthenticationError')
      assert.doesNotMatch(error.message, /:wrong@/)
      return true
    })
    await assert.rejects(open(t, `redis://127.0.0.1:${port}`).get('x'), { name: 'AuthenticationError' })
    const state = open(t, `redis://:right@127.0.0.1:${port}/3`)
    await state.set('x', 1)
    assert.equal(await state.get('x'), 1)
    const before = state.getWhenEqual('x', 2)
    await state.set('x', 2)
    await before
  })

  test('a Redis that would throw data away when it is full is refused', async t => {
    const own = await ownRedis(t, '--maxmemory-policy', 'allkeys-lru')
    await assert.rejects(open(t, own.address).set('x', 1), {
      name: 'ConnectionError',
      message: /maxmemory-policy allkeys-lru.*CONFIG SET maxmemory-policy noeviction/,
    })
  })

  test('values that others put where a namespace is are told from those of zproc', async t => {
    const own = await ownRedis(t)
    const [{ command }] = own.servers as [RedisServer]
    await command('SET', 'zproc:{a}:values', 'mine')
    await command('RPUSH', 'zproc:{b}:log', 'mine')
    await command('HSET', 'zproc:{c}:values', 'x', '\x80\xffmine')
    const foreign = { name: 'ConnectionError', message: /something that zproc did not put there/ }
    await assert.rejects(open(t, own.address, 'a').set('x', 1), foreign)
    await assert.rejects(open(t, own.address, 'a').get('x'), foreign)
    await assert.rejects(open(t, own.address, 'b').set('x', 1), foreign)
    await assert.rejects(open(t, own.address, 'c').get('x'), foreign)
    await open(t, own.address, 'd').set('x', 1)
  })
})
