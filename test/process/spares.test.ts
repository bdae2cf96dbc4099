// A child that stands ready for the next start: what it costs until then.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type AnyState, Context, startServer } from 'zproc'
import { until } from '../kit/until.ts'

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
  const before = wakesOf(spare)
  await delay(1000)
  assert.ok(wakesOf(spare) - before <= WAKES)
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

test("a State on a spare begins with its job, and has begun in the target's first line", {
  skip: noProc,
}, async t => {
  const file = join(folder(t), 'begun')
  const ctx = new Context<{ cookies?: number }>({ serverBackend: 'inline' })
  t.after(() => ctx.close())
  await ctx.process(() => 1).wait()
  const spare = await atRest()
  await ctx.state.set('cookies', 1)
  const watches = ctx.process(async state => {
    writeFileSync(file, '')
    return [process.pid, await state.getWhenChange('cookies')]
  })
  await until(() => existsSync(file))
  await ctx.state.set('cookies', 2)
  assert.deepEqual(await watches.wait(), [spare, { cookies: 2 }])
})

test('that State is the only one of its process', { skip: noProc }, async t => {
  const ctx = new Context<{ here?: number }>({ serverBackend: 'inline' })
  t.after(() => ctx.close())
  await ctx.process(() => 1).wait()
  const spare = await atRest()
  const leaves = ctx.process(async state => {
    await state.set('here', process.pid, { ephemeral: true })
    await state.close()
    await new Promise(() => {})
  })
  await ctx.state.getWhenEqual('here', spare)
  await ctx.state.getWhenNone('here')
  assert.equal(leaves.isAlive, true)
})

test('a spare does not look for a server that is gone, but its job finds the next one', {
  skip: noProc,
}, async t => {
  const address = `ipc://${join(folder(t), 'server.sock')}`
  const first = await startServer(address, { backend: 'inline' })
  t.after(() => first.stop())
  const ctx = new Context<AnyState>(address)
  t.after(() => ctx.close())
  await ctx.process(() => 1).wait()
  const spare = await atRest()
  await first.stop()
  assert.equal(await atRest(), spare)
  const before = wakesOf(spare)
  await delay(3000)
  assert.ok(wakesOf(spare) - before <= WAKES)
  const second = await startServer(address, { backend: 'inline' })
  t.after(() => second.stop())
  await ctx.state.set('cookies', 2)
  assert.deepEqual(await ctx.process(async state => [process.pid, await state.get('cookies')]).wait(), [
    spare,
    2,
  ])
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
  await until(() => children().length === 2)
  await ctx.close()
  await until(() => children().length === 0)
})

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'zproc-spares-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

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

/** How often its main thread has gone to sleep: unlike its time, that is exact, and a machine that is busy changes nothing. */
const wakesOf = (pid: number): number =>
  Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])

// The engine tidies up a few times when nothing has happened for a while; who looks for a server wakes some forty times a second.
const WAKES = 10

/** From the state on: the name before it may hold anything. */
function fieldsOf(file: string): string[] {
  const stat = readFileSync(file, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
