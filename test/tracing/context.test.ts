// AsyncLocalStorage: what a program's own code sees when zproc calls it, or goes on with it, is what was there at the call.
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type TestContext, test } from 'node:test'
import { atomic, Context, type ServerOptions, State, startServer } from 'zproc'
import { all } from '../kit/all.ts'
import { proxy } from '../kit/proxy.ts'
import { noRedis, startRedis } from '../kit/redis.ts'
import { mine, see, store } from './seen.ts'

interface Shop {
  n: number
  other?: number
}

/** A State whose connection was made elsewhere, and another that writes. */
async function shop(t: TestContext, options: ServerOptions = {}) {
  const server = await startServer('tcp://127.0.0.1:0', { backend: 'inline', ...options })
  const way = await proxy(t, server.address)
  const state = new State<Shop>(way.address)
  const writer = new State<Shop>(server.address)
  await store.run('elsewhere', () => state.set('n', 0))
  t.after(async () => {
    await state.close()
    await writer.close()
    await server.stop()
  })
  return { state, writer, way }
}

// A function that is sent has this process's own things by their global names alone.
Object.assign(globalThis, { see })
const add = atomic((state: Shop) => {
  Reflect.get(globalThis, 'see')('in a plain atomic function')
  return ++state.n
})
const addHere = atomic(async (state: Shop) => {
  see('in an async atomic function')
  return ++state.n
})

test('code that awaits a call goes on where it was, whatever was batched with it, and when the connection is made again', async t => {
  const { state, way } = await shop(t)
  const others = store.run('others', () =>
    Promise.all(Array.from({ length: 50 }, (_, n) => state.set('other', n))),
  )
  await mine(
    [
      'then of set',
      'then of get',
      'then of an atomic function',
      'catch',
      'after a cut',
      'in an async atomic function',
    ],
    async () => {
      await Promise.all([
        state.set('n', 1).then(() => see('then of set')),
        state.get('n').then(() => see('then of get')),
        addHere(state).then(() => see('then of an atomic function')),
        state.pop('none' as 'other').catch(() => see('catch')),
      ])
      const asked = state.get('n')
      way.cut()
      await asked
      see('after a cut')
    },
  )
  await others
})

test('a connection keeps nothing of the call that it was made for', async t => {
  const { state, way } = await shop(t)
  const stores: (string | undefined)[] = []
  const look = () => void stores.push(store.getStore())
  subscribe('tracing:zproc:connect:start', look)
  t.after(() => unsubscribe('tracing:zproc:connect:start', look))
  way.cut()
  await store.run('others', () => state.get('n'))
  assert.deepEqual(stores, [undefined])
})

test('the test of getWhen and when, and the body of a loop', async t => {
  const { state, writer } = await shop(t)
  await mine(
    [
      'in the test of getWhen',
      'after getWhenChange',
      'after getWhen',
      'in the test of when',
      'in a loop',
      'in a loop of changes',
    ],
    async () => {
      const found = state.getWhen(({ n }) => {
        see('in the test of getWhen')
        return n === 5
      })
      const changed = state.getWhenChange('n')
      await store.run('others', () => writer.set('n', 4))
      await changed
      see('after getWhenChange')
      await store.run('others', () => writer.set('n', 5))
      await found
      see('after getWhen')
      for await (const { n } of state.when(({ n }) => {
        see('in the test of when')
        return n > 4
      })) {
        see('in a loop')
        if (n === 6) break
        await store.run('others', () => writer.set('n', 6))
      }
      await store.run('others', () => writer.set('n', 7))
      for await (const { n } of state.whenChange('n')) {
        see('in a loop of changes')
        if (n === 7) break
      }
    },
  )
})

test('an atomic function that runs in the caller: an async one, and any at a server that runs no code', async t => {
  const { state } = await shop(t, { allowCode: false })
  await mine(['in a plain atomic function', 'in an async atomic function', 'after it'], async () => {
    const counted = await Promise.all([add(state), addHere(state), add(state)])
    assert.deepEqual(counted.sort(), [1, 2, 3])
    see('after it')
  })
  await store.run('others', () => state.get('n'))
  await mine(['in a plain atomic function'], () => add(state))
})

test('an atomic function on a state in Redis', { skip: noRedis }, async t => {
  const redis = await startRedis()
  const state = new State<Shop>(redis.address, { namespace: 'context' })
  t.after(async () => {
    await state.close()
    await redis.stop()
  })
  await store.run('elsewhere', () => state.set('n', 0))
  await mine(['in a plain atomic function'], () => add(state))
  await mine(['in a plain atomic function', 'in an async atomic function'], async () => {
    assert.equal(await add(state), 2)
    assert.equal(await addHere(state), 3)
  })
})

test('the iterables of a map, its progress, and its results', async t => {
  const ctx = new Context<Shop>({ serverBackend: 'inline', spares: 0 })
  t.after(() => ctx.close())
  // The workers are started elsewhere.
  await store.run('elsewhere', () => ctx.run((n: number) => n, 1))
  function* numbers() {
    try {
      for (let n = 0; n < 300; n++) {
        see('in a generator')
        yield n
      }
    } finally {
      see('at the end of a generator')
    }
  }
  async function* slowly() {
    for (let n = 0; n < 5; n++) {
      await null
      see('in an async generator')
      yield n
    }
  }
  const onProgress = () => see('in onProgress')
  await mine(
    [
      'in a generator',
      'at the end of a generator',
      'in onProgress',
      'after toArray',
      'in an async generator',
      'in a loop over results',
      'after run',
    ],
    async () => {
      const doubled = await ctx
        .processMap((n: number) => 2 * n, numbers(), { onProgress, chunkSize: 10 })
        .toArray()
      assert.equal(doubled.length, 300)
      see('after toArray')
      for await (const _ of ctx.processMap((n: number) => n, slowly(), { chunkSize: 1 }))
        see('in a loop over results')
      await ctx.run((n: number) => n, 1)
      see('after run')
      const broken = ctx.processMap(
        (n: number) => {
          if (n === 20) throw new RangeError('twenty')
          return n
        },
        numbers(),
        { chunkSize: 1, count: 1 },
      )
      await assert.rejects(all(broken), RangeError)
    },
  )
})

test('the delay of a retry', async t => {
  const logger = { info: () => {}, warn: () => {}, error: () => {} }
  const ctx = new Context<Shop>({ serverBackend: 'inline', spares: 0, logger })
  t.after(() => ctx.close())
  const fails = () => {
    throw new RangeError('again')
  }
  await mine(['in retryDelay', 'after wait'], async () => {
    const retryDelay = () => {
      see('in retryDelay')
      return 0
    }
    const process = ctx.process(fails, { stateful: false, retryFor: [RangeError], retryDelay, maxRetries: 2 })
    await assert.rejects(process.wait())
    see('after wait')
  })
})
