import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WorkerCrashError } from '../../src/errors.ts'
import { contextFor, range } from './contexts.ts'

const quiet = { stdio: 'pipe' } as const
const pid = (_: number) => process.pid

test('run resolves with what the target returns, for functions, closures, async functions and modules', async t => {
  const ctx = contextFor(t)
  let factor = 3
  const times = (x: number) => x * factor
  assert.equal(await ctx.run((x: number, y: number) => x * y, 6, 7), 42)
  assert.equal(await ctx.run(times, 2), 6)
  factor = 5
  // What a closure sees is what it sees at the call.
  assert.equal(await ctx.run(times, 2), 10)
  assert.equal(await ctx.run(async (text: string) => text.toUpperCase(), 'a'), 'A')
  assert.equal(await ctx.run(() => undefined), undefined)
  const source = `export default (x, y) => x + '!' + y`
  const module = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
  assert.equal(await ctx.run(module, 'a', 'b'), 'a!b')
})

test('the arguments are those at the call, and each call has its own outcome', async t => {
  const ctx = contextFor(t)
  const box = { n: 1 }
  const first = ctx.run((one: { n: number }) => one.n, box)
  box.n = 2
  assert.equal(await first, 1)
  const odd = (x: number) => {
    if (x % 2 === 0) throw new RangeError(`${x} is even`)
    return x
  }
  const outcomes = await Promise.allSettled(range(500).map(x => ctx.run(odd, x)))
  outcomes.forEach((outcome, x) => {
    if (x % 2 === 1) assert.deepEqual(outcome, { status: 'fulfilled', value: x })
    else {
      assert.ok(outcome.status === 'rejected' && outcome.reason instanceof RangeError)
      assert.equal(outcome.reason.message, `${x} is even`)
    }
  })
  await assert.rejects(
    ctx.run(() => () => 1),
    { name: 'TypeError', message: /the result is a function/ },
  )
})

test('wrong arguments reject at the call and name the value', async t => {
  const ctx = contextFor(t)
  await assert.rejects(ctx.run(5 as never), { name: 'TypeError', message: /ctx\.run: the target must be/ })
  await assert.rejects(
    ctx.run((f: unknown) => f, (() => 1) as never),
    {
      name: 'TypeError',
      message: /ctx\.run: args\[0\]\[0\] is a function|ctx\.run: args\[0\] is a function/,
    },
  )
  await ctx.close()
  await assert.rejects(
    ctx.run(() => 1),
    /ctx\.run: this Context is closed/,
  )
})

test('a call alone starts one worker, and a later call uses it', async t => {
  const ctx = contextFor(t)
  const first = await ctx.run(pid, 0)
  assert.equal(await ctx.run(pid, 1), first)
  assert.deepEqual(
    ctx.workerList.map(worker => worker.pid),
    [first],
  )
})

test('a quick call does not wait for a slow one that was made with it', async t => {
  const ctx = contextFor(t)
  const sleep = (ms: number) => new Promise<number>(resolve => setTimeout(resolve, ms, ms))
  // Measured to be quick, so that they travel together.
  await Promise.all(range(2000).map(() => ctx.run(sleep, 0)))
  const order: number[] = []
  const calls = [0, 3000, ...new Array(20).fill(0)].map(async ms => order.push(await ctx.run(sleep, ms)))
  await Promise.all(calls)
  assert.deepEqual(order, [...new Array(21).fill(0), 3000])
})

test('a call whose worker dies is made once more, then it is a WorkerCrashError that says how', async t => {
  const ctx = contextFor(t, quiet)
  const die = (x: number) => {
    if (x !== 3) return x
    console.error('about to end')
    process.exit(7)
  }
  const outcomes = await Promise.allSettled(range(6).map(x => ctx.run(die, x)))
  const [, , , lost] = outcomes
  assert.deepEqual(outcomes.map(({ status }) => status[0]).join(''), 'fffrff')
  assert.ok(lost?.status === 'rejected' && lost.reason instanceof WorkerCrashError)
  const { message, exitCode, signal, stderr } = lost.reason
  assert.match(message, /ctx\.run: a worker died 2 times over a call of die: it ended with exit code 7/)
  assert.match(message, /about to end/)
  assert.deepEqual([exitCode, signal, stderr], [7, null, 'about to end'])
})

test('a target that cannot be made rejects its calls; others go on', async t => {
  const ctx = contextFor(t)
  const missing = new URL('data:text/javascript,export const nothing = 1')
  const outcomes = await Promise.allSettled([ctx.run(missing, 1), ctx.run(missing, 2), ctx.run(pid, 1)])
  assert.deepEqual(outcomes.map(({ status }) => status[0]).join(''), 'rrf')
  await assert.rejects(ctx.run(missing, 3))
})

test('more targets than workers keep are called, each again and again', async t => {
  const ctx = contextFor(t)
  const targets = range(250).map(n => (x: number) => x + n)
  for (const round of range(2)) {
    const sums = await Promise.all(targets.map(target => ctx.run(target, round)))
    assert.deepEqual(
      sums,
      range(250).map(n => n + round),
    )
  }
})

test('closing the Context rejects the calls that are not answered', async t => {
  const ctx = contextFor(t)
  const call = ctx.run(() => new Promise(() => {}))
  const rejected = assert.rejects(call, /ctx\.run: its Context was closed before the call was at its end/)
  await ctx.run(pid, 1)
  await ctx.close()
  await rejected
})
