// What a server says of itself: `describeServer`.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import {
  type AnyState,
  atomic,
  describeServer,
  type ServerDescription,
  type ServerOptions,
  type SessionDescription,
  State,
  startServer,
} from 'zproc'
import { deferred } from '../../src/async/deferred.ts'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, Tell, VERSION } from '../../src/protocol/messages.ts'
import { impostor, raw } from '../kit/raw.ts'
import { room } from '../kit/servers.ts'

/** States of one namespace, each of them a client of its own. */
const opener = (t: TestContext, address: string, secretKey?: string) => {
  let count = 0
  return (namespace: string): State => {
    // Connections are shared by States with the same options.
    const state = new State<AnyState>(address, { namespace, secretKey, connectTimeout: 10_001 + count++ })
    t.after(() => state.close())
    return state
  }
}

const sessionOf = (told: ServerDescription): SessionDescription => {
  const found = told.sessions.find(({ session }) => session === told.asker)
  assert.ok(found)
  return found
}

const add = atomic(function add(state: AnyState, n: number) {
  for (let i = 0; i < n; i++) state.n = (state.n ?? 0) + 1
})
const mark = atomic(function mark(state: AnyState) {
  state.done = true
})

test('a server describes its process, namespaces, clients and functions', async t => {
  const began = Date.now()
  const secretKey = 'a very much secret key'
  const server = await startServer('tcp://127.0.0.1:0', { backend: 'inline', secretKey })
  t.after(() => server.stop())
  const open = opener(t, server.address, secretKey)
  const [one, other] = [open('one'), open('other')]
  await one.set('private', 'confidential', { ephemeral: true })
  await one.set('brief', 1, { ttl: 60_000 })
  await one.set('both', 1, { ephemeral: true, ttl: 60_000 })
  await add(other, 10)
  for (let i = 0; i < 40; i++) await mark(other)
  const told = await describeServer(server.address, { secretKey })
  assert.equal(told.server.pid, process.pid)
  assert.equal(told.server.address, server.address)
  assert.equal(told.server.backend, 'inline')
  assert.equal(told.server.node, process.version)
  assert.equal(told.server.connections, 3)
  assert.ok(told.server.bytes.received > 0 && told.server.bytes.sent > 0)
  assert.ok(told.server.memory.rss > told.server.memory.heapUsed && told.server.memory.heapUsed > 0)
  assert.ok(told.server.eventLoop.active > 0 && told.server.eventLoop.idle >= 0)
  assert.ok(began <= told.server.started && told.server.started <= told.time && told.time <= Date.now())
  assert.deepEqual(
    told.namespaces.map(({ historyBytes, ...rest }) => ({ ...rest, keeps: historyBytes > 0 })),
    [
      {
        name: 'other',
        revision: 41,
        keys: 2,
        oldest: 1,
        bytes: null,
        states: 1,
        ephemeral: 0,
        ttl: 0,
        keeps: true,
      },
      {
        name: 'one',
        revision: 3,
        keys: 3,
        oldest: 1,
        bytes: null,
        states: 1,
        ephemeral: 2,
        ttl: 2,
        keeps: true,
      },
    ],
  )
  assert.deepEqual(
    told.sessions.map(({ since, session, ...rest }) => rest),
    [2, 0, 0].map((ephemeral, i) => ({
      pid: process.pid,
      name: i < 2 ? 'main' : '',
      is: 'program',
      machine: 'local',
      lost: null,
      states: i < 2 ? 1 : 0,
      requests: 0,
      ephemeral,
      silent: null,
    })),
  )
  assert.ok(told.sessions.every(({ since }) => began <= since && since <= told.time))
  assert.equal(sessionOf(told), told.sessions[2])
  const counted = told.functions.map(({ name, calls, timed }) => ({ name, calls, timed }))
  for (const { place } of told.functions) assert.match(place, /^\/.*describe\.test\.ts:\d+$/)
  // Each of the first 16 calls is timed, and then one in 16.
  assert.deepEqual(
    counted.sort((a, b) => a.calls - b.calls),
    [
      { name: 'add', calls: 1, timed: 1 },
      { name: 'mark', calls: 40, timed: 18 },
    ],
  )
  for (const { ms, longest } of told.functions) assert.ok(longest > 0 && longest <= ms, `${longest}, ${ms}`)
  assert.deepEqual(told.leftOut, {
    namespaces: 0,
    sessions: 0,
    readers: 0,
    locks: 0,
    functions: 0,
    processes: 0,
    pools: 0,
  })
  assert.doesNotMatch(JSON.stringify(told), /a very much secret key|confidential|private|brief/)
})

test('calls that come to a loop are timed, each of them', async t => {
  const { server } = await room(t)
  const state = opener(t, server().address)('n')
  for (let i = 0; i < 100; i++) await add(state, 3)
  const [add100] = (await describeServer(server().address)).functions
  assert.deepEqual([add100?.calls, add100?.timed], [100, 100])
})

test('a lock is described with the client that has it and the calls that wait, in order', async t => {
  const { server } = await room(t, { atomicTimeout: 60_000 })
  const open = opener(t, server().address)
  const [one, other] = [open('orders'), open('orders')]
  const entered = deferred<void>()
  const goOn = deferred<void>()
  const settle = atomic(async function settle(state: AnyState) {
    entered.resolve()
    await goOn.promise
    state.settled = true
  })
  const settled = settle(one)
  await entered.promise
  assert.deepEqual((await describeServer(server().address)).locks[0]?.queue, [])
  const writes = [one.set('a', 1), add(one, 1), settle(one), one.delete('a')]
  // Behind those on the same connection.
  await one.ping()
  writes.push(other.set('b', 1))
  await other.ping()
  const told = await describeServer(server().address)
  assert.equal(told.locks.length, 1)
  const [{ since, queue, ...lock } = assert.fail()] = told.locks
  const [first, last] = told.sessions.map(({ session }) => session)
  assert.deepEqual(lock, {
    namespace: 'orders',
    session: first,
    pid: process.pid,
    name: 'main',
    call: 'atomic function settle',
    waiting: 5,
  })
  assert.deepEqual(
    queue.map(({ session, call }) => [session, call]),
    [
      [first, 'set'],
      [first, 'atomic'],
      [first, 'hold'],
      [first, 'delete'],
      [last, 'set'],
    ],
  )
  assert.ok(queue.every(one => since <= one.since && one.since <= told.time))
  assert.deepEqual(
    told.sessions.map(({ requests }) => requests),
    [4, 1, 0],
  )
  const { locks } = await describeServer(server().address, { limit: 2 })
  assert.deepEqual([locks[0]?.waiting, locks[0]?.queue.length], [5, 2])
  goOn.resolve()
  await settled
  await Promise.all(writes)
  assert.deepEqual((await describeServer(server().address)).locks, [])
})

/** A server with a client that writes and one that reads, and has been handed the first update. */
async function reading(t: TestContext, options: ServerOptions = {}) {
  const { server } = await room(t, options)
  const open = opener(t, server().address)
  const [writer, watcher] = [open('ticks'), open('ticks')]
  const updates = watcher.rawUpdates()
  const first = updates.next()
  while ((await describeServer(server().address)).readers.length === 0) await watcher.ping()
  await writer.set('n', 0)
  await first
  return { server, writer, watcher, updates }
}

test('a reader that does not use what it is sent falls behind, and says what it waits for', async t => {
  const { server, writer, watcher, updates } = await reading(t)
  const calm = (await describeServer(server().address)).readers
  assert.deepEqual(
    calm.map(({ since, unread, ...rest }) => rest),
    [
      {
        session: calm[0]?.session,
        pid: process.pid,
        name: 'main',
        namespace: 'ticks',
        behind: 0,
        waitsFor: 'commits',
      },
    ],
  )
  const from = Date.now()
  const text = 'x'.repeat(10_000)
  for (let n = 1; n <= 100; n++) await writer.set('n', `${n} ${text}`)
  const [reader] = (await describeServer(server().address)).readers
  assert.ok(reader)
  assert.equal(reader.waitsFor, 'reader')
  assert.ok(reader.behind > 50 && reader.behind < 100, `${reader.behind}`)
  assert.ok(reader.unread >= 256 << 10, `${reader.unread}`)
  assert.ok(reader.since >= from && reader.since <= Date.now())
  for (let n = 1; n <= 100; n++) await updates.next()
  const [after] = (await describeServer(server().address)).readers
  assert.deepEqual([after?.behind, after?.waitsFor], [0, 'commits'])
  await watcher.close()
  const ended = async () => (await describeServer(server().address)).readers.length === 0
  while (!(await ended())) await writer.ping()
})

test('a reader that missed commits that are no longer kept waits for nothing', async t => {
  const { server, writer } = await reading(t, { historyLimit: 5 })
  const text = 'x'.repeat(100_000)
  for (let n = 1; n <= 20; n++) await writer.set('n', `${n} ${text}`)
  const [reader] = (await describeServer(server().address)).readers
  assert.equal(reader?.waitsFor, 'nothing')
  assert.ok((reader?.behind ?? 0) > 5)
})

test('a client without a connection is described with the time at which that was lost', async t => {
  const { server } = await room(t)
  const client = await raw(t, server().address)
  client.say([PROTOCOL, VERSION, { pid: process.pid, machine: 'far', token: randomBytes(16), session: -1 }])
  await client.hear()
  const from = Date.now()
  const far = async () => (await describeServer(server().address)).sessions[0] as SessionDescription
  assert.deepEqual([(await far()).lost, (await far()).pid], [null, process.pid])
  client.socket.destroy()
  let gone = await far()
  while (gone.lost === null) gone = await far()
  assert.ok(gone.lost >= from && gone.lost <= Date.now())
  assert.equal((await describeServer(server().address)).server.connections, 1)
})

test('lists are limited, and say how many are left out', async t => {
  const { server } = await room(t)
  const open = opener(t, server().address)
  for (let i = 0; i < 5; i++) await open(`${i}`).set('n', i)
  const long = open('x'.repeat(1000))
  await long.set('n', 1)
  await long.set('n', 2)
  const two = await describeServer(server().address, { limit: 2 })
  assert.deepEqual(two.leftOut, {
    namespaces: 4,
    sessions: 5,
    readers: 0,
    locks: 0,
    functions: 0,
    processes: 0,
    pools: 0,
  })
  assert.equal(two.namespaces[0]?.name, `${'x'.repeat(200)}…`)
  // The newest session is the one that asked.
  assert.equal(sessionOf(two).session, Math.max(...two.sessions.map(({ session }) => session)))
  const none = await describeServer(server().address, { limit: 0 })
  assert.deepEqual([none.namespaces, none.sessions, none.leftOut.sessions], [[], [], 7])
})

test('a limit that is none is an error, and the session goes on', async t => {
  const { server } = await room(t)
  const client = await raw(t, server().address)
  client.say([PROTOCOL, VERSION, { pid: 1 }])
  await client.hear()
  const wrong = [-1, 1001, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null, undefined, {}]
  client.say(wrong.map((limit, i) => [Ask.describe, i + 1, limit]))
  client.say([[Ask.ping, 100, Buffer.from('x')]])
  const answers: [number, number][] = []
  while (answers.length <= wrong.length)
    answers.push(...((await client.hear()) as [number, number][]).filter(Array.isArray))
  assert.deepEqual(
    answers.map(([kind, id]) => [kind, id]),
    [...wrong.map((_, i) => [Tell.error, i + 1]), [Tell.ok, 100]],
  )
})

for (const backend of ['process', 'thread'] as const)
  test(`a server in a ${backend} says so`, async t => {
    const server = await startServer(null, { backend })
    t.after(() => server.stop())
    const told = await describeServer(server.address)
    assert.deepEqual(
      [told.server.backend, told.server.pid, told.server.address],
      [backend, server.pid, server.address],
    )
  })

test('what cannot be asked is an error that says why', async t => {
  await assert.rejects(describeServer('redis://127.0.0.1:1'), { code: 'ZPROC_CONNECTION' })
  await assert.rejects(describeServer('ipc:///nowhere/at/all'), { code: 'ZPROC_CONNECTION' })
  await assert.rejects(describeServer('tcp://127.0.0.1:1', { limit: 1001 }), { name: 'RangeError' })
  const silent = await impostor(t, socket => void socket.resume())
  await assert.rejects(describeServer(silent, { timeout: 50 }), {
    code: 'ZPROC_TIMEOUT',
    message: `describeServer: no answer from ${silent} within 50 ms`,
  })
})
