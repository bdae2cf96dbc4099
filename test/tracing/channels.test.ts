// The channels of node:diagnostics_channel: what they publish, for what, where.
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { atomic, ConnectionError, Context, type ServerOptions, State, startServer } from 'zproc'
import { proxy as startProxy } from '../kit/proxy.ts'
import { Kept } from './kept.ts'

interface Shop {
  cookies: number
  secret?: string
}

const bake = atomic(function bake(state: Shop, n: number) {
  state.cookies += n
  return state.cookies
})
const burn = atomic(function burn(_: Shop) {
  throw new RangeError('too hot')
})
const slowly = atomic(async function slowly(state: Shop) {
  return ++state.cookies
})

async function shop(t: TestContext, options: ServerOptions = {}) {
  const server = await startServer(null, { backend: 'inline', ...options })
  const state = new State<Shop>(server.address, { namespace: 'shop' })
  t.after(async () => {
    await state.close()
    await server.stop()
  })
  await state.set('cookies', 1)
  return { server, state }
}

test('each call of a State is one command, with its keys and without its values', async t => {
  const { server, state } = await shop(t)
  const kept = new Kept(t, 'zproc:command')
  const secret = 'what nobody is to see'
  await state.set('secret', secret)
  await state.get('secret')
  await state.update({ cookies: 2, secret })
  await state.set({ cookies: 3, secret })
  await state.size()
  await state.getWhenEqual('cookies', 3)
  await state.getWhen(({ cookies }) => cookies === 3)
  await state.at(1)
  const view = await state.view()
  await view.close()
  await state.flushed().catch(() => {})
  assert.deepEqual(
    kept.messages.map(({ command, keys }) => [command, ...keys]),
    [
      ['set', 'secret'],
      ['get', 'secret'],
      ['update', 'cookies', 'secret'],
      ['set', 'cookies', 'secret'],
      ['size'],
      ['getWhenEqual', 'cookies'],
      ['getWhen'],
      ['at'],
      ['view'],
      ['flushed'],
    ],
  )
  for (const message of kept.messages) {
    assert.deepEqual([message.namespace, message.serverAddress], ['shop', server.address])
    const events = kept.eventsOf(message)
    const failed = message.command === 'flushed' ? ['error'] : []
    assert.deepEqual(events, ['start', 'end', ...failed, 'asyncStart', 'asyncEnd'])
    assert.equal('result' in message, failed.length === 0)
  }
  const text = JSON.stringify(kept.entries.map(({ copy }) => copy))
  assert.ok(!text.includes(secret), text)
})

test('atomic functions: the command at the caller, the run where it runs, the commit at the server', async t => {
  const { state } = await shop(t)
  const commands = new Kept(t, 'zproc:command')
  const atomics = new Kept(t, 'zproc:atomic')
  const commits = new Kept(t, 'zproc:commit')
  assert.equal(await bake(state, 5), 6)
  assert.equal(await slowly(state), 7)
  await assert.rejects(burn(state), RangeError)
  assert.deepEqual(
    commands.messages.map(({ command, function: name }) => [command, name]),
    [
      ['atomic', 'bake'],
      ['atomic', 'slowly'],
      ['atomic', 'burn'],
    ],
  )
  const [plain, slow, failed] = atomics.messages
  assert.deepEqual({ ...plain }, { function: 'bake', namespace: 'shop', trace: undefined, result: undefined })
  assert.deepEqual(atomics.eventsOf(plain), ['start', 'end'])
  assert.deepEqual(atomics.eventsOf(slow), ['start', 'end', 'asyncStart', 'asyncEnd'])
  assert.deepEqual(atomics.eventsOf(failed), ['start', 'error', 'end'])
  assert.match(String(failed?.error), /too hot/)
  assert.deepEqual(
    commits.messages.map(({ revision, method, keys, pid }) => [revision, method, keys, pid]),
    [
      [2, 'atomic', ['cookies'], process.pid],
      [3, 'atomic', ['cookies'], process.pid],
    ],
  )
})

test('every commit of a server is published: its namespace, revision, method, keys and author', async t => {
  const { state } = await shop(t)
  const kept = new Kept(t, 'zproc:commit')
  await state.set('secret', 'x', { ttl: 1 })
  await kept.first('end', ({ method }) => method === 'expire')
  await state.clear()
  assert.deepEqual(
    kept.messages.map(({ namespace, revision, method, keys }) => [namespace, revision, method, keys]),
    [
      ['shop', 2, 'set', ['secret']],
      ['shop', 3, 'expire', ['secret']],
      ['shop', 4, 'clear', [null]],
    ],
  )
  assert.deepEqual(kept.eventsOf(kept.messages[0]), ['start', 'end'])
})

test('a connection: made, made again, and given up', async t => {
  const server = await startServer('tcp://127.0.0.1:0', { backend: 'inline' })
  const proxy = await startProxy(t, server.address)
  const kept = new Kept(t, 'zproc:connect')
  const state = new State<Shop>(proxy.address)
  await state.set('cookies', 1)
  proxy.cut()
  await state.set('cookies', 2)
  await kept.first('asyncEnd', ({ again }) => again)
  assert.deepEqual(
    kept.messages.map(({ serverAddress, again, resumed }) => [serverAddress, again, resumed]),
    [
      [proxy.address, false, false],
      [proxy.address, true, true],
    ],
  )
  await state.close()
  await server.stop()
  const nobody = new State<Shop>(server.address)
  await assert.rejects(nobody.get('cookies'), { code: 'ZPROC_CONNECTION' })
  await nobody.close()
  const last = kept.messages.at(-1)
  assert.deepEqual(kept.eventsOf(last), ['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
  assert.ok(last?.error instanceof ConnectionError)
})

test('a process of a Context, from its start to its end over all attempts; to be stopped is no failure', async t => {
  const ctx = new Context<Shop>({ serverBackend: 'inline', spares: 0, namespace: 'shop' })
  t.after(() => ctx.close())
  const kept = new Kept(t, 'zproc:process')
  const twice = ctx.process(
    async state => {
      if ((await state.setDefault('cookies', 1)) === 1) {
        await state.set('cookies', 2)
        throw new RangeError('once more')
      }
    },
    { name: 'twice', retryFor: [RangeError], retryDelay: 0 },
  )
  const fails = ctx.process(
    () => {
      throw new TypeError('never')
    },
    { name: 'fails', stateful: false },
  )
  await twice.wait()
  await assert.rejects(fails.wait(), { code: 'ZPROC_PROCESS_WAIT' })
  const stopped = ctx.process(() => new Promise(() => {}), { name: 'stopped', stateful: false })
  await stopped.stop()
  const of = (name: string) => kept.first('asyncEnd', message => message.name === name)
  const { pid, attempt, exitCode, backend, namespace } = await of('twice')
  assert.deepEqual([pid, attempt, exitCode, backend, namespace], [twice.pid, 2, 0, 'process', 'shop'])
  assert.deepEqual(kept.eventsOf(await of('twice')), ['start', 'end', 'asyncStart', 'asyncEnd'])
  assert.deepEqual(kept.eventsOf(await of('fails')), ['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
  assert.equal(((await of('fails')).error as { code: string }).code, 'ZPROC_PROCESS_WAIT')
  assert.equal((await of('stopped')).error, undefined)
  assert.equal((await of('stopped')).exitCode, -15)
})

interface Line {
  channel: string
  event: string
  own: number
  error?: string
  message: Record<string, unknown>
}

test('targets and items are published where they run, atomic functions and commits in the server’s process', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'zproc-traced-'))
  const file = join(folder, 'lines')
  const print = pathToFileURL(resolve('test/tracing/fixtures/print.mjs')).href
  const env = { ...process.env, TRACED: file }
  const { NODE_OPTIONS } = process.env
  Object.assign(process.env, { TRACED: file, NODE_OPTIONS: `${NODE_OPTIONS ?? ''} --import=${print}` })
  const ctx = new Context<Shop>({ spares: 0, namespace: 'shop' })
  t.after(async () => {
    await ctx.close()
    rmSync(folder, { recursive: true })
  })
  try {
    await ctx.ready
    await ctx
      .process(async state => void (await state.set('cookies', 1)), {
        name: 'baker',
        env: { ...env, NODE_OPTIONS: process.env.NODE_OPTIONS },
      })
      .wait()
    await bake(ctx.state, 2)
    const settled = await ctx
      .processMap(
        async (n: number) => {
          if (n === 2) throw new RangeError('not two')
          return n
        },
        [1, 2],
        { settle: true, count: 1 },
      )
      .toArray()
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    )
    assert.equal(await ctx.run((n: number) => n + 1, 1), 2)
  } finally {
    process.env.NODE_OPTIONS = NODE_OPTIONS
    if (NODE_OPTIONS === undefined) delete process.env.NODE_OPTIONS
    delete process.env.TRACED
  }
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Line)
  const of = (channel: string, event: string) =>
    lines.filter(line => line.channel === channel && line.event === event)
  const server = ctx.serverProcess?.pid
  const [target] = of('target', 'start')
  assert.deepEqual(target?.message, {
    name: 'baker',
    attempt: 1,
    namespace: 'shop',
    parent: { name: 'main', pid: process.pid },
  })
  // Workers are no processes of the program's.
  assert.equal(of('target', 'start').length, 1)
  assert.equal(of('target', 'asyncEnd').length, 1)
  assert.deepEqual(
    of('commit', 'end').map(({ own, message }) => [own === server, message.method, message.name]),
    [
      [true, 'set', 'baker'],
      [true, 'atomic', 'main'],
    ],
  )
  assert.deepEqual(
    of('atomic', 'end').map(({ own, message }) => [own === server, message.function]),
    [[true, 'bake']],
  )
  assert.deepEqual(
    of('item', 'start').map(({ message }) => [message.unit, message.namespace]),
    [
      ['item', 'shop'],
      ['item', 'shop'],
      ['call', 'shop'],
    ],
  )
  assert.deepEqual(
    of('item', 'error').map(({ error }) => error),
    ['not two'],
  )
  assert.ok(of('item', 'start').every(({ own }) => own !== process.pid && own !== server))
})

test('a store that is bound to the start of a channel is there while the work runs', async t => {
  const { state } = await shop(t)
  const store = new AsyncLocalStorage<string>()
  const start = channel('tracing:zproc:command:start')
  start.bindStore(store, message => (message as { command: string }).command)
  t.after(() => start.unbindStore(store))
  const seen: (string | undefined)[] = []
  const see = () => void seen.push(store.getStore())
  subscribe('tracing:zproc:command:asyncEnd', see)
  t.after(() => unsubscribe('tracing:zproc:command:asyncEnd', see))
  await state.get('cookies')
  await slowly(state)
  assert.deepEqual(seen, ['get', 'atomic'])
  assert.equal(store.getStore(), undefined)
})

test('a subscriber of one event alone is enough', async t => {
  const { state } = await shop(t)
  let failures = 0
  const count = () => void failures++
  subscribe('tracing:zproc:command:error', count)
  t.after(() => unsubscribe('tracing:zproc:command:error', count))
  await assert.rejects(state.pop('secret'), { code: 'ZPROC_KEY' })
  assert.equal(failures, 1)
})
