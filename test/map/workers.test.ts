import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import type { State } from '../../src/client/state.ts'
import { WorkerCrashError } from '../../src/errors.ts'
import { program } from '../kit/programs.ts'
import { contextFor, range } from './contexts.ts'

const quiet = { stdio: 'pipe' } as const
const pid = (_: number) => process.pid

test('count never starts more workers than there are items', async t => {
  const ctx = contextFor(t)
  assert.deepEqual(await ctx.processMap((x: number) => x, [1, 2], { count: 100 }).toArray(), [1, 2])
  assert.equal(ctx.workerList.length, 2)
  function* three() {
    yield* range(3)
  }
  const other = contextFor(t)
  assert.deepEqual(await other.processMap((x: number) => x, three(), { count: 100 }).toArray(), range(3))
  assert.ok(other.workerList.length <= 3, String(other.workerList.length))
})

test('a count of a million returns at once and starts only what the items need', async t => {
  const ctx = contextFor(t)
  let turns = 0
  const turn = () => {
    turns++
    if (turns < 1000) setImmediate(turn)
  }
  turn()
  const results = ctx.processMap((x: number) => x, range(200), { count: 1_000_000 })
  assert.ok(ctx.workerList.length <= 4, `${ctx.workerList.length} were started within the call`)
  assert.deepEqual(await results.toArray(), range(200))
  assert.ok(ctx.workerList.length <= 200)
})

test('with maxItemsPerWorker a worker is replaced after so many items, and none is lost', async t => {
  const ctx = contextFor(t)
  const pids = await ctx.processMap(pid, range(20), { count: 2, maxItemsPerWorker: 3 }).toArray()
  const counts = new Map<number, number>()
  for (const one of pids) counts.set(one, (counts.get(one) ?? 0) + 1)
  assert.ok(Math.max(...counts.values()) <= 3, String([...counts.values()]))
  assert.ok(counts.size >= 7)
  assert.ok(ctx.workerList.length <= 2)
})

for (const backend of ['process', 'thread'] as const)
  test(`with memoryLimit a worker that holds more is replaced between items (${backend})`, async t => {
    const ctx = contextFor(t, { backend })
    const hoard = async (x: number) => {
      const { threadId } = await import('node:worker_threads')
      const kept: unknown[] = (Reflect.get(globalThis, 'kept') as unknown[]) ?? []
      Reflect.set(globalThis, 'kept', kept)
      kept.push(Buffer.alloc(60 << 20, 1))
      await new Promise(resolve => setTimeout(resolve, 15))
      return [x, `${process.pid} ${threadId}`, kept.length] as const
    }
    const results = await ctx
      .processMap(hoard, range(10), { count: 1, memoryLimit: 300 << 20, chunkSize: 1 })
      .toArray()
    assert.deepEqual(
      results.map(([x]) => x),
      range(10),
    )
    assert.ok(new Set(results.map(([, worker]) => worker)).size >= 2, JSON.stringify(results))
    assert.ok(Math.max(...results.map(([, , kept]) => kept)) <= 6, JSON.stringify(results))
  })

test('a target that closes its State spoils nothing for those after it', async t => {
  const ctx = contextFor(t)
  await ctx.state.set('n', 1)
  const close = async (state: State<Record<string, unknown>>, x: number) => {
    const n = await state.get('n')
    if (x % 3 === 0) await state.close()
    if (x % 3 === 1) void state.close()
    return [x, n]
  }
  const expected = range(20).map(x => [x, 1])
  const options = { stateful: true, count: 1, chunkSize: 4 } as const
  assert.deepEqual(await ctx.processMap(close, range(20), options).toArray(), expected)
  assert.deepEqual(await ctx.processMap(close, range(20), options).toArray(), expected)
})

test('WorkerCrashError says how the worker ended, with the last lines of its stderr', async t => {
  const ctx = contextFor(t, quiet)
  const die = (how: string) => {
    for (let line = 1; line <= 9; line++) console.error(`line ${line}`)
    if (how === 'signal') process.kill(process.pid, 'SIGKILL')
    if (how === 'abort') process.abort()
    process.exit(3)
  }
  const [exit, signal, abort] = await ctx
    .processMap(die, ['exit', 'signal', 'abort'], { count: 1, settle: true, maxRetries: 0, chunkSize: 1 })
    .toArray()
  const errorOf = (outcome: typeof exit) => {
    assert.ok(outcome?.status === 'rejected' && outcome.reason instanceof WorkerCrashError)
    return outcome.reason
  }
  assert.deepEqual([errorOf(exit).exitCode, errorOf(exit).signal], [3, null])
  assert.match(errorOf(exit).message, /a worker died once over item 0: it ended with exit code 3/)
  assert.equal(errorOf(exit).stderr, 'line 5\nline 6\nline 7\nline 8\nline 9')
  assert.deepEqual([errorOf(signal).exitCode, errorOf(signal).signal], [null, 'SIGKILL'])
  assert.match(
    errorOf(signal).message,
    /item 1: it was ended by SIGKILL; the last lines of its stderr:\nline 5/,
  )
  assert.equal(errorOf(abort).signal, 'SIGABRT')
})

test('what a worker writes to stderr appears on stderr', async t => {
  const { code, stderr } = await program(
    t,
    `import { Context } from 'zproc'
    const ctx = new Context()
    await ctx.run(() => { process.stderr.write('a word of a worker\\n') })
    await ctx.close()`,
  ).ended()
  assert.equal(code, 0)
  assert.match(stderr, /a word of a worker/)
})

test('a failing map that nothing reads is reported on stderr, once; one that is read is not', async t => {
  const { code, stdout, stderr } = await program(
    t,
    `import { Context } from 'zproc'
    const ctx = new Context()
    const alive = setInterval(() => {}, 1000)
    function unread() { throw new RangeError('unread') }
    function read() { throw new RangeError('read') }
    await ctx.processMap(read, [1]).toArray().catch(error => console.log(error.message))
    const results = ctx.processMap(unread, [1, 2, 3], { count: 1 })
    await new Promise(resolve => setTimeout(resolve, 1000))
    await results.toArray().catch(error => console.log(error.message))
    await ctx.close()
    clearInterval(alive)`,
  ).ended()
  assert.deepEqual([code, stdout], [0, 'read\nunread\n'])
  assert.equal(stderr.match(/results are not being read/g)?.length, 1)
  assert.match(stderr, /\[processMap unread\] failed, and its results are not being read: RangeError: unread/)
})

test('toArray() a second time is an error', async t => {
  const ctx = contextFor(t)
  const results = ctx.processMap((x: number) => x, range(5))
  assert.equal((await results.next()).value, 0)
  assert.deepEqual(await results.toArray(), [1, 2, 3, 4])
  await assert.rejects(results.toArray(), /toArray\(\) was called before/)
})

test('workers and targets show in ps by name', { skip: process.platform === 'win32' }, async t => {
  const ctx = contextFor(t)
  const argumentsOf = (pid: number) =>
    execFileSync('ps', ['-o', 'args=', '-p', `${pid}`], { encoding: 'utf8' })
  function bakeCookies() {
    return process.pid
  }
  const worker = await ctx.run(bakeCookies)
  assert.match(argumentsOf(worker), /^zproc worker 1: bakeCookies/)
  const baker = ctx.process(
    async function baker() {
      await new Promise(() => {})
    },
    { stateful: false },
  )
  // A process that has answered has its title.
  while (!/^zproc baker/.test(argumentsOf(baker.pid as number)))
    await new Promise(resolve => setTimeout(resolve, 10))
  await baker.stop()
})

test('the fields of recycling are checked at the call', async t => {
  const ctx = contextFor(t)
  const f = (x: number) => x
  assert.throws(() => ctx.processMap(f, [1], { maxItemsPerWorker: 0 }), /maxItemsPerWorker .* got 0/)
  assert.throws(() => ctx.processMap(f, [1], { memoryLimit: 1.5 }), /memoryLimit .* got 1.5/)
  assert.throws(() => ctx.processMap(f, [1], { ordered: 1 as never }), /ordered must be true or false/)
  assert.throws(
    () => ctx.processMap(f, [1], { pool: 'shared', maxItemsPerWorker: 5 }),
    /maxItemsPerWorker is for workers of this program/,
  )
})
