// A child that stands ready for the next start: what it costs until then.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Context } from 'zproc'

const noProc = process.platform !== 'linux' && 'there is no /proc to read the time from that a process used'

function context(t: TestContext, spares: number): Context {
  const ctx = new Context({ serverBackend: 'inline', stateful: false, spares })
  t.after(() => ctx.close())
  return ctx
}

test('an idle spare uses no time at all', { skip: noProc }, async t => {
  const ctx = context(t, 1)
  await ctx.process(() => 1).wait()
  const spare = await atRest()
  const before = timeOf(spare)
  await delay(1000)
  assert.equal(timeOf(spare), before)
  // It is the spare that was looked at.
  assert.equal(await ctx.process(() => process.pid).wait(), spare)
})

test('a spare gets the next job, also while it still prepares itself, with the environment of the moment', {
  skip: noProc,
}, async t => {
  const ctx = context(t, 1)
  await ctx.process(() => 1).wait()
  const seen = () => [process.pid, process.env.SPARE_SEES]
  for (const moment of [atRest, () => until(() => children()[0]), atRest]) {
    const spare = await moment()
    process.env.SPARE_SEES = `${spare}`
    assert.deepEqual(await ctx.process(seen).wait(), [spare, `${spare}`])
  }
})

test('spares: 0 makes none', { skip: noProc }, async t => {
  const ctx = context(t, 0)
  await ctx.process(() => 1).wait()
  await delay(200)
  assert.deepEqual(children(), [])
})

test('closing a Context ends its spares', { skip: noProc }, async t => {
  const ctx = context(t, 2)
  await ctx.process(() => 1).wait()
  await until(() => (children().length === 2 ? true : undefined))
  await ctx.close()
  await until(() => (children().length === 0 ? true : undefined))
})

/** The pid of the one child that there is, once all of its threads sleep: it has loaded what it loads. */
async function atRest(): Promise<number> {
  let asleep = 0
  return until(() => {
    const [pid] = children()
    asleep = pid !== undefined && sleeps(pid) ? asleep + 1 : 0
    // For longer than it waits until it rehearses.
    return asleep === 30 ? pid : undefined
  })
}

async function until<T>(found: () => T | undefined): Promise<T> {
  for (const end = performance.now() + 20_000; performance.now() < end; await delay(20)) {
    const it = found()
    if (it !== undefined) return it
  }
  throw new Error('it has not come to be within 20 seconds')
}

/** Children of this process that run targets, or wait for one. */
function children(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      try {
        return fieldsOf(`/proc/${pid}/stat`)[1] === String(process.pid) && runsTargets(pid)
      } catch {
        // It has just ended.
        return false
      }
    })
}

const runsTargets = (pid: number) =>
  /\/process\/main\.[jt]s/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
const sleeps = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).every(thread => fieldsOf(`/proc/${pid}/task/${thread}/stat`)[0] === 'S')

/** User and system time, in ticks of 10 ms. */
function timeOf(pid: number): number {
  const fields = fieldsOf(`/proc/${pid}/stat`)
  return Number(fields[11]) + Number(fields[12])
}

/** From the state on: the name before it may hold anything. */
function fieldsOf(file: string): string[] {
  const stat = readFileSync(file, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
