import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { State } from '../../src/client/state.ts'
import { Context } from '../../src/context/context.ts'
import { contextFor, range } from './contexts.ts'

const power = (num: number, exp: number) => num ** exp
const thingy = (seed: number, { num, exp }: { num: bigint; exp: bigint }) => BigInt(seed) + num ** exp

test('a map works like map(), over arrays, strings, sets, generators, typed arrays and none at all', async t => {
  const ctx = contextFor(t)
  const square = (x: number) => x * x
  assert.deepEqual(await ctx.processMap(square, [1, 2, 3, 4]).toArray(), [1, 4, 9, 16])
  assert.deepEqual(await ctx.processMap(square, new Set([1, 2])).toArray(), [1, 4])
  assert.deepEqual(await ctx.processMap(square, new Uint8Array([1, 2])).toArray(), [1, 4])
  assert.deepEqual(await ctx.processMap((c: string) => c.toUpperCase(), 'añ👍').toArray(), ['A', 'Ñ', '👍'])
  assert.deepEqual(await ctx.processMap(([k, v]: [string, number]) => k + v, new Map([['a', 1]])).toArray(), [
    'a1',
  ])
  assert.deepEqual(await ctx.processMap(square, []).toArray(), [])
  function* nothing() {}
  assert.deepEqual(await ctx.processMap(square, nothing()).toArray(), [])
  async function* slowly() {
    for (const x of [1, 2, 3]) yield x
  }
  assert.deepEqual(await ctx.processMap(square, slowly()).toArray(), [1, 4, 9])
})

test('common, mapped positional and mapped keyword arguments are put together as documented', async t => {
  const ctx = contextFor(t)
  const cubes = await ctx.processMap(power, range(100), { args: [3], count: 10 }).toArray()
  assert.deepEqual(
    cubes,
    range(100).map(x => x ** 3),
  )
  assert.equal(ctx.workerList.length, 10)
  const powers = ctx.processMap(power, null, {
    mapArgs: [
      [2, 2],
      [3, 2],
      [6, 2],
      [2, 8],
    ],
  })
  assert.deepEqual(await powers.toArray(), [4, 9, 36, 256])
  const mapKwargs = [
    [10, 3],
    [5, 5],
    [5, 2],
    [9, 3],
    [5, 3],
    [4, 8],
    [1, 4],
  ].map(([num, exp]) => ({ num: BigInt(num as number), exp: BigInt(exp as number) }))
  assert.deepEqual(await ctx.processMap(thingy, null, { args: [7], mapKwargs, count: 5 }).toArray(), [
    1007n,
    3132n,
    32n,
    736n,
    132n,
    65543n,
    8n,
  ])
  const all = (...given: unknown[]) => given
  const mixed = ctx.processMap(all, ['a', 'b'], {
    mapArgs: [[1], [2, 3]],
    args: ['x'],
    mapKwargs: [{ k: 1, own: 1 }, { k: 2 }],
    kwargs: { k: 0, shared: true },
  })
  assert.deepEqual(await mixed.toArray(), [
    ['a', 1, 'x', { k: 0, own: 1, shared: true }],
    ['b', 2, 3, 'x', { k: 0, shared: true }],
  ])
})

test('the shortest iterable ends the map, and the longer ones are closed', async t => {
  const ctx = contextFor(t)
  let closed = 0
  function* endless() {
    try {
      for (let i = 0; ; i++) yield [i]
    } finally {
      closed++
    }
  }
  const sums = ctx.processMap((a: number, b: number) => a + b, [10, 20, 30], { mapArgs: endless() })
  assert.deepEqual(await sums.toArray(), [10, 21, 32])
  assert.equal(closed, 1)
  const results = ctx.processMap((...given: unknown[]) => given, [1, 2, 3], { mapKwargs: [{ a: 1 }] })
  assert.deepEqual(await results.toArray(), [[1, { a: 1 }]])
})

test('a stateful target gets the State first', async t => {
  const ctx = contextFor(t)
  await ctx.state.set('base', 100)
  const add = async (state: State, x: number, y: number) => (await state.get('base')) + x + y
  assert.deepEqual(await ctx.processMap(add, [1, 2], { stateful: true, args: [10] }).toArray(), [111, 112])
})

test('what a Context says of its processes is not said of its workers', async t => {
  const ctx = contextFor(t, { stateful: false, start: false, kwargs: { a: 1 }, args: [5], retryFor: [Error] })
  assert.deepEqual(await ctx.processMap((...given: unknown[]) => given, [1]).toArray(), [[1]])
})

test('closures, async targets and modules are mapped', async t => {
  const ctx = contextFor(t)
  const factor = 3
  assert.deepEqual(await ctx.processMap((x: number) => x * factor, [1, 2]).toArray(), [3, 6])
  const later = async (x: number) => {
    await new Promise(resolve => setImmediate(resolve))
    return -x
  }
  assert.deepEqual(await ctx.processMap(later, [1, 2]).toArray(), [-1, -2])
  const source = 'export default x => x + "!"'
  const module = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
  assert.deepEqual(await ctx.processMap(module, ['a']).toArray(), ['a!'])
})

test('results come in the order of the items, however long each takes', async t => {
  const ctx = contextFor(t)
  const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms, ms))
  const times = [60, 1, 30, 0, 20, 2, 0, 10]
  const seen: unknown[] = []
  for await (const ms of ctx.processMap(wait, times, { count: 3 })) seen.push(ms)
  assert.deepEqual(seen, times)
})

test('next() calls that are made at once take their turns', async t => {
  const ctx = contextFor(t)
  const results = ctx.processMap((x: number) => x, [1, 2])
  const steps = await Promise.all([results.next(), results.next(), results.next(), results.next()])
  assert.deepEqual(
    steps.map(({ value }) => value),
    [1, 2, undefined, undefined],
  )
})

test('a map computes in the background from its call on', async t => {
  const ctx = contextFor(t)
  await ctx.processMap((x: number) => x, [1]).toArray()
  let report = (_: unknown) => {}
  const finished = new Promise(resolve => {
    report = resolve
  })
  // A map that nobody awaits keeps no program alive.
  const alive = setInterval(() => {}, 1000)
  const results = ctx.processMap((x: number) => x * x, range(3), {
    onProgress: ({ done }) => done === 3 && report(done),
  })
  await finished
  clearInterval(alive)
  assert.deepEqual(await results.toArray(), [0, 1, 4])
})

test('a million tiny items come back whole', async t => {
  const ctx = contextFor(t)
  const results = await ctx.processMap((x: number) => x * 2, range(1_000_000), { count: 2 }).toArray()
  assert.equal(results.length, 1_000_000)
  assert.ok(results.every((x, i) => x === 2 * i))
})

test('items that turn out long are shared out, although those before them were quick', async t => {
  const ctx = contextFor(t)
  const items = [...new Array(5000).fill(0), ...new Array(20).fill(40)]
  const spin = (ms: number) => {
    const end = performance.now() + ms
    while (performance.now() < end);
    return process.pid
  }
  const pids = (await ctx.processMap(spin, items, { count: 2 }).toArray()).slice(-20)
  const counts = [...new Set(pids)].map(pid => pids.filter(other => other === pid).length)
  assert.equal(counts.length, 2)
  assert.ok(Math.min(...counts) >= 6, String(counts))
})

test('a list that grows while it is read is mapped to its end, whenever the results are taken', async t => {
  const ctx = contextFor(t)
  const items = [0, 1]
  const results = ctx.processMap((x: number) => x * 2, items, { count: 1, chunkSize: 1 })
  items.push(2, 3, 4, 5)
  for (const expected of [0, 2, 4, 6, 8]) assert.equal((await results.next()).value, expected)
  assert.deepEqual(await results.toArray(), [10])
})

test('a given chunk size is kept', async t => {
  const ctx = contextFor(t)
  const pids = await ctx.processMap(() => process.pid, range(20), { chunkSize: 10, count: 2 }).toArray()
  assert.equal(new Set(pids.slice(0, 10)).size, 1)
  assert.equal(new Set(pids.slice(10)).size, 1)
})

// Results of 64 KiB, of which 16 MiB may wait: 256 of them, the one that is consumed, and what workers hold.
const large = (x: number) => [x, 'x'.repeat(64 << 10)] as const
const MOST_AHEAD = 256 + 1 + 2 * 2 * 5

test('an endless generator is read only as far as 16 MiB of results wait', async t => {
  const ctx = contextFor(t)
  let read = 0
  let closed = false
  function* numbers() {
    try {
      for (;;) yield read++
    } finally {
      closed = true
    }
  }
  const seen: number[] = []
  for await (const [x] of ctx.processMap(large, numbers(), { count: 2, chunkSize: 5 })) {
    seen.push(x)
    await sleep(1)
    assert.ok(read <= x + MOST_AHEAD, `${read} read at ${x}`)
    if (seen.length === 100) break
  }
  assert.deepEqual(seen, range(100))
  assert.ok(closed)
})

test('an endless async generator is read only as far as a slow consumer keeps up', async t => {
  const ctx = contextFor(t)
  let read = 0
  let closed = (_?: unknown) => {}
  const end = new Promise(resolve => {
    closed = resolve
  })
  async function* numbers() {
    try {
      for (;;) yield read++
    } finally {
      closed()
    }
  }
  let at = 0
  for await (const [x] of ctx.processMap(large, numbers(), { count: 1, chunkSize: 3 })) {
    assert.equal(x, at++)
    await sleep(1)
    assert.ok(read <= x + MOST_AHEAD, `${read} read at ${x}`)
    if (at === 50) break
  }
  await end
})

test('what a slow async iterable has given is mapped without waiting for more', async t => {
  const ctx = contextFor(t)
  await ctx.processMap((x: number) => x, range(50_000), { count: 1 }).toArray()
  let release = () => {}
  async function* numbers() {
    for (let i = 0; i < 100; i++) yield i
    await new Promise<void>(resolve => {
      release = resolve
    })
    yield 100
  }
  const results = ctx.processMap((x: number) => x, numbers(), { count: 1, chunkSize: 1000 })
  for (let i = 0; i < 100; i++) assert.equal((await results.next()).value, i)
  release()
  assert.equal((await results.next()).value, 100)
  assert.equal((await results.next()).done, true)
})

test('a task is pulled later, once, by a detail that went through JSON', async t => {
  const ctx = contextFor(t)
  const task = ctx.processMap((x: number) => x * x, [1, 2, 3], { returnTask: true })
  const detail = JSON.parse(JSON.stringify(task))
  assert.deepEqual(detail, task)
  assert.deepEqual(await ctx.pullResultsForTask(detail).toArray(), [1, 4, 9])
  assert.throws(() => ctx.pullResultsForTask(detail), /were pulled before/)
  assert.throws(() => ctx.pullResultsForTask({ ...detail, id: 'x' }), /no task of this Context/)
  assert.throws(() => ctx.pullResultsForTask(undefined as never), TypeError)
})

test('a task that failed says so when it is pulled', async t => {
  const ctx = contextFor(t)
  const fail = () => {
    throw new RangeError('too hot')
  }
  const task = ctx.processMap(fail, [1], { returnTask: true })
  await assert.rejects(ctx.pullResultsForTask(task).toArray(), { name: 'RangeError', index: 0 })
})

test('wrong arguments are errors at the call that show the value', async t => {
  const ctx = contextFor(t)
  const f = (x: unknown) => x
  const wrong: [() => unknown, RegExp][] = [
    [() => ctx.processMap(f as never), /nothing to map over/],
    [() => ctx.processMap(f, 5 as never), /mapIter must be an iterable, got 5/],
    [() => ctx.processMap(f, [1], { mapArgs: 7 as never }), /mapArgs must be an iterable, got 7/],
    [() => ctx.processMap(f, [1], { args: 'a' as never }), /args must be an array/],
    [() => ctx.processMap(f, [1], { kwargs: 1 as never }), /kwargs must be an object, got 1/],
    [() => ctx.processMap(f, [1], { count: 0 }), /count must be a whole number, 1 or more, got 0/],
    [() => ctx.processMap(f, [1], { chunkSize: 1.5 }), /chunkSize .* got 1.5/],
    [() => ctx.processMap(f, [1], { maxRetries: -1 }), /maxRetries .* got -1/],
    [() => ctx.processMap(f, [1], { timeout: -1 }), /timeout .* got -1/],
    [() => ctx.processMap(f, [1], { settle: 1 as never }), /settle must be true or false, got 1/],
    [() => ctx.processMap(f, [1], { signal: {} as never }), /signal must be an AbortSignal/],
    [() => ctx.processMap(f, [1], { onProgress: 1 as never }), /onProgress must be a function, got 1/],
    [() => ctx.processMap(f, [1], { args: [() => 1] }), /args\[0\] is a function/],
    [() => ctx.processMap(5 as never, [1]), /ctx\.processMap/],
    [() => ctx.processMap(f, [1], null as never), /options must be an object, got null/],
  ]
  for (const [call, message] of wrong)
    assert.throws(call, error => {
      assert.ok(error instanceof TypeError || error instanceof RangeError, String(error))
      assert.match(error.message, message)
      return true
    })
  assert.deepEqual(ctx.workerList, [])
})

test('a closed Context maps no more', async () => {
  const ctx = new Context()
  await ctx.close()
  assert.throws(() => ctx.processMap((x: number) => x, [1]), /closed/)
})
