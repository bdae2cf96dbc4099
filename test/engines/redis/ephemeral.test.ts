import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { after, before, describe, type TestContext, test } from 'node:test'
import { type AnyState, atomic, State } from 'zproc'
import { deferred } from '../../../src/async/deferred.ts'
import { type Program, program } from '../../kit/programs.ts'
import { noRedis, type RedisHome, type RedisServer, startRedis } from '../../kit/redis.ts'
import { until } from '../../kit/until.ts'

// What every home of a state promises of ephemeral keys is in test/faults/gone.test.ts.
describe('ephemeral keys in Redis', { skip: noRedis }, () => {
  let home: RedisHome
  before(async () => {
    home = await startRedis()
  })
  after(() => home?.stop())

  const at = (graceTime: number) => `${home.address}?graceTime=${graceTime}`

  function open(t: TestContext, address: string, namespace: string = randomUUID()): State<AnyState> {
    const state = new State<AnyState>(address, { namespace })
    t.after(() => state.close())
    return state
  }

  /** A program that sets the key `there` and then does what it is told by the key `next`. */
  function owner(t: TestContext, { serverAddress, namespace }: State<AnyState>): Program {
    return program(
      t,
      `import { State } from 'zproc'
      const state = new State(process.argv[2]!, { namespace: process.argv[3]! })
      await state.set('there', process.pid, { ephemeral: true })
      console.log('set')
      for await (const { next } of state.whenAvailable('next')) {
        if (next === 'set it again') await state.set('there', 'again', { ephemeral: true })
        if (next === 'end') break
        console.log(next)
      }`,
      [serverAddress, namespace],
    )
  }

  test('who was paused for too long has lost its keys, and may set them again', async t => {
    const state = open(t, at(400))
    const { child, line } = owner(t, state)
    assert.equal(await line(), 'set')
    await state.getWhenAvailable('there')
    child.kill('SIGSTOP')
    await state.getWhenNone('there')
    await state.set('next', 'go on')
    child.kill('SIGCONT')
    assert.equal(await line(), 'go on')
    // What it says of its session by now, nobody hears.
    await assert.rejects(state.getWhenAvailable('there', { timeout: 600 }), { name: 'TimeoutError' })
    await state.set('next', 'set it again')
    assert.equal(await line(), 'set it again')
    assert.equal(await state.get('there'), 'again')
    child.kill('SIGKILL')
    await once(child, 'exit')
    await state.getWhenNone('there')
  })

  test('who is there keeps its keys for longer than the grace time', async t => {
    // Long enough for a process that a busy machine does not let run for a while.
    const state = open(t, at(2000))
    await state.set('there', 1, { ephemeral: true })
    const other = open(t, at(2000).replace('127.0.0.1', 'localhost'), state.namespace)
    assert.equal(await other.get('there'), 1)
    await assert.rejects(other.getWhenNone('there', { timeout: 5000 }), { name: 'TimeoutError' })
  })

  test('where nobody was left, who comes next finds nothing of them', async t => {
    const namespace = randomUUID()
    const first = open(t, at(200), namespace)
    const { child, line } = owner(t, first)
    assert.equal(await line(), 'set')
    await first.close()
    child.kill('SIGKILL')
    const [server] = home.servers as [RedisServer]
    await until(async () => {
      const [session, over] = (await server.command(
        'ZRANGE',
        `zproc:{${namespace}}:sessions`,
        '0',
        '-1',
        'WITHSCORES',
      )) as string[]
      const [seconds] = (await server.command('TIME')) as string[]
      return session !== undefined && Number(seconds) * 1000 > Number(over)
    })
    assert.deepEqual(await open(t, at(200), namespace).copy(), {})
    assert.equal(
      await server.command('EXISTS', `zproc:{${namespace}}:tied`, `zproc:{${namespace}}:sessions`),
      0,
    )
  })

  test('who holds the namespace is not disturbed: the keys of the dead go when it is done', async t => {
    const state = open(t, `${at(200)}&atomicTimeout=20000`)
    const { child, line } = owner(t, state)
    assert.equal(await line(), 'set')
    const held = deferred<void>()
    const gate = deferred<void>()
    const holding = atomic(async (s: AnyState) => {
      held.resolve()
      await gate.promise
      s.held = true
    })(state)
    await held.promise
    child.kill('SIGKILL')
    const other = open(t, at(200).replace('127.0.0.1', 'localhost'), state.namespace)
    await assert.rejects(other.getWhenNone('there', { timeout: 600 }), { name: 'TimeoutError' })
    gate.resolve()
    await holding
    assert.deepEqual(await other.getWhenNone('there'), { held: true })
  })

  test('a program that leaves without a word is missed when its time is up', async t => {
    const state = open(t, at(300))
    const { ended, line } = owner(t, state)
    assert.equal(await line(), 'set')
    await state.set('next', 'end')
    assert.equal((await ended()).code, 0)
    assert.deepEqual(await state.getWhen(s => s.next === 'end' && !('there' in s)), { next: 'end' })
  })
})
