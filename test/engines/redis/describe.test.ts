// What can be known of those who use a Redis: see src/engines/redis/describe.ts.
import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { type AnyState, atomic, describeServer, diagnose, State } from 'zproc'
import { deferred } from '../../../src/async/deferred.ts'
import { serverNews } from '../../../src/client/server-news.ts'
import { SOONEST } from '../../../src/protocol/messages.ts'
import { program } from '../../kit/programs.ts'
import { noRedis, type RedisHome, startCluster, startRedis } from '../../kit/redis.ts'
import { until } from '../../kit/until.ts'
import { zproc } from '../../map/hosts.ts'

for (const [name, start] of [
  ['a single one', () => startRedis()],
  ['a cluster', () => startCluster()],
] as const)
  describe(`a Redis is described (${name})`, { skip: noRedis }, () => {
    let home: RedisHome
    before(async () => {
      home = await start()
    })
    after(() => home?.stop())

    function open(t: TestContext, namespace: string, address = home.address): State<AnyState> {
      const state = new State<AnyState>(address, { namespace })
      t.after(() => state.close())
      return state
    }

    test('with its namespaces, their revisions, keys and bytes, and what is not known', async t => {
      const state = open(t, 'näme {of} it')
      await state.update({ a: 1, b: 'x'.repeat(1000) })
      await state.set('c', 1, { ttl: 60_000 })
      await state.set('d', 1, { ephemeral: true })
      const told = await describeServer(home.address)
      const own = told.sessions.find(({ pid }) => pid === process.pid)
      assert.equal(own?.ephemeral, 1)
      const found =
        told.namespaces.find(one => one.name === 'näme {of} it') ?? assert.fail(JSON.stringify(told))
      const { bytes, historyBytes, ...rest } = found
      assert.deepEqual(rest, {
        name: 'näme {of} it',
        revision: 3,
        keys: 4,
        oldest: 1,
        states: null,
        ephemeral: 1,
        ttl: 1,
      })
      assert.ok((bytes ?? 0) > 1000 && historyBytes > 1000, `${bytes} ${historyBytes}`)
      assert.equal(told.server.backend, 'redis')
      assert.match(told.server.node, /^(Redis|Valkey) \d/)
      assert.ok(told.server.connections > 0 && told.server.bytes.received > 0 && told.server.memory.rss > 0)
      assert.ok(told.unknown.some(line => line.startsWith('how many States are open')))
      assert.deepEqual([told.readers, told.functions, told.processes, told.pools], [[], [], [], []])
    })

    test('with the processes that are connected, by the names that they have in commits', async t => {
      const namespace = 'of another process'
      const other = program(
        t,
        `import { State } from 'zproc'
        const state = new State(process.argv[2]!, { namespace: ${JSON.stringify(namespace)} }, { name: 'writer' } as never)
        await state.set('k', 1)
        console.log('set')
        await state.getWhenAvailable('over')`,
        [home.address],
      )
      assert.equal(await other.line(), 'set')
      const found = async () =>
        (await describeServer(home.address)).sessions.find(({ pid }) => pid === other.pid)
      const session = await until(found)
      assert.deepEqual([session.name, session.machine, session.states], ['writer', 'local', null])
      await open(t, namespace).set('over', true)
      await other.ended()
      // A process that has ended is not there because it has written.
      await until(async () => !(await found()))
    })

    test('with who has a namespace to itself, for how long it was seen, and who waits', async t => {
      const [goOn, entered] = [deferred<void>(), deferred<void>()]
      const address = `${home.address}?atomicTimeout=60000`
      const held = atomic(async function settle(_: AnyState) {
        entered.resolve()
        await goOn.promise
      })(open(t, 'orders', address))
      await entered.promise
      const waits = open(t, 'orders', `${home.address}?atomicTimeout=50000`).set('n', 1)
      const over = new AbortController()
      const news = serverNews(home.address, { secretKey: undefined, ms: SOONEST, signal: over.signal })
      for await (const { description } of news) {
        if (!description) continue
        const [lock] = description.locks
        if (!lock || lock.waiting === 0 || description.time - lock.since < 600) continue
        assert.deepEqual([lock.namespace, lock.pid, lock.waiting], ['orders', process.pid, 1])
        assert.equal(lock.queue[0]?.pid, process.pid)
        assert.match(diagnose(description)[0] ?? '', /^orders is locked by pid \d+ .*; 1 call waits$/)
        break
      }
      over.abort()
      goOn.resolve()
      await Promise.all([held, waits])
      assert.deepEqual((await describeServer(home.address)).locks, [])
    })

    test('status, top and the limit', async t => {
      for (let i = 0; i < 5; i++) await open(t, `many ${i}`).set('k', i)
      const status = await zproc(t, 'status', home.address).ended()
      assert.equal(status.code, 0, status.stderr + status.stdout)
      assert.match(status.stdout, /\nNamespaces\nNAME +KEYS +REVISION[\s\S]*\nmany 4 +1 +1 /)
      assert.match(status.stdout, /\nNot known here\nhow many States are open/)
      const top = await zproc(t, 'top', home.address, '--count', '2', '--interval', '100').ended()
      assert.equal(top.code, 0, top.stderr)
      assert.match(top.stdout, /COMMITS\/S/)
      const two = await describeServer(home.address, { limit: 2 })
      assert.equal(two.namespaces.length, 2)
      assert.ok(two.leftOut.namespaces >= 3)
    })
  })
