import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { itemSignal } from '../../src/map/item-signal.ts'
import { noTerminal, program } from '../kit/programs.ts'
import { contextFor, exits, isThere, range } from './contexts.ts'

const pid = (_?: number) => process.pid

/** A file that targets write to, so that one sees what happened in a worker that is gone. */
function noteFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'zproc-map-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, 'notes')
  writeFileSync(file, '')
  return file
}

test('workers are started at the first use and reused by later maps', async t => {
  const ctx = contextFor(t)
  assert.equal(ctx.workerList.length, 0)
  const first = new Set(await ctx.processMap(pid, range(50), { count: 2 }).toArray())
  const workers = ctx.workerList
  assert.equal(workers.length, 2)
  const second = new Set(await ctx.processMap(pid, range(50), { count: 2 }).toArray())
  assert.deepEqual(ctx.workerList, workers)
  const pids = new Set(workers.map(worker => worker.pid))
  for (const used of [...first, ...second]) assert.ok(pids.has(used))
  assert.deepEqual(ctx.processList, [])
})

test('with new: true a map has fresh workers, and only those', async t => {
  const ctx = contextFor(t)
  // One each: more than the machine has cores for would end after some seconds.
  await ctx.processMap(pid, range(10), { count: 1 }).toArray()
  const old = new Set(ctx.workerList.map(worker => worker.pid))
  const used = await ctx.processMap(pid, range(30), { count: 1, new: true, chunkSize: 1 }).toArray()
  assert.equal(ctx.workerList.length, 2)
  for (const one of used) assert.ok(!old.has(one))
})

test('surplus workers end by themselves, without a report', async t => {
  const ctx = contextFor(t)
  await ctx.processMap(pid, range(10), { count: 4 }).toArray()
  const others = ctx.processMap(pid, range(10), { count: 4, new: true })
  const all = ctx.workerList
  assert.equal(all.length, 8)
  const surplus = 8 - Math.min(8, availableParallelism())
  const ended = surplus > 0 ? exits(ctx, surplus) : undefined
  await others.toArray()
  await ended
  assert.equal(ctx.workerList.length, 8 - surplus)
  assert.ok(ctx.workerList.every(worker => worker.isAlive))
  assert.ok(all.every(worker => worker.isAlive || worker.exitCode === 0))
  assert.deepEqual(await ctx.processMap((x: number) => x, [1]).toArray(), [1])
})

test('a map uses no more workers at a time than its count', async t => {
  const ctx = contextFor(t)
  await ctx.processMap(pid, range(10), { count: 3 }).toArray()
  const touch = async (x: number, active: SharedArrayBuffer | null) => [process.pid, x, active] as const
  const used = await ctx.processMap(touch, range(100), { count: 1, args: [null], chunkSize: 1 }).toArray()
  assert.equal(used.length, 100)
  const spans = await ctx
    .processMap(
      async () => {
        const from = Date.now()
        await new Promise(resolve => setTimeout(resolve, 20))
        return [from, Date.now()] as const
      },
      range(8),
      { count: 1, chunkSize: 1 },
    )
    .toArray()
  for (const [i, [from]] of spans.entries()) assert.ok(i === 0 || from >= (spans[i - 1]?.[1] ?? 0))
})

test('a long map does not starve a short one', async t => {
  const ctx = contextFor(t)
  await ctx.processMap(pid, range(10), { count: 2 }).toArray()
  const spin = (ms: number) => {
    const began = Date.now()
    const end = performance.now() + ms
    while (performance.now() < end);
    return began
  }
  const items = new Array<number>(300).fill(10)
  const long = ctx.processMap(spin, items, { count: 2 })
  const read = [(await long.next()).value ?? 0]
  const short = await ctx.processMap(spin, new Array(10).fill(10), { count: 2 }).toArray()
  for await (const began of long) read.push(began)
  assert.equal(read.length, items.length)
  const [first, last] = [Math.min(...short), Math.max(...short)]
  const meanwhile = read.filter(began => began > first && began < last).length
  assert.ok(
    meanwhile < 100,
    `${meanwhile} items of the long map were begun while the short one was under way`,
  )
})

test('threads are workers too', async t => {
  const ctx = contextFor(t, { backend: 'thread' })
  const items = range(1000)
  assert.deepEqual(
    await ctx.processMap((x: number) => x + 1, items, { count: 2 }).toArray(),
    items.map(x => x + 1),
  )
  const spin = (x: number) => {
    while (x === 1);
    return x
  }
  const settled = await ctx.processMap(spin, [0, 1, 2], { count: 1, timeout: 300, settle: true }).toArray()
  assert.deepEqual(settled.map(({ status }) => status[0]).join(''), 'frf')
})

for (const [how, end] of Object.entries({
  'breaking out of the loop': null,
  'cancel()': 'cancel',
  'an aborted signal': 'abort',
} as const))
  test(`${how} tells what runs through its signal, kills what does not end, and leaves the pool whole`, async t => {
    const ctx = contextFor(t)
    const notes = noteFile(t)
    await ctx.processMap(pid, range(10), { count: 2 }).toArray()
    const before = ctx.workerList.map(worker => worker.pid)
    const target = async (x: number, file: string) => {
      if (x === 0) return process.pid
      const { appendFileSync } = await import('node:fs')
      if (x === 1) {
        const signal = itemSignal()
        appendFileSync(file, 'one\n')
        await new Promise(resolve => signal.addEventListener('abort', resolve))
        appendFileSync(file, `told ${(signal.reason as Error).message}\n`)
        throw signal.reason
      }
      if (x === 2) {
        appendFileSync(file, 'two\n')
        for (;;);
      }
      appendFileSync(file, `began ${x}\n`)
      return 0
    }
    const controller = new AbortController()
    const { signal } = controller
    const results = ctx.processMap(target, range(10), { count: 2, chunkSize: 1, args: [notes], signal })
    const killed = exits(ctx, 1)
    const loop = async () => {
      for await (const _ of results) {
        while (readFileSync(notes, 'utf8').length < 8) await new Promise(resolve => setTimeout(resolve, 5))
        if (end === null) break
        if (end === 'cancel') results.cancel()
        else controller.abort(new Error('enough'))
      }
    }
    if (end === 'abort') await assert.rejects(loop, /enough/)
    else await loop()
    assert.equal((await results.next()).done, true)
    const after = await ctx.processMap(pid, range(20), { count: 2, chunkSize: 1 }).toArray()
    assert.equal(after.length, 20)
    await killed
    assert.equal(ctx.workerList.length, 2)
    assert.equal(ctx.workerList.filter(worker => before.includes(worker.pid)).length, 1)
    assert.deepEqual(readFileSync(notes, 'utf8').trim().split('\n').sort(), [
      'one',
      'told the map was cancelled',
      'two',
    ])
  })

test('a map with a signal that was aborted before does not begin', async t => {
  const ctx = contextFor(t)
  const results = ctx.processMap(pid, [1], { signal: AbortSignal.abort(new Error('too late')) })
  await assert.rejects(results.toArray(), /too late/)
  assert.deepEqual(ctx.workerList, [])
})

test('toArray() of a map that is cancelled rejects, for it would lack results', async t => {
  const ctx = contextFor(t)
  const results = ctx.processMap(() => new Promise(() => {}), [1])
  const all = results.toArray()
  results.cancel()
  await assert.rejects(all, /the map was cancelled before its end/)
})

test('progress is told at most every 100 ms, and at the end', async t => {
  const ctx = contextFor(t)
  const told: { done: number; total: number | undefined; at: number }[] = []
  const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
  const onProgress = ({ done, total }: { done: number; total: number | undefined }) =>
    void told.push({ done, total, at: performance.now() })
  await ctx.processMap(wait, new Array(100).fill(10), { count: 2, onProgress }).toArray()
  assert.deepEqual(told.at(-1)?.done, 100)
  assert.ok(told.length >= 3)
  told.slice(1, -1).forEach(({ at, done, total }, i) => {
    assert.ok(at - (told[i]?.at ?? 0) >= 99)
    assert.ok(done > (told[i]?.done ?? 0))
    assert.equal(total, 100)
  })
  const endless: unknown[] = []
  await ctx
    .processMap(
      wait,
      (function* () {
        yield 1
      })(),
      { onProgress: p => void endless.push(p) },
    )
    .toArray()
  assert.deepEqual(endless.at(-1), { done: 1, total: undefined })
})

test('an onProgress that throws ends the map with its error', async t => {
  const ctx = contextFor(t)
  const onProgress = () => {
    throw new Error('cannot tell')
  }
  await assert.rejects(ctx.processMap((x: number) => x, range(10), { onProgress }).toArray(), /cannot tell/)
  assert.deepEqual(await ctx.processMap((x: number) => x, [1]).toArray(), [1])
})

test('without a terminal the progress bar is plain lines on stderr', async t => {
  const { code, stdout, stderr } = await program(
    t,
    `import { Context } from 'zproc'
    const ctx = new Context()
    const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
    await ctx.processMap(wait, new Array(50).fill(50), { count: 2, progress: true }).toArray()
    await ctx.close()`,
  ).ended()
  assert.deepEqual([code, stdout], [0, ''])
  assert.match(stderr, /100% \| 50\/50 \| \d+\/s/)
  assert.ok(!stderr.includes('\u001b'), JSON.stringify(stderr))
})

test('at a terminal the progress bar is drawn in place, with the rate and the time left', {
  skip: noTerminal,
}, async t => {
  const { code, stdout } = await program(
    t,
    `import { Context } from 'zproc'
    const ctx = new Context()
    const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
    await ctx.processMap(wait, new Array(50).fill(50), { count: 2, progress: true }).toArray()
    await ctx.close()`,
    [],
    { terminal: true },
  ).ended()
  assert.equal(code, 0, stdout)
  // Each picture of the bar begins where the one before began.
  const pictures = stdout.split('\u001b[1G').filter(picture => picture.includes('/50 | '))
  assert.ok(pictures.length > 2, stdout)
  assert.match(pictures[1] as string, /\d+% \| \d+\/50 \| \d+\/s \| \S+ left/)
  assert.match(pictures.at(-1) as string, /100% \| 50\/50/)
})

test('a map that nobody awaits lets the program end, and nothing stays behind', async t => {
  const { code, stdout } = await program(
    t,
    `import { Context } from 'zproc'
    const ctx = new Context()
    await ctx.processMap(x => x, [1, 2], { count: 2 }).toArray()
    ctx.processMap(() => new Promise(() => {}), [1, 2], { count: 2 })
    console.log(ctx.workerList.map(worker => worker.pid).join(' '))`,
  ).ended()
  assert.equal(code, 0)
  const pids = stdout.trim().split(' ').map(Number)
  assert.equal(pids.length, 2)
  const deadline = performance.now() + 5000
  while (pids.some(isThere) && performance.now() < deadline)
    await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(pids.filter(isThere), [])
})

test('a map that is awaited keeps the program alive to its end', async t => {
  const { code, stdout } = await program(
    t,
    `import { Context } from 'zproc'
    const ctx = new Context()
    const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms, ms))
    for await (const ms of ctx.processMap(wait, [300, 300], { count: 1 })) console.log(ms)`,
  ).ended()
  assert.deepEqual([code, stdout], [0, '300\n300\n'])
})
