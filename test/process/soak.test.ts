// Many processes that end in every way: what they took is given back. The long run takes longer than the runner gives a file:
// `SOAK=2000 npm run test:run -- process/soak --test-timeout=3600000`.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { currentProcess, Process, startServer } from 'zproc'
import { held } from '../kit/memory.ts'
import { leftAfter } from '../lifeline/processes.ts'

const rounds = Number(process.env.SOAK ?? 40)
const lanes = 6

const target = (end: string) => {
  if (end === 'throw') throw new Error('thrown')
  if (end === 'reject') return Promise.reject(new TypeError('rejected'))
  if (end === 'exit') process.exit(4)
  if (end === 'abort') process.abort()
  if (end === 'retry' && currentProcess().attempt === 1) throw new RangeError('again')
  if (end === 'killed') process.kill(process.pid, 'SIGKILL')
  if (end === 'stopped') return new Promise(() => {})
  return new Uint8Array(1000)
}
const ends = ['return', 'throw', 'reject', 'exit', 'abort', 'retry', 'killed', 'stopped', 'return'] as const

test(`${rounds} processes with random deaths leave nothing`, { timeout: 3_600_000 }, async t => {
  // A mock would keep what it was called with.
  const { write } = process.stderr
  process.stderr.write = () => true
  t.after(() => {
    process.stderr.write = write
  })
  const server = await startServer(null, { backend: 'inline' })
  t.after(() => server.stop())
  const pids = new Set<number>()
  const one = async () => {
    const end = ends[Math.floor(Math.random() * ends.length)] as string
    const retry = end === 'retry' ? { retryFor: [RangeError], retryDelay: 1 } : {}
    const started = new Process(target, server.address, {
      stateful: false,
      args: [end],
      stdio: 'pipe',
      ...retry,
    } as object)
    pids.add(started.pid as number)
    const ended = started.wait().then(
      () => 'value',
      () => 'error',
    )
    if (end === 'stopped') await started.stop()
    await ended
    pids.add(started.pid as number)
  }
  const many = async (count: number) => {
    let left = count
    const lane = async () => {
      while (left-- > 0) await one()
    }
    await Promise.all(Array.from({ length: lanes }, lane))
  }
  const idle = handles()
  // The first ones load, compile and fill caches.
  await many(Math.ceil(rounds / 10))
  await atRest(idle)
  const before = (await held()).heapUsed
  await many(rounds)
  await atRest(idle)
  const after = (await held()).heapUsed
  t.diagnostic(JSON.stringify({ idle, before, after }))
  assert.deepEqual((await leftAfter([...pids], 0)).filter(isOwn), [])
  assert.ok(after < before + 10e6, `the heap grew from ${before} to ${after}`)
})

/** After thousands of processes a pid may be somebody else's by now. */
function isOwn(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8').includes(`\nPPid:\t${process.pid}\n`)
  } catch {
    return process.platform !== 'linux'
  }
}

/** Nothing is open that was not open before there was any process. An ended child's handles take some turns to close. */
async function atRest(idle: Record<string, number>): Promise<void> {
  const deadline = performance.now() + 10_000
  while (more(idle).length > 0 && performance.now() < deadline) await turn()
  assert.deepEqual(more(idle), [])
}

/** The kinds of handles of which more are open now. What was closing then, of the server's start, may be gone. */
const more = (idle: Record<string, number>): [string, number][] =>
  Object.entries(handles()).filter(([kind, count]) => count > (idle[kind] ?? 0))

function handles(): Record<string, number> {
  const open: Record<string, number> = {}
  // Timers of the test runner come and go, and so do the files that modules are loaded from, and what is closing.
  const passing = new Set(['Timeout', 'Immediate', 'FSReqCallback', 'CloseReq'])
  for (const name of process.getActiveResourcesInfo())
    if (!passing.has(name)) open[name] = (open[name] ?? 0) + 1
  return open
}
