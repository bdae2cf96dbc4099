import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { AnyState, State } from 'zproc'
import { type Program, program } from '../kit/programs.ts'
import { noRedis, startRedis } from '../kit/redis.ts'
import { room } from '../kit/servers.ts'

// ZPROC_CLAIMANTS: how many processes claim.
const CLAIMANTS = Number(process.env.ZPROC_CLAIMANTS ?? 5)

const claimant = `import { State } from 'zproc'
const [address, namespace] = process.argv.slice(2)
const state = new State(address!, { namespace: namespace! })
await state.set('here ' + process.pid, 1)
await state.getWhenAvailable('go', { live: true })
while ((await state.setDefault('leader', process.pid, { ephemeral: true })) !== process.pid)
  await state.getWhenNone('leader', { live: true })
console.log('leads')
setInterval(() => {}, 1000)`

/** Processes that claim one key, of which those that have it are killed one after the other. */
async function race(t: TestContext, state: State<AnyState>): Promise<void> {
  const programs = new Map<number, Program>()
  for (let i = 0; i < CLAIMANTS; i++) {
    const run = program(t, claimant, [state.serverAddress, state.namespace])
    programs.set(run.pid, run)
  }
  for (const pid of programs.keys()) await state.getWhenAvailable(`here ${pid}`)
  const updates = state.rawUpdates()
  await state.set('go', 1)
  const leaders: number[] = []
  for await (const { before, after, by } of updates) {
    // The one commit that ends a claim is that of its session; the one that makes a claim finds none.
    if (after.leader === before.leader) continue
    if (by.method === 'expire') {
      assert.deepEqual([by.pid, after.leader], [leaders.at(-1), undefined])
      if (programs.size === 0) break
      continue
    }
    assert.deepEqual([by.method, before.leader, after.leader], ['setDefault', undefined, by.pid])
    const leader = programs.get(by.pid) ?? assert.fail(`${by.pid} leads again, or is none of them`)
    programs.delete(by.pid)
    leaders.push(by.pid)
    assert.equal(await leader.line(), 'leads')
    assert.deepEqual((await state.lease('leader'))?.by.pid, by.pid)
    leader.child.kill('SIGKILL')
  }
  assert.equal(new Set(leaders).size, CLAIMANTS)
  assert.equal(await state.get('leader'), undefined)
}

test('of many processes that claim a key one has it, and after its kill -9 one other, until the last', async t => {
  const own = await room(t, { graceTime: 60_000 })
  await race(t, own.state<AnyState>(t))
})

describe('claims in Redis', { skip: noRedis }, () => {
  test('of many processes that claim a key one has it, and after its kill -9 one other, until the last', async t => {
    const home = await startRedis()
    t.after(() => home.stop())
    const { State } = await import('zproc')
    // Long enough for processes that a busy machine does not let run for a while.
    const state = new State<AnyState>(`${home.address}?graceTime=2500`)
    t.after(() => state.close())
    await race(t, state)
  })
})
