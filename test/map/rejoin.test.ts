// Workers whose connection is lost again and again, at any moment: SEED=n gives the schedule, SCHEDULES=n how many there are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Context, describeServer, type State, startServer } from '../../src/index.ts'
import { random } from '../history/random.ts'
import { proxy } from '../kit/proxy.ts'
import { range } from './contexts.ts'
import { joinedWorker } from './hosts.ts'

const SEED = Number(process.env.SEED ?? 1)
const SCHEDULES = Number(process.env.SCHEDULES ?? 6)
const GRACE = 150
const options = { pool: 'shared', stateful: true, chunkSize: 1 } as const

// Both workers are needed: each item waits until the other one is there.
const meet = async (state: State<Record<string, boolean>>, x: number) => {
  await state.set(`item ${x}`, true)
  await state.getWhen(all => Object.keys(all).filter(key => key.startsWith('item ')).length === 2)
  return x
}

const spin = async (state: State<Record<string, boolean>>) => {
  await state.set('spins', true)
  for (;;);
}

/** The grace time of all who have no connection has passed. */
async function sessionsAreOver(address: string): Promise<void> {
  const isOver = async () => (await describeServer(address)).sessions.every(({ lost }) => lost === null)
  while (!(await isOver()));
}

for (const seed of range(SCHEDULES).map(i => SEED + i))
  test(`workers whose connection was lost for longer than the grace time join again (seed ${seed})`, async t => {
    const choices = random(seed)
    const server = await startServer('tcp://127.0.0.1:0', { graceTime: GRACE })
    t.after(() => server.stop())
    const way = await proxy(t, server.address)
    const ctx = new Context(server.address)
    t.after(() => ctx.close())
    const workers = await joinedWorker(t, way.address, '--count', '2')
    for (let round = 0; round < 4; round++) {
      if (choices.chance(0.5)) {
        // Its job is over at once, and its item never: it costs its worker.
        const stuck = ctx.processMap(spin, [1], options)
        stuck.toArray().catch(() => {})
        await ctx.state.getWhenAvailable('spins')
        stuck.cancel()
      }
      for (let times = choices.below(4); times >= 0; times--) {
        await way.close()
        if (choices.chance(0.8)) await sessionsAreOver(server.address)
        await way.open()
        // Also while they join.
        await way.passed(choices.below(4))
      }
      assert.deepEqual(await ctx.processMap(meet, range(2), options).toArray(), range(2), `round ${round}`)
      await ctx.state.clear()
    }
    assert.equal(workers.child.exitCode, null)
  })
