import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { State } from '../../src/client/state.ts'
import { Context } from '../../src/context/context.ts'
import { TimeoutError, WorkerCrashError, ZprocError } from '../../src/errors.ts'
import { program } from '../kit/programs.ts'
import { contextFor, range } from './contexts.ts'

// What a worker says of its end is not for the reader of these tests.
const quiet = { stdio: 'pipe' } as const

test('iteration throws the error of a target at its item, with its index, after the results before it', async t => {
  const ctx = contextFor(t)
  const target = (x: number) => {
    if (x === 5) throw Object.assign(new RangeError('five'), { extra: 1 })
    return x
  }
  for (const chunkSize of [undefined, 1, 4, 100]) {
    const seen: number[] = []
    await assert.rejects(
      async () => {
        for await (const x of ctx.processMap(target, range(50), { chunkSize })) seen.push(x)
      },
      error => {
        assert.ok(error instanceof RangeError)
        assert.equal(error.message, 'five')
        assert.equal((error as unknown as { index: number }).index, 5)
        assert.equal((error as unknown as { extra: number }).extra, 1)
        return true
      },
    )
    assert.deepEqual(seen, range(5))
  }
  assert.deepEqual(await ctx.processMap((x: number) => x, [1]).toArray(), [1])
})

test('after its error a map has ended', async t => {
  const ctx = contextFor(t)
  const results = ctx.processMap(() => {
    throw new Error('no')
  }, [1, 2])
  await assert.rejects(results.next(), /no/)
  assert.equal((await results.next()).done, true)
})

test('with settle, each item has its own outcome', async t => {
  const ctx = contextFor(t)
  const odd = (x: number) => {
    if (x % 2 === 0) throw new RangeError(`${x} is even`)
    return x
  }
  const results = await ctx.processMap(odd, range(200), { settle: true }).toArray()
  results.forEach((result, i) => {
    if (result.status === 'fulfilled') assert.equal(result.value, i)
    else {
      assert.ok(result.reason instanceof RangeError)
      assert.equal(result.reason.message, `${i} is even`)
      assert.equal((result.reason as unknown as { index: number }).index, i)
    }
    assert.equal(result.status, i % 2 ? 'fulfilled' : 'rejected')
  })
})

test('a result that is no data is the error of its item', async t => {
  const ctx = contextFor(t)
  const target = (x: number) => (x === 3 ? { run: () => 1 } : x)
  const results = ctx.processMap(target, range(6), { chunkSize: 6 })
  for (const i of range(3)) assert.equal((await results.next()).value, i)
  await assert.rejects(results.next(), {
    name: 'TypeError',
    message: /the result\.run is a function/,
    index: 3,
  })
  const settled = await ctx.processMap(target, range(6), { chunkSize: 6, settle: true }).toArray()
  assert.deepEqual(settled.map(({ status }) => status[0]).join(''), 'fffrff')
})

test('an item that is no data is its own error, after the results before it', async t => {
  const ctx = contextFor(t)
  const items: unknown[] = [0, 1, () => 2, 3]
  const same = (x: unknown) => x
  const results = ctx.processMap(same, items, { chunkSize: 4 })
  for (const i of range(2)) assert.equal((await results.next()).value, i)
  await assert.rejects(results.next(), { name: 'TypeError', message: /item 2 is a function/, index: 2 })
  const settled = await ctx.processMap(same, items, { chunkSize: 4, settle: true }).toArray()
  assert.deepEqual(settled.map(({ status }) => status[0]).join(''), 'ffrf')
})

test('an iterable that throws ends the map after what it gave before', async t => {
  const ctx = contextFor(t)
  function* broken() {
    yield* range(10)
    throw new Error('out of numbers')
  }
  async function* brokenLater() {
    yield* range(10)
    throw new Error('out of numbers')
  }
  for (const make of [broken, brokenLater])
    for (const chunkSize of [undefined, 4, 100]) {
      const seen: number[] = []
      const loop = async () => {
        for await (const x of ctx.processMap((x: number) => x, make(), { chunkSize })) seen.push(x)
      }
      await assert.rejects(loop, /out of numbers/)
      assert.deepEqual(seen, range(10))
    }
  const wrong = ctx.processMap((x: number) => x, null, { mapArgs: [[1], 5 as never] })
  assert.equal((await wrong.next()).value, 1)
  await assert.rejects(wrong.next(), /every item of mapArgs must be an array of arguments, got 5/)
})

for (const [how, die] of Object.entries({
  SIGKILL: (): unknown => process.kill(process.pid, 'SIGKILL'),
  'process.exit(0)': (): unknown => process.exit(0),
  'process.exit(3)': (): unknown => process.exit(3),
}))
  test(`a worker that ends by ${how} is replaced and its items are done by another`, async t => {
    const ctx = contextFor(t, quiet)
    await ctx.state.set('deaths', 0)
    const target = async (state: State, x: number) => {
      if (x === 7 && (await state.get('deaths')) === 0) {
        await state.set('deaths', 1)
        die()
      }
      return x
    }
    const results = await ctx.processMap(target, range(40), { stateful: true, count: 2 }).toArray()
    assert.deepEqual(results, range(40))
    assert.equal(await ctx.state.get('deaths'), 1)
    assert.equal(ctx.workerList.length, 2)
    assert.ok(ctx.workerList.every(worker => worker.isAlive))
  })

test('an item that ends every worker is a WorkerCrashError with its index; those that travelled with it get through', async t => {
  const ctx = contextFor(t, quiet)
  const target = (x: number) => {
    if (x === 7) process.kill(process.pid, 'SIGKILL')
    return x
  }
  const results = ctx.processMap(target, range(20), { chunkSize: 10, count: 2 })
  for (const i of range(7)) assert.equal((await results.next()).value, i)
  await assert.rejects(results.next(), error => {
    assert.ok(error instanceof WorkerCrashError)
    assert.deepEqual(error.indices, [7])
    assert.match(error.message, /a worker died 2 times over item 7: it was ended by SIGKILL/)
    assert.deepEqual([error.exitCode, error.signal], [null, 'SIGKILL'])
    return true
  })
  const settled = await ctx.processMap(target, range(20), { chunkSize: 10, count: 2, settle: true }).toArray()
  assert.deepEqual(settled.filter(({ status }) => status === 'rejected').length, 1)
  assert.equal(settled[7]?.status, 'rejected')
})

test('without retries the items that travelled together are lost together', async t => {
  const ctx = contextFor(t, quiet)
  const target = (x: number) => (x === 1 ? process.kill(process.pid, 'SIGKILL') : x)
  await assert.rejects(
    ctx.processMap(target, range(3), { chunkSize: 3, count: 1, maxRetries: 0 }).toArray(),
    error => {
      assert.ok(error instanceof WorkerCrashError)
      assert.deepEqual(error.indices, [0, 1, 2])
      return true
    },
  )
})

test('a chunk that only waited at the worker that died is not to blame', async t => {
  const ctx = contextFor(t, quiet)
  const target = (x: number) => (x % 5 === 4 ? process.kill(process.pid, 'SIGKILL') : x)
  const settled = await ctx.processMap(target, range(20), { chunkSize: 1, count: 1, settle: true }).toArray()
  assert.deepEqual(
    settled.map(({ status }) => status === 'rejected'),
    range(20).map(x => x % 5 === 4),
  )
})

test('a worker out of memory is replaced', async t => {
  const ctx = contextFor(t, { ...quiet, memoryLimit: 40 })
  const target = (x: number) => {
    const kept: number[][] = []
    while (x === 1) kept.push(new Array(100_000).fill(Math.random()))
    return x
  }
  const settled = await ctx.processMap(target, range(3), { chunkSize: 1, count: 1, settle: true }).toArray()
  assert.deepEqual(settled.map(({ status }) => status[0]).join(''), 'frf')
})

test('other maps do not notice a worker that dies', async t => {
  const ctx = contextFor(t, quiet)
  const other = ctx.processMap((x: number) => x + 1, range(2000), { chunkSize: 1, count: 2 }).toArray()
  const kill = () => process.kill(process.pid, 'SIGKILL')
  await assert.rejects(ctx.processMap(kill, [1, 2], { count: 2 }).toArray(), WorkerCrashError)
  assert.deepEqual(
    await other,
    range(2000).map(x => x + 1),
  )
})

test('an item that takes longer than the timeout is a TimeoutError, counted from its start', async t => {
  const ctx = contextFor(t, quiet)
  await ctx.processMap((x: number) => x, [1], { count: 1 }).toArray()
  const spin = (ms: number) => {
    const end = performance.now() + ms
    while (performance.now() < end);
    return ms
  }
  // Together they take longer than each may.
  const times = [150, 150, 150, 150]
  assert.deepEqual(await ctx.processMap(spin, times, { count: 1, timeout: 500 }).toArray(), times)
  const results = ctx.processMap(spin, [0, 60_000, 1], { count: 1, timeout: 300 })
  assert.equal((await results.next()).value, 0)
  await assert.rejects(results.next(), error => {
    assert.ok(error instanceof TimeoutError)
    assert.match(error.message, /item 1 took more than 300 ms/)
    assert.equal((error as unknown as { index: number }).index, 1)
    return true
  })
  const settled = await ctx
    .processMap(spin, [0, 60_000, 1], { count: 1, timeout: 300, settle: true })
    .toArray()
  assert.deepEqual(settled.map(({ status }) => status[0]).join(''), 'frf')
})

test('a program that is busy itself takes no item to be late that was finished in time', async t => {
  const ctx = contextFor(t)
  await ctx.processMap((x: number) => x, [1], { count: 1 }).toArray()
  const target = (ms: number) => new Promise(resolve => setTimeout(resolve, ms, ms))
  let busy = false
  const results = ctx.processMap(target, [10, 100, 10], {
    count: 1,
    timeout: 400,
    onProgress: () => {
      if (busy) return
      busy = true
      setTimeout(() => {
        const end = performance.now() + 800
        while (performance.now() < end);
      }, 20)
    },
  })
  assert.deepEqual(await results.toArray(), [10, 100, 10])
})

test('workers that end during startup are an error, not a hang', async t => {
  const ctx = contextFor(t, { ...quiet, execArgv: ['--no-such-flag'] })
  await assert.rejects(ctx.processMap((x: number) => x, [1], { count: 2 }).toArray(), error => {
    assert.ok(error instanceof ZprocError)
    assert.match(error.message, /3 workers in a row ended during startup: .*exit code 9/)
    return true
  })
})

test('a worker that is killed while it boots is replaced', async t => {
  const ctx = contextFor(t, { ...quiet, spares: 0 })
  const results = ctx.processMap((x: number) => x, [1, 2, 3], { count: 1 })
  const [worker] = ctx.workerList
  process.kill(worker?.pid as number, 'SIGKILL')
  assert.deepEqual(await results.toArray(), [1, 2, 3])
  assert.notEqual(ctx.workerList[0], worker)
})

test('a worker that is stopped from outside is replaced', async t => {
  const ctx = contextFor(t)
  const pid = () => process.pid
  const [first] = await ctx.processMap(pid, [1], { count: 1 }).toArray()
  await ctx.workerList[0]?.stop()
  const [second] = await ctx.processMap(pid, [1], { count: 1 }).toArray()
  assert.notEqual(first, second)
})

test('closing the Context in the middle of a map is an error where it is awaited', async () => {
  const ctx = new Context()
  const results = ctx.processMap(() => new Promise(() => {}), range(10), { count: 2 })
  const awaited = results.toArray()
  const rejected = assert.rejects(awaited, /its Context was closed before the map was at its end/)
  await ctx.close()
  await rejected
  const task = new Context()
  const pending = task.processMap(() => 1, [1], { returnTask: true })
  await task.close()
  await assert.rejects(task.pullResultsForTask(pending).toArray(), /its Context was closed/)
})

test('workers that are ended on purpose print no report', async t => {
  const { code, stdout, stderr } = await program(
    t,
    `import { Context } from 'zproc'
    const ctx = new Context()
    const spin = () => { for (;;); }
    const [late] = await ctx.processMap(spin, [1], { timeout: 50, settle: true }).toArray()
    console.log(late.reason.name)
    const results = ctx.processMap(() => { process.stdout.write('spinning\\n'); for (;;); }, [1], { count: 1 })
    setTimeout(() => results.cancel(), 300)
    console.log(await results.next())
    console.log(await ctx.processMap(x => x, [1], { count: 1 }).toArray())
    await ctx.close()`,
  ).ended()
  assert.equal(stderr, '')
  assert.deepEqual([code, stdout.split('\n')[0]], [0, 'TimeoutError'])
  assert.match(stdout, /done: true/)
  assert.match(stdout, /\[ 1 \]/)
})
