// However a process of a tree ends, what hangs below it is gone a second later, and nothing of it stays on disk.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { needsBuild } from '../kit/build.ts'
import { leftAfter } from '../lifeline/processes.ts'

/** Ends at the top of the tree; to have more rounds: ROUNDS=14 is a hundred trees. */
const ends = ['return', 'exit', 'throw', 'close', 'SIGINT', 'SIGTERM', 'SIGKILL'] as const
const rounds = Number(process.env.ROUNDS ?? 1)

needsBuild()

interface Tree {
  pids: number[]
  named: Record<string, number>
  address: string
}

/** Starts the fixture; resolves when all of its processes are at work. */
async function tree(t: TestContext, end: string) {
  const program = fileURLToPath(new URL('./fixtures/tree.mjs', import.meta.url))
  const child = spawn(process.execPath, [program, end], { stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  child.stderr.on('data', text => {
    printed += text
  })
  t.after(() => child.kill('SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  const found: Tree = JSON.parse(String(line))
  return { child, ...found, printed: () => printed }
}

async function fileGone(address: string): Promise<boolean> {
  const path = address.replace('ipc://', '')
  for (let i = 0; i < 100 && existsSync(path); i++) await delay(10)
  return !existsSync(path)
}

for (let round = 1; round <= rounds; round++)
  for (const end of ends)
    test(`a program that ends by ${end} takes its tree with it, ${round}`, async t => {
      const { child, pids, address, printed } = await tree(t, end)
      assert.equal(pids.length, 8)
      if (end.startsWith('SIG')) child.kill(end as NodeJS.Signals)
      if (end !== 'close' && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      // Closing asks first: leaves that hear nothing are killed after 5 seconds.
      assert.deepEqual(await leftAfter(pids, end === 'close' ? 8000 : 1000), [])
      assert.equal(await fileGone(address), true)
      if (end !== 'throw') assert.equal(printed(), '')
    })

for (const level of ['r', 'r0', 'r00'])
  for (const end of ['SIGKILL', 'SIGTERM', 'SIGUSR2'] as const)
    test(`a process at depth ${level.length} that ends by ${end} takes what is below it`, async t => {
      const { child, named } = await tree(t, 'stay')
      const pid = named[`pid ${level}`] as number
      const below = Object.entries(named)
        .filter(([path]) => path.startsWith(`pid ${level}`) && path !== `pid ${level}`)
        .map(([, one]) => one)
      // A leaf is deaf to all but SIGKILL.
      process.kill(pid, level === 'r00' ? 'SIGKILL' : end)
      assert.deepEqual(await leftAfter([pid, ...below], 1000), [])
      child.kill('SIGKILL')
      await once(child, 'exit')
      assert.deepEqual(await leftAfter(Object.values(named), 1000), [])
    })
