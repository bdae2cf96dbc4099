import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Context, State, startServer } from '../../src/index.ts'
import { proxy } from '../kit/proxy.ts'
import { range } from './contexts.ts'
import { joinedWorker } from './hosts.ts'

// Both workers are needed: each item waits until the other one is there.
const meet = async (state: State<Record<string, boolean>>, x: number) => {
  await state.set(`item ${x}`, true)
  await state.getWhen(all => Object.keys(all).filter(key => key.startsWith('item ')).length === 2)
  return x
}

test('workers whose connection was lost for longer than the grace time join again', async t => {
  const server = await startServer('tcp://127.0.0.1:0', { graceTime: 200 })
  t.after(() => server.stop())
  const way = await proxy(t, server.address)
  const ctx = new Context(server.address)
  t.after(() => ctx.close())
  const workers = await joinedWorker(t, way.address, '--count', '2')
  const options = { pool: 'shared', stateful: true, chunkSize: 1 } as const
  for (const round of range(3)) {
    // What goes the same way and was connected later is forgotten by the server later.
    const witness = new State<{ here?: boolean }>(way.address)
    await witness.set('here', true, { ephemeral: true })
    await way.close()
    await ctx.state.getWhenNone('here')
    await way.open()
    assert.deepEqual(await ctx.processMap(meet, range(2), options).toArray(), range(2), `round ${round}`)
    await ctx.state.clear()
    await witness.close()
  }
  assert.equal(workers.child.exitCode, null)
})
