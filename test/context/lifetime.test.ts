import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { State } from 'zproc'
import { leftAfter, runs } from '../lifeline/processes.ts'

const path = fileURLToPath(new URL('./fixtures/program.ts', import.meta.url))

function program(t: TestContext, name: string) {
  // A process group of its own, as in a terminal.
  const child = spawn(process.execPath, ['--import', 'tsx', path, name], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  t.after(() => child.kill('SIGKILL'))
  return child
}

async function ended(t: TestContext, name: string) {
  const child = program(t, name)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { out, err, code }
}

for (const [name, printed] of [
  ['idle', ''],
  ['spare', ''],
  ['awaited', '300\n'],
  ['wait', 'slept\n'],
  ['events', 'started\nslept\nexited\n'],
] as const)
  test(`a program ends by itself: ${name}`, { timeout: 30_000 }, async t => {
    assert.deepEqual(await ended(t, name), { out: printed, err: '', code: 0 })
  })

test('a retry that nobody waits for does not keep the program alive', { timeout: 30_000 }, async t => {
  const { err, code } = await ended(t, 'retrying')
  assert.equal(code, 0)
  assert.match(err, /next attempt in 60 s/)
})

test('Ctrl-C ends each process once, without a word', { timeout: 30_000 }, async t => {
  const child = program(t, 'group')
  const printed = text(child.stderr)
  const [line] = await once(child.stdout, 'data')
  process.kill(-(child.pid as number), 'SIGINT')
  const [code, signal] = await once(child, 'exit')
  // What a shell shows as 130.
  assert.deepEqual([code, signal], [null, 'SIGINT'])
  assert.deepEqual(await leftAfter([Number(line)], 1000), [])
  assert.equal(await printed, '')
})

test('with cleanup: false processes survive the program, and the server as long as they do', {
  timeout: 30_000,
}, async t => {
  const child = program(t, 'survivor')
  const [line] = await once(child.stdout, 'data')
  const [pid, server, address]: [number, number, string] = JSON.parse(String(line))
  await once(child, 'exit')
  // Long enough for a guard to have ended them.
  await new Promise(next => setTimeout(next, 600))
  assert.deepEqual([runs(pid), runs(server)], [true, true])
  const state = new State(address)
  await state.set('left', true)
  assert.deepEqual(await leftAfter([pid], 5000), [])
  assert.equal(runs(server), true)
  await state.close()
  assert.deepEqual(await leftAfter([server], 5000), [])
})
