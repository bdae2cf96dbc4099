import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { after, before, describe, type TestContext, test } from 'node:test'
import { type AnyState, State } from 'zproc'
import { program } from '../../kit/programs.ts'
import { noRedis, type RedisHome, type RedisServer, startRedis } from '../../kit/redis.ts'

// What every home of a state promises of leases is in test/contract/leases.test.ts.
describe('times to live in Redis', { skip: noRedis }, () => {
  let home: RedisHome
  before(async () => {
    home = await startRedis(['--appendonly', 'no'])
  })
  after(() => home?.stop())

  function open(t: TestContext, namespace: string = randomUUID(), host = '127.0.0.1'): State<AnyState> {
    const state = new State<AnyState>(home.address.replace('127.0.0.1', host), { namespace })
    t.after(() => state.close())
    return state
  }

  test('a key goes once and in time, though the process that put it was killed', async t => {
    const state = open(t)
    await state.set('other', 1, { ttl: 60_000 })
    const other = open(t, state.namespace, 'localhost')
    await other.size()
    const updates = state.rawUpdates()
    const { child, line, pid } = program(
      t,
      `import { State } from 'zproc'
      const state = new State(process.argv[2]!, { namespace: process.argv[3]! })
      await state.set('short', 1, { ttl: 1500 })
      console.log('set')
      setInterval(() => {}, 1000)`,
      [state.serverAddress, state.namespace],
    )
    assert.equal(await line(), 'set')
    child.kill('SIGKILL')
    await once(child, 'exit')
    const begun = performance.now()
    await updates.next()
    const gone = await updates.next()
    assert.ok(performance.now() - begun < 6000)
    assert.deepEqual(
      [gone.value?.by.method, gone.value?.by.pid, gone.value?.after],
      ['expire', pid, { other: 1 }],
    )
    await other.set('end', 1)
    assert.equal((await updates.next()).value?.by.method, 'set', 'it goes once')
    await updates.return?.()
  })

  test('of many keys that end at once each goes once, whoever looks, and nothing of them is left', async t => {
    const state = open(t)
    const other = open(t, state.namespace, 'localhost')
    await Promise.all([state.size(), other.size()])
    const updates = other.rawUpdates()
    const keys = 3000
    const writers = [state, other, state.fork()]
    t.after(() => writers[2]?.close())
    await Promise.all(
      Array.from({ length: keys }, (_, i) => writers[i % 3]?.set(`key ${i}`, i, { ttl: 1000 + (i % 7) })),
    )
    const gone = new Set<string>()
    for await (const { before, after, by } of updates) {
      if (by.method !== 'expire') continue
      for (const key of Object.keys(before)) {
        if (key in after) continue
        assert.ok(!gone.has(key))
        gone.add(key)
      }
      if (gone.size === keys) break
    }
    assert.equal(await state.size(), 0)
    const [server] = home.servers as [RedisServer]
    const left = ['leases', 'due', 'values', 'order'].map(name => `zproc:{${state.namespace}}:${name}`)
    assert.equal(await server.command('EXISTS', ...left), 0)
  })
})
