import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { guardPid } from '../../src/lifeline/guard.ts'
import { keepAlive, spawnTied } from '../../src/lifeline/spawn.ts'
import { leftAfter, runs } from './processes.ts'

const ward = new URL('./fixtures/ward.ts', import.meta.url)

test('there is one guard, started again when it was killed', {
  skip: process.platform === 'win32',
}, async () => {
  const child = spawnTied(ward, { args: ['plain'] })
  await once(child, 'message')
  const first = guardPid() as number
  assert.equal(runs(first), true)
  const other = spawnTied(ward, { args: ['plain'] })
  await once(other, 'message')
  assert.equal(guardPid(), first)

  process.kill(first, 'SIGKILL')
  while (guardPid() === first || guardPid() === undefined) await new Promise(next => setTimeout(next, 5))
  assert.equal(runs(guardPid() as number), true)
  for (const one of [child, other]) {
    one.kill()
    await once(one, 'exit')
  }
})

test('the guard is deaf to the signals of a terminal', { skip: process.platform === 'win32' }, async () => {
  const child = spawnTied(ward, { args: ['plain'] })
  await once(child, 'message')
  const pid = guardPid() as number
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal)
  child.kill()
  await once(child, 'exit')
  assert.deepEqual(await leftAfter([pid], 50), [pid])
})

test('a child ends when its channel is closed', async () => {
  const child = spawnTied(ward, { args: ['plain'] })
  keepAlive(child, false)
  keepAlive(child, true)
  await once(child, 'message')
  child.disconnect()
  const [code, signal] = await once(child, 'exit')
  assert.deepEqual([code, signal], [0, null])
})
