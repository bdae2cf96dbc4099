// What Contexts tell of their processes, pools and maps when a server is asked what it is doing.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type AnyState, Context, type ContextOptions, describeServer, diagnose, State } from 'zproc'
import { useStore } from '../../src/client/use-store.ts'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, VERSION } from '../../src/protocol/messages.ts'
import { readReport } from '../../src/server/reports.ts'
import { described, named, stuckProgram } from '../kit/described.ts'
import { proxy } from '../kit/proxy.ts'
import { raw } from '../kit/raw.ts'
import { room } from '../kit/servers.ts'

const joined = (t: TestContext, address: string, options: ContextOptions = {}) => {
  const ctx = new Context(address, { spares: 0, ...options })
  t.after(() => ctx.close())
  return ctx
}

const waits = async (state: State<AnyState>) => {
  await state.getWhenAvailable('over')
}

async function everything<T>(results: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of results) all.push(one)
  return all
}

test('a process is described with its pid, attempt, memory and event loop, and its end', async t => {
  const { server } = await room(t)
  const ctx = joined(t, server().address)
  const from = Date.now()
  const secret = 'confidential'
  const process_ = ctx.process(waits, { name: 'waits', kwargs: { secret } })
  const one = await described(
    ctx.serverAddress,
    named('waits', ({ eventLoop }) => eventLoop !== null),
  )
  const { id, since, memory, eventLoop, ...rest } = one
  assert.deepEqual(rest, {
    session: rest.session,
    parent: process.pid,
    name: 'waits',
    target: 'waits',
    backend: 'process',
    pid: process_.pid,
    state: 'running',
    attempt: 1,
    recentRestarts: 0,
    end: null,
    silent: null,
  })
  assert.ok(id > 0 && since >= from - 1 && since <= Date.now())
  assert.ok(memory !== null && memory > 10e6 && eventLoop !== null && eventLoop.active > 0)
  const told = await describeServer(ctx.serverAddress)
  assert.equal(told.sessions.find(({ session }) => session === one.session)?.pid, process.pid)
  assert.doesNotMatch(JSON.stringify(told), /confidential/)
  await ctx.state.set('over', true)
  await process_.wait()
  const ended = await described(
    ctx.serverAddress,
    named('waits', ({ state }) => state === 'ended'),
  )
  assert.deepEqual(
    [ended.end?.reason, ended.end?.exitCode, ended.end?.error, ended.eventLoop],
    ['returned', 0, '', null],
  )
})

test('a thread is described by the times of its event loop as they are seen from outside', async t => {
  const { server } = await room(t)
  const ctx = joined(t, server().address)
  ctx.process(waits, { name: 'thread', backend: 'thread' })
  const one = await described(
    ctx.serverAddress,
    named('thread', ({ memory }) => memory !== null),
  )
  assert.deepEqual([one.backend, one.pid, one.silent], ['thread', process.pid, null])
  assert.ok(one.eventLoop && one.eventLoop.active > 0)
})

test('a process that a process has started is described by that one', async t => {
  const { server } = await room(t)
  const ctx = joined(t, server().address)
  const outer = ctx.process(
    async (own: Context) => {
      own.process(async (state: State) => void (await state.getWhenAvailable('over')), { name: 'inner' })
      await own.state.getWhenAvailable('over')
    },
    { name: 'outer', passContext: true },
  )
  const inner = await described(ctx.serverAddress, named('inner'))
  assert.equal(inner.parent, outer.pid)
  const told = await describeServer(ctx.serverAddress)
  assert.equal(told.sessions.find(({ session }) => session === inner.session)?.pid, outer.pid)
  await ctx.state.set('over', true)
})

test('how an attempt failed is said without what was thrown, and a crash loop in words', async t => {
  const { server } = await room(t)
  const ctx = joined(t, server().address)
  const crasher = ctx.process(
    () => {
      throw new RangeError('confidential')
    },
    { name: 'crasher', stateful: false, retryFor: [Error], retryDelay: 0, backend: 'thread' },
  )
  const told = await described(
    ctx.serverAddress,
    now => named('crasher', ({ recentRestarts }) => recentRestarts >= 5)(now) && now,
  )
  assert.doesNotMatch(JSON.stringify(told), /confidential/)
  const end = named('crasher', () => true)(told)?.end
  assert.deepEqual([end?.reason, end?.error], ['error', 'RangeError'])
  assert.match(
    diagnose(told).join('\n'),
    /^crasher restarted \d+ times in 10 s, the last time with RangeError$/m,
  )
  await crasher.stop()
})

test('a pool is described with what each worker has, and how far its maps are', async t => {
  const { server } = await room(t)
  const ctx = joined(t, server().address)
  const results = ctx.processMap(
    async function slow(state: State<AnyState>, n: number) {
      if (n >= 2) await state.getWhenAvailable('over')
      return n
    },
    [0, 1, 2, 3, 4, 5],
    { count: 2, stateful: true },
  )
  const all = everything(results)
  const pool = await described(ctx.serverAddress, ({ pools: [one] }) =>
    one && one.maps[0]?.done === 2 && one.workers.filter(({ has }) => has).length === 2 ? one : undefined,
  )
  assert.deepEqual([pool.kind, pool.parent, pool.moreWorkers, pool.moreMaps], ['own', process.pid, 0, 0])
  const [map] = pool.maps
  assert.deepEqual([map?.function, map?.unit, map?.total], ['slow', 'item', 6])
  const pids = pool.workers.map(({ pid }) => pid).sort()
  assert.deepEqual(pids, ctx.workerList.map(({ pid }) => pid).sort())
  const firsts = pool.workers.map(({ has }) => [has?.function, has?.unit, has?.first]).sort()
  assert.deepEqual(firsts, [
    ['slow', 'item', 2],
    ['slow', 'item', 3],
  ])
  await ctx.state.set('over', true)
  assert.deepEqual(await all, [0, 1, 2, 3, 4, 5])
  await described(ctx.serverAddress, ({ pools: [one] }) => (one?.maps.length === 0 ? one : undefined))
})

test('a worker whose event loop does not turn is found, with its item', async t => {
  const { server } = await room(t)
  const ctx = joined(t, server().address)
  const results = ctx.processMap(
    (n: number) => {
      if (n === 1) for (;;);
      return n
    },
    [0, 1],
    { count: 1, chunkSize: 1 },
  )
  const read = assert.rejects(
    (async () => {
      for await (const _ of results);
    })(),
  )
  const line = await described(ctx.serverAddress, told => diagnose(told)[0])
  const [worker] = ctx.workerList
  assert.match(
    line,
    new RegExp(
      `^worker 1 \\(pid ${worker?.pid}\\) has had item 1 for \\d+ s; its event loop has not turned for \\d+ s$`,
    ),
  )
  const [one] = (await describeServer(ctx.serverAddress)).pools[0]?.workers ?? []
  assert.ok(process.platform !== 'linux' || (one?.memory ?? 0) > 10e6, 'its memory is seen from outside')
  const began = performance.now()
  for (let i = 0; i < 20; i++) await describeServer(ctx.serverAddress)
  assert.ok(performance.now() - began < 20 * 100, 'each of twenty looks has waited for it')
  await ctx.close()
  await read
})

test('a program that does not answer is listed as silent, and holds nobody up for long', async t => {
  const { server } = await room(t)
  const { address } = server()
  const stuck = stuckProgram(t, address)
  await described(address, named('child'))
  const ctx = joined(t, address)
  await ctx.state.set('stick', true)
  assert.equal(await stuck.line(), 'stuck')
  const line = await described(address, told => diagnose(told)[0])
  assert.match(
    line,
    new RegExp(`^pid ${stuck.pid} \\(main\\) does not answer: its event loop has not turned for 1 s$`),
  )
  // What it said before is shown still.
  const told = await describeServer(address)
  assert.equal(named('child', () => true)(told)?.parent, stuck.pid)
  // It is waited for once, not in each look.
  const began = performance.now()
  for (let i = 0; i < 20; i++) await describeServer(address)
  assert.ok(performance.now() - began < 20 * 250, 'twenty looks took as long as twenty waits')
})

test('lists of processes are limited, and say how many are left out', async t => {
  const { server } = await room(t)
  const ctx = joined(t, server().address)
  for (let i = 0; i < 3; i++) ctx.process(() => {}, { start: false, stateful: false })
  const two = await describeServer(ctx.serverAddress, { limit: 2 })
  assert.deepEqual([two.processes.length, two.leftOut.processes], [2, 1])
  assert.deepEqual(
    two.processes.map(({ state, pid, attempt }) => [state, pid, attempt]),
    [
      ['new', null, 0],
      ['new', null, 0],
    ],
  )
})

test('a report that is none ends the connection of whoever sends it, and of nobody else', async t => {
  const { server } = await room(t)
  const { address } = server()
  const ctx = joined(t, address)
  await ctx.ready
  const client = await raw(t, address)
  client.say([PROTOCOL, VERSION, { pid: 1, token: randomBytes(16) }])
  await client.hear()
  client.say([[Ask.reports]])
  const closed = new Promise(resolve => client.socket.once('close', resolve))
  client.say([[Ask.reported, { processes: [{}], pools: [], more: 0 }]])
  await closed
  assert.deepEqual((await describeServer(address)).processes, [])
  assert.equal(await ctx.ping(), process.pid)
})

test('a report has 1000 processes, workers and maps at most, and counts the others', () => {
  const vitals = { memory: null, eventLoop: null, silent: null }
  const worker = { id: 1, number: 1, pid: 1, backend: 'process', has: null, ...vitals }
  const map = { number: 1, function: '', unit: 'item', done: 0, total: null, waiting: 0 }
  const one = { id: 1, name: '', target: '', backend: 'thread', pid: 1, state: 'new', since: 0, end: null }
  const read = readReport({
    processes: Array(1500).fill({ ...one, attempt: 1, recentRestarts: 0, ...vitals }),
    pools: Array(3).fill({
      kind: 'own',
      workers: Array(700).fill(worker),
      moreWorkers: 10,
      maps: Array(400).fill(map),
      moreMaps: 0,
    }),
    more: 7,
  })
  assert.deepEqual([read.processes.length, read.more], [1000, 507])
  assert.deepEqual(
    read.pools.map(({ workers, moreWorkers, maps, moreMaps }) => [
      workers.length,
      moreWorkers,
      maps.length,
      moreMaps,
    ]),
    [
      [700, 10, 400, 0],
      [300, 410, 400, 0],
      [0, 710, 200, 200],
    ],
  )
})

test('a Context that begins while its program connects again is described', async t => {
  const { server } = await room(t)
  const way = await proxy(t, server().address)
  // The connection that the Context shares.
  const store = useStore(way.address, {})
  t.after(() => store.release())
  const client = new State<AnyState>(way.address)
  t.after(() => client.close())
  await client.set('n', 1)
  const lost = new Promise<void>(resolve => {
    store.events.add(({ type }) => type === 'disconnected' && resolve())
  })
  await way.close()
  await lost
  const ctx = joined(t, way.address)
  ctx.process(() => {}, { name: 'late', start: false, stateful: false })
  await way.open()
  await described(
    server().address,
    named('late', ({ state }) => state === 'new'),
  )
})

test('whatever a client reports becomes a description of the right shape, or a TypeError', () => {
  const record = <T>(fields: { [N in keyof T]: fc.Arbitrary<T[N]> }) =>
    fc.record<T>(fields, { noNullPrototype: true })
  const number = fc.double({ noNaN: true, noDefaultInfinity: true })
  const vitals = {
    memory: fc.option(number),
    eventLoop: fc.option(record({ active: number, idle: number })),
    silent: fc.option(number),
  }
  const process_ = record({
    id: number,
    name: fc.string(),
    target: fc.string({ maxLength: 500 }),
    backend: fc.constantFrom('process', 'thread'),
    pid: fc.option(number),
    state: fc.constantFrom('new', 'starting', 'running', 'stopping', 'retrying', 'ended'),
    since: number,
    attempt: number,
    recentRestarts: number,
    end: fc.option(
      record({
        time: number,
        reason: fc.constantFrom('returned', 'error', 'boot', 'memory', 'exit', 'signal'),
        exitCode: fc.option(number),
        error: fc.string(),
      }),
    ),
    ...vitals,
  })
  const report = record({ processes: fc.array(process_), pools: fc.constant([]), more: number })
  fc.assert(
    fc.property(report, given => {
      const read = readReport(given)
      assert.equal(read.processes.length, given.processes.length)
      for (const [i, one] of read.processes.entries()) {
        const { since, end, target, ...rest } = one
        const { since: _, end: before, target: whole, ...same } = given.processes[i]!
        assert.deepEqual(rest, same)
        assert.ok(target.length <= 201 && whole.startsWith(target.slice(0, 200)))
        assert.equal(end?.reason, before?.reason)
        assert.ok(Number.isFinite(since))
      }
    }),
  )
  // Any part of a right one in the place of another.
  const broken = fc.tuple(report, fc.string(), fc.anything()).map(([given, field, value]) => {
    const { processes, ...rest } = given
    return { ...rest, processes: processes.map(one => ({ ...one, [field]: value })) }
  })
  fc.assert(
    fc.property(fc.oneof(fc.anything(), broken), given => {
      try {
        const read = readReport(given)
        assert.ok(read.processes.length <= 1000)
        assert.equal(typeof read.more, 'number')
      } catch (error) {
        assert.equal((error as Error).constructor, TypeError)
      }
    }),
  )
})
