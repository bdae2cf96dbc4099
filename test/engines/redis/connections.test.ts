import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import { State } from 'zproc'
import { noRedis, type RedisHome, type RedisServer, startCluster, startRedis } from '../../kit/redis.ts'
import { until } from '../../kit/until.ts'

const NAMESPACES = 8

/** How many connections there are, besides that which asks; and how many of them wait in a blocking command. */
async function connections(servers: RedisServer[]): Promise<{ all: number; waiting: number }> {
  const lists = await Promise.all(servers.map(({ command }) => command('CLIENT', 'LIST', 'TYPE', 'normal')))
  const lines = lists.flatMap(list => String(list).trim().split('\n'))
  return {
    all: lines.length - servers.length,
    waiting: lines.filter(line => / flags=\w*b/.test(line)).length,
  }
}

/** Watchers of all kinds, in as many namespaces as there are. `set`: what they wait for happens, and they see it. */
async function watched(t: TestContext, { address, stop }: RedisHome) {
  const states: State[] = []
  const writers: State[] = []
  // While what they are connected to is there.
  t.after(async () => {
    await Promise.all(states.map(state => state.close()))
    await stop()
  })
  const news: Promise<unknown>[] = []
  for (let i = 0; i < NAMESPACES; i++) {
    const state = new State(address, { namespace: randomUUID() })
    const watchers = [state.fork(), state.fork(), state.fork()]
    states.push(...watchers, state)
    writers.push(state)
    await state.view()
    for (const watcher of watchers)
      news.push(
        watcher.getWhenEqual('x', 1),
        watcher.getWhenAvailable('x', { live: true }),
        watcher.whenEqual('x', 1).next(),
      )
  }
  return async () => {
    for (const writer of writers) await writer.set('x', 1)
    await Promise.all(news)
  }
}

describe('connections that wait for news', { skip: noRedis }, () => {
  test('to one Redis it is one, for any number of watchers and namespaces', async t => {
    const home = await startRedis()
    const set = await watched(t, home)
    await until(async () => (await connections(home.servers)).waiting === 1)
    assert.deepEqual(await connections(home.servers), { all: 2, waiting: 1 })
    await set()
    assert.equal((await connections(home.servers)).all, 2)
  })

  test('to a cluster it is one for each namespace that is watched, and none for others', async t => {
    const home = await startCluster()
    const set = await watched(t, home)
    const idle = new State(home.address, { namespace: randomUUID() })
    await idle.set('x', 1)
    assert.equal(await idle.getWhenEqual('x', 1).then(({ x }) => x), 1)
    await idle.close()
    await until(async () => (await connections(home.servers)).waiting === NAMESPACES)
    await set()
  })
})
