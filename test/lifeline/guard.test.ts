import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guardPid } from '../../src/lifeline/guard.ts'
import { spawnTied } from '../../src/lifeline/spawn.ts'
import { leftAfter, runs } from './processes.ts'

const ward = new URL('./fixtures/ward.ts', import.meta.url)

function start() {
  let heard: (message: unknown) => void = () => {}
  const ready = new Promise(resolve => {
    heard = resolve
  })
  return { ready, ...spawnTied(ward, { args: ['plain'], heard }) }
}

test('there is one guard, started again when it was killed', {
  skip: process.platform === 'win32',
}, async () => {
  const child = start()
  await child.ready
  const first = guardPid() as number
  assert.equal(runs(first), true)
  const other = start()
  await other.ready
  assert.equal(guardPid(), first)

  process.kill(first, 'SIGKILL')
  while (guardPid() === first || guardPid() === undefined) await new Promise(next => setTimeout(next, 5))
  assert.equal(runs(guardPid() as number), true)
  for (const one of [child, other]) {
    one.kill()
    await one.ended
  }
})

test('the guard is deaf to the signals of a terminal', { skip: process.platform === 'win32' }, async () => {
  const child = start()
  await child.ready
  const pid = guardPid() as number
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal)
  child.kill()
  await child.ended
  assert.deepEqual(await leftAfter([pid], 50), [pid])
})

test('a child ends when its line is closed', async () => {
  const child = start()
  child.keepAlive(false)
  child.keepAlive(true)
  await child.ready
  child.line.close()
  assert.deepEqual(await child.ended, { code: 0, signal: null })
})
