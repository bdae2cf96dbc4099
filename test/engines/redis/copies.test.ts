import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type AnyState, State } from 'zproc'
import { noRedis, type RedisHome, type RedisServer, startRedis } from '../../kit/redis.ts'

describe('copies of a state in Redis', { skip: noRedis }, () => {
  let home: RedisHome
  before(async () => {
    home = await startRedis(['--appendonly', 'no'])
  })
  after(() => home?.stop())

  const copiesOf = async (namespace: string) => {
    const [server] = home.servers as [RedisServer]
    const found = (await server.command('KEYS', `zproc:{${namespace}}:values:*`)) as string[]
    return found.length
  }
  const used = async () => {
    const [server] = home.servers as [RedisServer]
    return Number(/used_memory:(\d+)/.exec(String(await server.command('INFO', 'memory')))?.[1])
  }
  const parts = (count: number, bytes: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`part ${i}`, 'x'.repeat(bytes)]))
  async function count(state: State<AnyState>, to: number, from = 1): Promise<void> {
    for (let i = from; i <= to; i += 1000)
      await Promise.all(Array.from({ length: 1000 }, (_, j) => state.set('n', i + j)))
  }

  test('a large state with many commits takes a small multiple of the state', async t => {
    const state = new State<AnyState>(home.address, { namespace: randomUUID() })
    t.after(() => state.close())
    const empty = await used()
    // One large value among many small ones: what Redis guesses from a few of them says nothing.
    await state.set({ ...parts(200, 10), large: 'x'.repeat(10_000_000) })
    await count(state, 20_000)
    const times = ((await used()) - empty) / 10_000_000
    assert.ok(times < 3, `it takes ${times.toFixed(1)} times the state`)
    assert.equal(await copiesOf(state.namespace), 0)
  })

  test('copies are bounded by the history that is kept, and a watcher begins at any revision of it', async t => {
    const namespace = randomUUID()
    const open = () => {
      const state = new State<AnyState>(`${home.address}?historyLimit=12000`, { namespace })
      t.after(() => state.close())
      return state
    }
    const state = open()
    await state.set(parts(10, 500_000))
    const early: { at: number; state: State<AnyState> }[] = []
    for (let i = 0; i < 36_000; i += 3000) {
      await count(state, i + 3000, i + 1)
      const one = open()
      await one.size()
      early.push({ at: i + 3000, state: one })
    }
    assert.ok((await copiesOf(namespace)) <= 6, `${await copiesOf(namespace)} copies`)
    await state.set('n', 'last')
    for (const { at, state } of early.filter(one => one.at > 36_000 - 11_000)) {
      const { before, after } = await state.getRawUpdate()
      const next = at === 36_000 ? 'last' : at + 1
      assert.deepEqual([before.n, after.n, Object.keys(before).length], [at, next, 11])
    }
  })

  test('a small state has a copy for each thousand commits', async t => {
    const state = new State<AnyState>(home.address, { namespace: randomUUID() })
    t.after(() => state.close())
    await state.set(parts(10, 100))
    await count(state, 6000)
    const copies = await copiesOf(state.namespace)
    assert.ok(copies >= 4 && copies <= 6, `${copies} copies`)
  })
})
