import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { noRedis } from '../kit/redis.ts'
import { all, linesOf } from './printed.ts'

/** Why there can be no machines besides this one, if so. */
function noMachines(): string | false {
  const name = `zproc-${process.pid}-try`
  const { error, status, stderr } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' })
  if (error || status !== 0) return `no network namespaces: ${error?.message ?? stderr.trim()}`
  spawnSync('ip', ['netns', 'delete', name])
  return false
}

test('three machines count together, and what an unplugged one was at is done by another within 10 seconds', {
  skip: noRedis || noMachines(),
}, async t => {
  // A directory of its own, so that what is left there is its own.
  const directory = mkdtempSync(join(tmpdir(), 'zproc-machines-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const env = { ...process.env, TMPDIR: directory }
  const { code, stdout, stderr } = await new Promise<{ code: unknown; stdout: string; stderr: string }>(
    done =>
      execFile('bash', ['examples/many-machines/run.sh'], { timeout: 90_000, env }, (error, stdout, stderr) =>
        done({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr }),
      ),
  )
  assert.equal(code, 0, stderr)
  const lines = linesOf(stdout)
  const counted = all(lines, /^(one|two|three): together we have counted to 300$/).map(([machine]) => machine)
  assert.deepEqual(counted.sort(), ['one', 'three', 'two'])
  assert.ok(lines.includes('1 from two, 4 from two, 9 from two, 16 from two'), stdout)
  const [[ms] = assert.fail()] = all(lines, /^(\d+) ms after it was unplugged$/)
  assert.ok(Number(ms) < 10_000, `${ms} ms`)
  const left = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout
  assert.doesNotMatch(left, /zproc-\d+-(one|two|three)/)
  const [sockets] = readdirSync(directory).filter(name => /^zproc-\d+$/.test(name))
  assert.ok(sockets, 'its sockets are in that directory while it runs')
  assert.deepEqual(readdirSync(join(directory, sockets)), [])
  assert.deepEqual(
    readdirSync(directory).filter(name => name.startsWith('tmp.')),
    [],
  )
})
