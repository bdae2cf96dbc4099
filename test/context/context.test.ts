import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import {
  ConnectionError,
  Context,
  type ContextOptions,
  currentProcess,
  Process,
  ProcessWaitError,
  State,
  startServer,
  TimeoutError,
} from 'zproc'
import { impostor } from '../kit/raw.ts'

interface Shop {
  cookies: number
  log?: string[]
}

function context<S extends object = Shop>(t: TestContext, options: ContextOptions = {}): Context<S> {
  const ctx = new Context<S>({ serverBackend: 'inline', spares: 0, ...options })
  t.after(() => ctx.close())
  return ctx
}

test('a Context can be used at once: its server is being started', async t => {
  for (const serverBackend of ['process', 'thread', 'inline'] as const) {
    const ctx = context(t, { serverBackend })
    assert.match(ctx.serverAddress, /^ipc:\/\//)
    // To signal a server that is not there yet is an error: pid 0 would mean this process and all that it has started.
    assert.throws(() => process.kill(ctx.serverProcess?.pid as number), { code: 'ERR_INVALID_ARG_TYPE' })
    await ctx.state.set('cookies', 5)
    assert.equal(await ctx.state.get('cookies'), 5)
    await ctx.ready
    assert.equal(ctx.serverProcess?.pid, await ctx.ping())
    assert.equal(ctx.serverProcess?.pid === process.pid, serverBackend !== 'process')
  }
})

test('a Context joins the server whose address it is given', async t => {
  const own = context(t, { namespace: 'shop' })
  const joined = new Context<Shop>(own.serverAddress, { namespace: 'shop' })
  t.after(() => joined.close())
  assert.equal(joined.serverProcess, null)
  assert.equal(joined.namespace, 'shop')
  await own.state.set('cookies', 3)
  assert.equal(await joined.state.get('cookies'), 3)
  await joined.close()
  assert.equal(await own.state.get('cookies'), 3)
})

test('an address is never started implicitly', async t => {
  const ctx = new Context('ipc:///tmp/zproc-nobody-listens-here.sock')
  t.after(() => ctx.close())
  await assert.rejects(ctx.ready, ConnectionError)
  await assert.rejects(ctx.state.get('x'), ConnectionError)
})

test('connectTimeout holds for its processes, and for theirs, unless they have one of their own', async t => {
  const silent = await impostor(t, () => {})
  const ctx = new Context(silent, { connectTimeout: 211, spares: 0 })
  t.after(() => ctx.close())
  const seen = async (state: State) => (await state.get('x').catch(error => error.message)) as string
  const within = (ms: number) => new RegExp(`did not greet within ${ms} ms`)
  assert.match(await ctx.process(seen).wait(), within(211))
  assert.match(await ctx.process(seen, { connectTimeout: 212, backend: 'thread' }).wait(), within(212))
  const nested = ctx.process((inner: Context) => inner.process(seen).wait(), { passContext: true })
  assert.match(await nested.wait(), within(211))
  const alone = new Process(seen, silent, { connectTimeout: 213 })
  assert.match(await alone.wait(), within(213))
  assert.throws(() => ctx.process(seen, { connectTimeout: -1 }), {
    name: 'RangeError',
    message: /ctx\.process: connectTimeout.*-1/,
  })
})

test('closing stops the processes, the State and the server, and leaves no file', async t => {
  const ctx = context(t, { serverBackend: 'process' })
  const forever = ctx.process(() => new Promise(() => {}))
  await ctx.ready
  const path = ctx.serverAddress.replace('ipc://', '')
  assert.equal(existsSync(path), true)
  await ctx.close()
  assert.equal(forever.exitCode, -15)
  assert.equal(existsSync(path), false)
  assert.throws(() => ctx.process(() => {}), {
    name: 'ClosedError',
    message: 'ctx.process: this Context is closed',
  })
  await assert.rejects(ctx.state.get('cookies'))
})

test('a target may compute for longer than server and client wait for a greeting, before it uses what it was given', async t => {
  const ctx = new Context<{ from: string[] }>({ connectTimeout: 2000, server: { handshakeTimeout: 1000 } })
  t.after(() => ctx.close())
  await ctx.state.set('from', [])
  const compute = () => {
    const end = Date.now() + 2500
    while (Date.now() < end);
  }
  const withState = ctx.process(async state => {
    compute()
    return state.get('from')
  })
  const withContext = ctx.process(
    async own => {
      compute()
      return own.state.get('from')
    },
    { passContext: true },
  )
  assert.deepEqual(await withState.wait(), [])
  assert.deepEqual(await withContext.wait(), [])
})

test('closing a Context aborts the signals of its processes', async t => {
  const ctx = context<{ up?: boolean }>(t)
  const tidies = ctx.process(async state => {
    const { signal } = currentProcess()
    const asked = new Promise<string>(done => signal.addEventListener('abort', () => done('tidied up')))
    await state.set('up', true)
    return asked
  })
  await ctx.state.getWhenEqual('up', true)
  await ctx.close()
  assert.equal(await tidies.wait(), 'tidied up')
})

test('a Context joined to a server leaves it running when it is closed', async t => {
  const server = await startServer(null, { backend: 'inline' })
  t.after(() => server.stop())
  const ctx = new Context(server.address)
  await ctx.ready
  await ctx[Symbol.asyncDispose]()
  const state = new State(server.address)
  assert.equal(await state.size(), 0)
  await state.close()
})

test('processes are made by call, by decorator and by the factory', async t => {
  const ctx = context(t)
  await ctx.state.set('cookies', 1)
  const add = async (state: State<Shop>, n: number) => (await state.get('cookies')) + n
  const called = ctx.process(add, { args: [1] })
  const decorated = ctx.process({ args: [2] })(add)
  const made = ctx.processFactory([add, add], { count: 2, args: [3] })
  assert.deepEqual(ctx.processList, [called, decorated, ...made])
  assert.deepEqual(await ctx.waitAll(), [2, 3, 4, 4, 4, 4])
  assert.deepEqual(ctx.workerList, [])
})

test('options of the Context are defaults of its processes', async t => {
  const ctx = context(t, { stateful: false, args: [7], name: 'all' })
  // What a Context's own options do to the arguments is beyond the types.
  const told: (...args: never[]) => unknown = (n: number) => [n, currentProcess().name]
  assert.deepEqual(await ctx.process(told as never).wait(), [7, 'all'])
  assert.deepEqual(await ctx.process(told as never, { args: [8], name: 'one' } as object).wait(), [8, 'one'])
})

test('waitAll has one timeout for all, and can put errors in the place of results', async t => {
  const ctx = context(t, { stateful: false })
  ctx.process(() => 1)
  ctx.process(() => {
    throw new RangeError('two')
  })
  const results = await ctx.waitAll({ safe: true })
  assert.equal(results[0], 1)
  assert.ok(results[1] instanceof ProcessWaitError)
  await assert.rejects(ctx.waitAll(), ProcessWaitError)
  for (const _ of [1, 2]) ctx.process(() => new Promise(() => {}))
  const late = await ctx.waitAll({ safe: true, timeout: 20 })
  // It speaks of those that it is asked about: the first two have left the list, as their ends were told.
  assert.equal(late.length, 2)
  assert.ok(late.every(one => one instanceof TimeoutError))
})

test('startAll starts those that were not started, stopAll gives the exit codes', async t => {
  const ctx = context(t, { stateful: false, start: false })
  const quick = ctx.process(() => 1)
  ctx.process(() => new Promise(() => {}))
  assert.equal(quick.isAlive, false)
  ctx.startAll()
  ctx.startAll()
  assert.equal(await quick.wait(), 1)
  assert.deepEqual(await ctx.stopAll(), [0, -15])
})

test('a Context is passed on to any depth, joined to the same server', async t => {
  const ctx = context<{ depth?: number }>(t)
  async function deeper(inner: Context<{ depth?: number }>, depth: number): Promise<unknown[]> {
    const seen = [inner.serverAddress, inner.serverProcess, currentProcess().parent?.name]
    if (depth === 0) return seen
    await inner.state.set('depth', depth)
    return inner.process(deeper, { passContext: true, args: [depth - 1], name: `depth ${depth}` }).wait()
  }
  const seen = await ctx.process(deeper, { passContext: true, args: [2], name: 'top' }).wait()
  assert.deepEqual(seen, [ctx.serverAddress, null, 'depth 2'])
  assert.equal(await ctx.state.get('depth'), 1)
})

test('commits carry the name of the process that made them', async t => {
  const ctx = context(t)
  const update = ctx.state.getRawUpdate()
  ctx.process(state => state.set('cookies', 2), { name: 'ann' })
  const { by } = await update
  assert.equal(by.name, 'ann')
  assert.equal(by.pid, ctx.processList[0]?.pid)
})

test('events tell what happens to the processes, until the Context is closed', async t => {
  t.mock.method(process.stderr, 'write', () => true)
  const ctx = context(t, { stateful: false })
  const events = ctx.events()
  const flaky = ctx.process(
    () => {
      if (currentProcess().attempt === 1) throw new RangeError('once')
      return 'fine'
    },
    { name: 'flaky', retryFor: [RangeError], retryDelay: 1 },
  )
  const seen: unknown[] = []
  for await (const event of events) {
    // The connection has events, too.
    if (!('process' in event)) continue
    const { type, name, attempt } = event
    seen.push([type, name, attempt, event.type === 'started' ? '' : event.reason])
    assert.equal(event.process, flaky as Process)
    if (event.type === 'retrying') assert.equal((event.error as Error).message, 'once')
    if (type === 'exited') void ctx.close()
  }
  assert.deepEqual(seen, [
    ['started', 'flaky', 1, ''],
    ['retrying', 'flaky', 1, 'failed: RangeError: once'],
    ['started', 'flaky', 2, ''],
    ['exited', 'flaky', 2, 'returned'],
  ])
})

test('wrong options are named at the call', () => {
  const wrong = (make: () => unknown, name: string, message: string) => assert.throws(make, { name, message })
  wrong(
    () => new Context({ wait: 1 as never }),
    'TypeError',
    'new Context: wait must be true or false, got 1',
  )
  wrong(
    () => new Context({ spares: -1 }),
    'RangeError',
    'new Context: spares must be a whole number, 0 or more, got -1',
  )
  wrong(
    () => new Context(5 as never),
    'TypeError',
    "new Context: the server's address must be a string, got 5",
  )
  wrong(
    () => new Context({ serverBackend: 'fiber' as never }),
    'TypeError',
    "new Context: serverBackend must be 'process', 'thread' or 'inline', got 'fiber'",
  )
})
