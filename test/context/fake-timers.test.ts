// Test runners replace the timers of a program while a test of it runs. The calls of zproc do not wait for such a clock.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const fixture = fileURLToPath(new URL('fixtures/fake-timers.ts', import.meta.url))

for (const [what, notFaked] of [
  ['timers', 'nextTick,queueMicrotask'],
  ['timers, process.nextTick and queueMicrotask', ''],
] as const)
  test(`no call waits for the clock of a test runner that replaces ${what}`, async () => {
    const child = ['--import', 'tsx', fixture, notFaked]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, child, { timeout: 120_000 })
    assert.deepEqual([stdout, stderr], ['done\n', ''])
  })
