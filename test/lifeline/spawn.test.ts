import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { leftAfter, runs } from './processes.ts'

const directory = mkdtempSync(join(tmpdir(), 'lifeline-'))
after(() => rmSync(directory, { recursive: true }))
let count = 0
const isWindows = process.platform === 'win32'

/** Starts the fixture; resolves when all its children run. */
async function owner(end: string, ...kinds: string[]) {
  const file = join(directory, `file ${count++}`)
  const program = fileURLToPath(new URL('./fixtures/owner.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', program, end, file, ...kinds], {
    stdio: ['ignore', 'pipe', end === 'throw' ? 'ignore' : 'inherit'],
  })
  const [line] = await once(child.stdout, 'data')
  const pids: number[] = JSON.parse(String(line))
  return { child, file, pids, log: () => readFileSync(`${file}.log`, 'utf8').trim().split('\n') }
}

const ended = (child: ChildProcess) =>
  child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, 'exit')

for (const end of ['return', 'exit', 'throw', 'SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  test(`an owner that ends by ${end} takes its children and files with it`, async () => {
    const { child, file, pids } = await owner(end, 'plain', 'loop', 'deaf')
    if (end.startsWith('SIG')) child.kill(end as NodeJS.Signals)
    await ended(child)
    assert.deepEqual(await leftAfter(pids, 1000), [])
    // Windows has no guard and needs none: there the system ends the children, and there are no socket files.
    if (!isWindows) assert.equal(await fileGone(file), true)
  })
}

async function fileGone(file: string) {
  for (let i = 0; i < 500 && existsSync(file); i++) await new Promise(next => setTimeout(next, 10))
  return !existsSync(file)
}

test('children of rank "last" are told to end after the others are gone', { skip: isWindows }, async () => {
  const { child, pids, log } = await owner('SIGKILL', 'last', 'deaf')
  child.kill('SIGKILL')
  await ended(child)
  assert.deepEqual(await leftAfter(pids, 1500), [])
  assert.deepEqual(log(), ['ready', 'deaf told', 'last told'])
})

test('an untied child survives its owner', async () => {
  const { child, pids } = await owner('SIGKILL', 'survivor', 'plain')
  const [survivor, plain] = pids as [number, number]
  child.kill('SIGKILL')
  await ended(child)
  assert.deepEqual(await leftAfter([plain], 1000), [])
  assert.equal(runs(survivor), true)
  process.kill(survivor, 'SIGKILL')
})

test('a suspended child is ended as well', { skip: isWindows }, async () => {
  const { child, pids } = await owner('SIGKILL', 'plain')
  process.kill(pids[0] as number, 'SIGSTOP')
  child.kill('SIGKILL')
  await ended(child)
  assert.deepEqual(await leftAfter(pids, 1000), [])
})
