import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { type AnyState, atomic, State } from 'zproc'
import { deferred } from '../../../src/async/deferred.ts'
import { noRedis, type RedisHome, type RedisServer, startCluster, startSentinels } from '../../kit/redis.ts'
import { until } from '../../kit/until.ts'

const increment = atomic((state: AnyState) => {
  state.count = (state.count ?? 0) + 1
})

/**
 * Writes and watches while `strike` takes the master away; it may ask for a pause until the replicas have everything. With
 * minReplicas=1 what was acknowledged is on a replica; the call that met the failure may be told that its outcome is not known.
 */
async function survives(
  t: TestContext,
  address: string,
  namespace: string,
  strike: (pause: () => Promise<void>) => Promise<unknown>,
) {
  const open = (query = '') => {
    const state = new State(`${address}?minReplicas=1${query}`, { namespace })
    t.after(() => state.close())
    return state
  }
  const [state, other] = [open(), open('&connectTimeout=30000')]
  await Promise.all([state.size(), other.size()])
  const seen: number[] = []
  const watching = (async () => {
    for await (const { revision, after: now } of other.rawUpdates()) {
      seen.push(revision)
      if (now.end) return
    }
  })()
  let known = 0
  let unknown = 0
  let over = false
  let paused: Promise<unknown> | undefined
  let call: Promise<unknown> = Promise.resolve()
  const writing = (async () => {
    while (!over) {
      await paused
      call = increment(state).then(
        () => known++,
        error => {
          assert.equal(error.name, 'ConnectionError')
          unknown++
        },
      )
      await call
    }
  })()
  await until(async () => known > 5)
  const struck = deferred<void>()
  await strike(async () => {
    paused = struck.promise
    await call
  })
  struck.resolve()
  const before = known
  await until(async () => known > before + 5, 30_000)
  over = true
  await writing
  await until(() =>
    state.set('end', true).then(
      () => true,
      () => false,
    ),
  )
  await watching
  const count = Number(await state.get('count'))
  assert.ok(count >= known && count <= known + unknown, `${count} increments; ${known} known, ${unknown} not`)
  assert.deepEqual(
    seen,
    seen.map((_, i) => i + 1),
  )
}

// A watcher may have been told of a commit that no replica has yet: were it lost, that would be another log.
async function caughtUp(master: RedisServer, replicas: number): Promise<void> {
  await until(async () => {
    const information = String(await master.command('INFO', 'replication'))
    // Each replica's, then the master's own.
    const offsets = [...information.matchAll(/offset[=:](\d+)/g)].map(([, offset]) => offset)
    return offsets.length > replicas && new Set(offsets.slice(0, replicas + 1)).size === 1
  })
}

describe('failover in a cluster', { skip: noRedis }, () => {
  let home: RedisHome
  before(async () => {
    home = await startCluster(1)
  })
  after(() => home?.stop())

  test('a replica takes over from a master that was killed: writes and watchers go on', async t => {
    const namespace = 'failover'
    const slot = Number(await home.servers[0]?.command('CLUSTER', 'KEYSLOT', `zproc:{${namespace}}:log`))
    const place = Math.floor(slot / (16384 / 3))
    const master = home.servers[place] as RedisServer
    const replica = home.servers[place + 3] as RedisServer
    await survives(t, home.address, namespace, async pause => {
      await pause()
      await caughtUp(master, 1)
      await master.kill()
      await until(async () => String(await replica.command('ROLE')).startsWith('master'))
      // It comes back as a replica: without one, nothing would be acknowledged.
      await master.start()
    })
  })
})

describe('failover under sentinels', { skip: noRedis }, () => {
  let home: RedisHome
  before(async () => {
    home = await startSentinels()
  })
  after(() => home?.stop())

  test('where too few replicas answer, a commit is told apart from those that are safe', async t => {
    const state = new State(`${home.address}?minReplicas=9`, { namespace: 'few' })
    t.after(() => state.close())
    await assert.rejects(state.set('x', 1), {
      name: 'ConnectionError',
      outcome: 'unknown',
      message: /it was done, but only \d replicas .* not 9 \(minReplicas\)/,
    })
    assert.equal(await state.get('x'), 1)
  })

  test('a replica takes over from a master that was killed: writes and watchers go on', async t => {
    const master = home.servers[0] as RedisServer
    await survives(t, home.address, 'failover', async pause => {
      await pause()
      await caughtUp(master, 2)
      await master.kill()
    })
  })
})
