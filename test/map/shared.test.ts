import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Context, itemSignal, State, startServer, TimeoutError, WorkerCrashError } from '../../src/index.ts'
import { poolNamespace } from '../../src/store/mail.ts'
import { noRedis, startRedis } from '../kit/redis.ts'
import { range } from './contexts.ts'
import counted from './far.ts'
import { joinedWorker } from './hosts.ts'

interface Home {
  address: string
  secretKey?: string
  /** Arguments of `zproc worker` besides the address. */
  args: string[]
}

const secretKey = 'much secret'

function keyFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'zproc-key-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'key')
  writeFileSync(file, `${secretKey}\n`)
  return file
}

test('a server over tcp, with a key', async t => {
  const server = await startServer('tcp://127.0.0.1:0', { secretKey })
  t.after(() => server.stop())
  const { address } = server
  const args = ['--key-file', keyFile(t)]
  await t.test('its pool', t => contract(t, { address, secretKey, args }))

  await t.test('nothing is left of a pool when all have left', async t => {
    const namespace = randomUUID()
    const ctx = new Context(address, { secretKey, namespace })
    const workers = await joinedWorker(t, address, ...args, '--namespace', namespace)
    assert.deepEqual(await ctx.processMap((x: number) => -x, [1, 2], { pool: 'shared' }).toArray(), [-1, -2])
    await ctx.close()
    workers.child.kill('SIGINT')
    assert.equal((await workers.ended()).code, 0)
    const hall = new State(address, { secretKey, namespace: poolNamespace(namespace) })
    t.after(() => hall.close())
    assert.deepEqual(await hall.copy(), {})
  })
})

test('redis', { skip: noRedis }, async t => {
  const home = await startRedis()
  t.after(() => home.stop())
  await t.test('its pool', t => contract(t, { address: home.address, args: [] }))

  await t.test('what is left of a pool when all have left goes by itself', async () => {
    const [server] = home.servers
    const keys = (await server?.command('KEYS', '*pool*')) as string[]
    assert.ok(keys.length > 0)
    for (const key of keys) assert.ok(Number(await server?.command('PTTL', key)) > 0, key)
  })
})

test("workers join a Context's own server, and stay when maps are over", async t => {
  const ctx = new Context()
  t.after(() => ctx.close())
  await ctx.ready
  const workers = await joinedWorker(t, ctx.serverAddress, '--count', '1')
  const first = await ctx.processMap(() => process.ppid, [1], { pool: 'shared' }).toArray()
  const second = await ctx.processMap(() => process.ppid, [1], { pool: 'shared' }).toArray()
  assert.deepEqual([first, second], [[workers.pid], [workers.pid]])
  assert.deepEqual(ctx.workerList, [])
})

async function contract(t: TestContext, { address, secretKey, args }: Home): Promise<void> {
  const key = secretKey === undefined ? {} : { secretKey }
  const context = (t: TestContext, namespace = 'default') => {
    const ctx = new Context(address, { ...key, namespace })
    t.after(() => ctx.close())
    return ctx
  }
  const shared = { pool: 'shared' } as const
  const ctx = context(t)
  const early = ctx.processMap((x: number) => x + 1, range(3), shared).toArray()
  const [one, two] = await Promise.all([
    joinedWorker(t, address, '--count', '1', ...args),
    joinedWorker(t, address, '--count', '2', ...args),
  ])

  await t.test('a map waits for workers, and begins when some join', async () => {
    assert.match(one.joined, /1 worker has joined the pool 'default'/)
    assert.match(two.joined, /2 workers have joined the pool 'default'/)
    assert.deepEqual(await early, [1, 2, 3])
  })

  await t.test('results are in order, and all workers that have joined take part', async t => {
    const state = new State<{ left: number }>(address, key)
    t.after(() => state.close())
    const met = new Set<number>()
    const results: number[] = []
    // Nobody goes on before each of the three is at one.
    const meet = async (state: State<Record<string, unknown>>, x: number) => {
      await state.set(`worker ${process.pid}`, process.ppid)
      await state.getWhen(all => Object.keys(all).filter(name => name.startsWith('worker ')).length >= 3)
      return [x, process.ppid] as const
    }
    for await (const [x, ppid] of ctx.processMap(meet, range(30), {
      ...shared,
      stateful: true,
      chunkSize: 1,
    })) {
      results.push(x)
      met.add(ppid)
    }
    assert.deepEqual(results, range(30))
    assert.deepEqual(met, new Set([one.pid, two.pid]))
    await state.clear()
  })

  await t.test('many small items, more than one message holds, and an endless input', async () => {
    const numbers = range(100_000)
    const squares = await ctx.processMap((x: number) => x * x, numbers, shared).toArray()
    assert.ok(squares.every((square, x) => square === x * x))
    function* endless() {
      for (let i = 0; ; i++) yield i
    }
    let last = -1
    for await (const x of ctx.processMap((x: number) => x, endless(), shared)) {
      assert.equal(x, last + 1)
      last = x
      if (x === 5000) break
    }
    const large = range(20).map(i => `${i}`.padStart(300_000))
    const lengths = ctx.processMap((text: string) => [text.length, text], large, shared)
    assert.deepEqual(
      await lengths.toArray(),
      large.map(text => [text.length, text]),
    )
  })

  await t.test('an endless input is read only so far ahead, and progress is told', async () => {
    let read = 0
    function* numbers() {
      for (;;) yield read++
    }
    const large = (x: number) => [x, 'x'.repeat(64 << 10)] as const
    for await (const [x] of ctx.processMap(large, numbers(), { ...shared, chunkSize: 5 })) {
      // 16 MiB of results wait at most; three workers hold two chunks each.
      assert.ok(read <= x + 256 + 1 + 3 * 2 * 5, `${read} read at ${x}`)
      if (x === 300) break
    }
    const told: { done: number; total: number | undefined }[] = []
    const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
    const onProgress = (progress: (typeof told)[0]) => void told.push(progress)
    await ctx.processMap(wait, new Array(100).fill(10), { ...shared, onProgress }).toArray()
    assert.deepEqual(told.at(-1), { done: 100, total: 100 })
    assert.ok(told.length > 2, `${told.length}`)
    told.forEach(({ done }, i) => {
      assert.ok(done >= (told[i - 1]?.done ?? 0))
    })
  })

  await t.test('closures go by value, what modules export by reference', async () => {
    const factor = 3
    const closure = (x: number) => x * factor
    assert.deepEqual(await ctx.processMap(closure, range(3), shared).toArray(), [0, 3, 6])
    const counts = () => ctx.processMap(counted, range(10), { ...shared, count: 1 }).toArray()
    const results = await counts()
    assert.deepEqual(
      results.map(([result]) => result),
      range(10).map(x => 2 * x),
    )
    // The module is there once in each worker, so its variable goes on from map to map.
    const calls = [...results, ...(await counts()), ...(await counts()), ...(await counts())].map(
      ([, call]) => call,
    )
    assert.ok(Math.max(...calls) > 10, `${calls}`)
  })

  await t.test(
    'where a module is another or missing, its functions go by value, and its URL is an error',
    async t => {
      const directory = mkdtempSync(join(tmpdir(), 'zproc-far-'))
      t.after(() => rmSync(directory, { recursive: true }))
      const changed = pathToFileURL(join(directory, 'changed.mjs'))
      const missing = pathToFileURL(join(directory, 'missing.mjs'))
      for (const url of [changed, missing])
        writeFileSync(url, 'const by = 2\nexport const times = x => x * by\nexport default times\n')
      const namespace = randomUUID()
      const far = context(t, namespace)
      // They are on their way before there are workers; meanwhile the files become others.
      const maps = [changed, missing].map(url => far.processMap<number>(url, [1], shared).toArray())
      const functions = await Promise.all([changed, missing].map(url => import(url.href)))
      const copies = functions.map(({ times }) => far.processMap(times, range(3), shared).toArray())
      writeFileSync(changed, 'export const times = () => -1\nexport default times\n')
      rmSync(missing)
      const found = Promise.allSettled(maps)
      await joinedWorker(t, address, '--count', '1', '--namespace', namespace, ...args)
      assert.deepEqual(await Promise.all(copies), [
        [0, 2, 4],
        [0, 2, 4],
      ])
      const [first, second] = (await found).map(one => (one.status === 'rejected' ? String(one.reason) : one))
      assert.match(String(first), /changed\.mjs is not the same on both sides/)
      assert.match(String(second), /missing\.mjs is not there on this side/)
    },
  )

  await t.test('an error is thrown at its item; with settle each has its outcome', async () => {
    const root = (x: number) => {
      if (x === 7) throw new RangeError('seven')
      return x
    }
    const seen: number[] = []
    await assert.rejects(
      async () => {
        for await (const x of ctx.processMap(root, range(100), shared)) seen.push(x)
      },
      { name: 'RangeError', message: 'seven', index: 7 },
    )
    assert.deepEqual(seen, range(7))
    const outcomes = await ctx.processMap(root, range(10), { ...shared, settle: true }).toArray()
    assert.deepEqual(
      outcomes.map(({ status }) => status === 'fulfilled'),
      range(10).map(x => x !== 7),
    )
  })

  await t.test('a cancelled map is told, one that computes on loses its worker; others go on', async t => {
    const other = context(t)
    const told = async (state: State<Record<string, unknown>>) => {
      const signal = itemSignal()
      // Watchers of the key may cancel before its writer has the answer.
      const aborted = new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
      await state.set('begun', true)
      await aborted
      await state.set('told', true)
    }
    const waiting = ctx.processMap(told, range(1), { ...shared, stateful: true })
    await ctx.state.getWhenAvailable('begun')
    waiting.cancel()
    await ctx.state.getWhenAvailable('told')
    const spin = () => {
      for (;;);
    }
    const stuck = ctx.processMap(spin, range(3), { ...shared, timeout: 300 }).toArray()
    const fine = other.processMap((x: number) => x, range(20), shared).toArray()
    await assert.rejects(stuck, TimeoutError)
    assert.deepEqual(await fine, range(20))
    const controller = new AbortController()
    const endless = ctx.processMap(spin, range(3), { ...shared, signal: controller.signal }).toArray()
    controller.abort(new Error('enough'))
    await assert.rejects(endless, /enough/)
    assert.deepEqual(await other.processMap((x: number) => x, range(5), shared).toArray(), range(5))
    await ctx.state.clear()
  })

  await t.test('a worker that dies is replaced, and what it was at is given to another', async () => {
    const die = (x: number) => (x === 3 ? process.exit(1) : x)
    await assert.rejects(ctx.processMap(die, range(6), shared).toArray(), (error: WorkerCrashError) => {
      assert.ok(error instanceof WorkerCrashError)
      assert.deepEqual(error.indices, [3])
      return true
    })
    const once = async (state: State<Record<string, unknown>>, x: number) => {
      if (x === 3 && (await state.setDefault('died', process.pid)) === process.pid) process.exit(1)
      return x
    }
    const all = await ctx.processMap(once, range(6), { ...shared, stateful: true }).toArray()
    assert.deepEqual(all, range(6))
    await ctx.state.clear()
  })

  await t.test(
    'who has maps and leaves takes nothing with it: its items end, the workers go on',
    async () => {
      const leaving = new Context(address, key)
      const spin = async (state: State<Record<string, unknown>>, x: number) => {
        await state.set(`spins ${x}`, true)
        for (;;);
      }
      const lost = leaving.processMap(spin, range(3), { ...shared, stateful: true, chunkSize: 1 }).toArray()
      lost.catch(() => {})
      const spinning = Promise.all(range(3).map(x => ctx.state.getWhenAvailable(`spins ${x}`)))
      // A map that fails before says why.
      await Promise.race([spinning, lost])
      await leaving.close()
      await assert.rejects(lost, /Context was closed/)
      assert.deepEqual(await ctx.processMap((x: number) => x, range(5), shared).toArray(), range(5))
      await ctx.state.clear()
    },
  )

  await t.test('workers of another version of zproc are a clear error', async t => {
    const namespace = randomUUID()
    const hall = new State(address, { ...key, namespace: poolNamespace(namespace) })
    t.after(() => hall.close())
    const card = { format: 0, role: 'workers', workers: [1], host: 'old', pid: 1, beat: 0 }
    await hall.set('somebody', card)
    const map = context(t, namespace).processMap((x: number) => x, [1], shared)
    await assert.rejects(map.toArray(), /process 1 on old are of another version of zproc/)
  })

  await t.test('what a machine that vanished was at is given to another within 10 seconds', async () => {
    const hold = async (state: State<Record<string, unknown>>, x: number) => {
      if (x === 2 && (await state.setDefault('at', process.ppid)) === process.ppid)
        await new Promise(resolve => setTimeout(resolve, 60_000))
      return [x, process.ppid] as const
    }
    const map = ctx.processMap(hold, range(8), { ...shared, stateful: true }).toArray()
    const { at } = await ctx.state.getWhenAvailable('at')
    const victim = at === one.pid ? one : two
    const began = performance.now()
    victim.child.kill('SIGKILL')
    const results = await map
    const took = performance.now() - began
    assert.ok(took < 10_000, `it took ${took} ms`)
    assert.deepEqual(
      results.map(([x]) => x),
      range(8),
    )
    assert.equal(results[2]?.[1], victim === one ? two.pid : one.pid)
  })
}
