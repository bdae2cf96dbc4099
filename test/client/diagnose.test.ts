// What is stuck, in words: `diagnose`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AnyState,
  atomic,
  describeServer,
  diagnose,
  type EndDescription,
  type LockDescription,
  type ProcessDescription,
  type ReaderDescription,
  type ServerDescription,
  type SessionDescription,
  State,
  type WorkerDescription,
} from 'zproc'
import { deferred } from '../../src/async/deferred.ts'
import { room } from '../kit/servers.ts'

const NOW = 1_000_000

const calm: ServerDescription = {
  time: NOW,
  server: {
    pid: 1,
    address: 'ipc:///s',
    backend: 'process',
    started: 0,
    node: 'v20.0.0',
    memory: { rss: 2, heapUsed: 1 },
    bytes: { received: 0, sent: 0 },
    connections: 1,
    eventLoop: { active: 10, idle: 90 },
  },
  asker: 9,
  namespaces: [],
  sessions: [],
  readers: [],
  locks: [],
  functions: [],
  processes: [],
  pools: [],
  unknown: [],
  leftOut: { namespaces: 0, sessions: 0, readers: 0, locks: 0, functions: 0, processes: 0, pools: 0 },
}
const session = (rest: Partial<SessionDescription>): SessionDescription => ({
  session: 1,
  pid: 77,
  name: 'main',
  is: 'program',
  machine: 'local',
  since: 0,
  lost: null,
  states: 1,
  requests: 0,
  ephemeral: 0,
  silent: null,
  ...rest,
})
const lock = (rest: Partial<LockDescription>): LockDescription => ({
  namespace: 'orders',
  session: 1,
  pid: 77,
  name: 'main',
  call: 'atomic function settle',
  since: NOW - 4321,
  waiting: 0,
  queue: [],
  ...rest,
})
const reader = (rest: Partial<ReaderDescription>): ReaderDescription => ({
  session: 1,
  pid: 812,
  name: 'worker 3',
  namespace: 'orders',
  behind: 0,
  unread: 0,
  waitsFor: 'commits',
  since: NOW - 100_000,
  ...rest,
})
const waits = (number: number) => ({ session: number, pid: number, name: 'p', call: 'hold', since: NOW - 10 })

test('nothing is said of a server where nothing is stuck', () => {
  const fine: ServerDescription = {
    ...calm,
    sessions: [session({}), session({ session: 2, lost: NOW - 5, requests: 10 })],
    readers: [reader({}), reader({ behind: 30, waitsFor: 'reader', since: NOW - 10 })],
    locks: [lock({ since: NOW - 20, waiting: 2 })],
    functions: [{ name: 'f', place: '', calls: 1000, timed: 100, ms: 900, longest: 9 }],
  }
  assert.deepEqual(diagnose(fine), [])
  assert.deepEqual(diagnose(fine, fine), [])
})

test('a lock that lasts is said with who has it, in what, and how many wait', () => {
  const said = (rest: Partial<LockDescription>) => diagnose({ ...calm, locks: [lock(rest)] })
  assert.deepEqual(said({ waiting: 3 }), [
    'orders is locked by pid 77 (main) in settle for 4 s; 3 calls wait',
  ])
  assert.deepEqual(said({ waiting: 1, since: NOW - 640 }), [
    'orders is locked by pid 77 (main) in settle for 640 ms; 1 call waits',
  ])
  assert.deepEqual(said({ call: 'a chore' }), [
    'orders is locked by pid 77 (main) in a chore for 4 s; no call waits',
  ])
})

test('clients that wait for each other are a deadlock, said once', () => {
  const circle = [
    lock({ session: 1, pid: 1, name: 'p', namespace: 'a', since: NOW - 20, queue: [waits(3), waits(2)] }),
    lock({ session: 2, pid: 2, name: 'p', namespace: 'b', since: NOW - 20, queue: [waits(1)] }),
  ]
  const other = lock({ session: 3, pid: 3, name: 'p', namespace: 'c', since: NOW - 20 })
  assert.deepEqual(diagnose({ ...calm, locks: [other, ...circle] }), [
    'deadlock: pid 1 (p) has a and waits for b, pid 2 (p) has b and waits for a; it lasts until atomicTimeout ends one of the locks',
  ])
  // One that waits for its own lock waits for another function of its process.
  const own = lock({ since: NOW - 20, queue: [waits(1)] })
  assert.deepEqual(diagnose({ ...calm, locks: [own] }), [])
})

test('readers that are far behind, or make no way, are said with the reason', () => {
  const said = (rest: Partial<ReaderDescription>, before?: Partial<ReaderDescription>) =>
    diagnose({ ...calm, readers: [reader(rest)] }, before && { ...calm, readers: [reader(before)] })
  const start = 'a reader of orders in pid 812 (worker 3) is'
  assert.deepEqual(said({ behind: 9000, waitsFor: 'reader', since: NOW - 12_000 }), [
    `${start} 9,000 commits behind: it has not used what it was sent for 12 s`,
  ])
  assert.deepEqual(said({ behind: 1, waitsFor: 'connection' }), [
    `${start} 1 commit behind: its connection has taken nothing for 1 min`,
  ])
  assert.deepEqual(said({ behind: 9001, waitsFor: 'nothing' }), [
    `${start} 9,001 commits behind: what it reads next is no longer kept`,
  ])
  assert.deepEqual(said({ behind: 9001 }, { behind: 8000 }), [
    `${start} 9,001 commits behind, and falls further behind: they are being sent`,
  ])
  assert.deepEqual(said({ behind: 2000, waitsFor: 'disk', since: NOW - 7_200_000 }, { behind: 2000 }), [
    `${start} 2,000 commits behind: it reads from disk for 2 h`,
  ])
})

test('clients without a connection, or with many requests, are said with their machine', () => {
  const sessions = [
    session({ lost: NOW - 8000, machine: '10.0.0.5' }),
    session({ session: 2, pid: 5, requests: 10_000 }),
  ]
  assert.deepEqual(diagnose({ ...calm, sessions }), [
    'pid 77 on 10.0.0.5 (main) has had no connection for 8 s: it may come back',
    'pid 5 (main) has 10,000 requests that wait',
  ])
})

test('a thread that is busy is said by two descriptions of the same server, and functions that take long', () => {
  const functions = [{ name: '', place: '/srv/app.js:12', calls: 1, timed: 1, ms: 340, longest: 340 }]
  const eventLoop = { active: 1010, idle: 100 }
  const later = { ...calm, server: { ...calm.server, eventLoop }, functions }
  const slow = 'the atomic function /srv/app.js:12 has taken 340 ms: all others wait meanwhile'
  assert.deepEqual(diagnose(later), [])
  assert.deepEqual(diagnose(later, calm), ["the server's thread is busy 99 % of the time", slow])
  const again = { ...later, server: { ...later.server, started: 1 } }
  assert.deepEqual(diagnose(again, calm), [slow])
  assert.ok(!diagnose(later, later).includes(slow), 'it was slow before')
})

test('two processes that really wait for each other are found', async t => {
  const { server } = await room(t, { atomicTimeout: 60_000 })
  const state = (namespace: string, connectTimeout: number) => {
    const made = new State<AnyState>(server().address, { namespace, connectTimeout })
    t.after(() => made.close())
    return made
  }
  const begin = deferred<void>()
  const goOn = deferred<void>()
  const both = async (first: State<AnyState>, second: State<AnyState>) => {
    const entered = deferred<void>()
    const take = atomic(async function take(_: AnyState) {
      entered.resolve()
      await begin.promise
      // It would wait until the other client is done there, which waits for this one.
      await Promise.race([second.set('taken', true), goOn.promise])
    })
    const done = take(first)
    await entered.promise
    return { done }
  }
  const ends = [
    await both(state('a', 9001), state('b', 9001)),
    await both(state('b', 9002), state('a', 9002)),
  ]
  begin.resolve()
  const said = async () => diagnose(await describeServer(server().address))
  while (!(await said()).some(line => /^deadlock: pid \d+ \(main\) has a and waits for b, /.test(line)));
  goOn.resolve()
  await Promise.all(ends.map(({ done }) => done))
})

const vitals = { memory: 1, eventLoop: { active: 1, idle: 9 }, silent: null }
const child = (rest: Partial<ProcessDescription>): ProcessDescription => ({
  session: 1,
  parent: 77,
  id: 1,
  name: 'baker',
  target: 'bake',
  backend: 'process',
  pid: 812,
  state: 'running',
  since: NOW - 100_000,
  attempt: 1,
  recentRestarts: 0,
  end: null,
  ...vitals,
  ...rest,
})

test('a worker, a process and a program that do not answer are said with what they have in hand', () => {
  const has = { function: 'square', unit: 'item' as const, first: 40, count: 1, since: NOW - 12_345 }
  const pool = (worker: Partial<WorkerDescription>): ServerDescription['pools'] => [
    {
      session: 1,
      parent: 77,
      kind: 'own',
      workers: [{ id: 1, number: 3, pid: 812, backend: 'process', has, ...vitals, ...worker }],
      moreWorkers: 0,
      maps: [],
      moreMaps: 0,
    },
  ]
  const said = (worker: Partial<WorkerDescription>) => diagnose({ ...calm, pools: pool(worker) })
  assert.deepEqual(said({}), [], 'an item may take long')
  assert.deepEqual(said({ silent: 999 }), [])
  assert.deepEqual(said({ silent: 11_900 }), [
    'worker 3 (pid 812) has had item 40 for 12 s; its event loop has not turned for 11 s',
  ])
  assert.deepEqual(said({ silent: 1000, has: { ...has, count: 8 } }), [
    'worker 3 (pid 812) has had items 40 to 47 for 12 s; its event loop has not turned for 1 s',
  ])
  assert.deepEqual(said({ silent: 1000, has: { ...has, unit: 'call' } }), [
    'worker 3 (pid 812) has had a call of square for 12 s; its event loop has not turned for 1 s',
  ])
  assert.deepEqual(said({ silent: 1000, has: null }), [
    'worker 3 (pid 812) does not answer: its event loop has not turned for 1 s',
  ])
  assert.deepEqual(diagnose({ ...calm, processes: [child({}), child({ silent: 4000 })] }), [
    'baker (pid 812) does not answer: its event loop has not turned for 4 s',
  ])
  // What a silent program said of its processes is old.
  const silent = { ...calm, sessions: [session({ silent: 2000 })], pools: pool({ silent: 9000 }) }
  assert.deepEqual(diagnose(silent), ['pid 77 (main) does not answer: its event loop has not turned for 2 s'])
})

test('a process that is started again and again is said with how it ends', () => {
  const said = (recentRestarts: number, end: Partial<EndDescription>) =>
    diagnose({
      ...calm,
      processes: [
        child({ recentRestarts, end: { time: NOW, reason: 'exit', exitCode: 1, error: '', ...end } }),
      ],
    })
  assert.deepEqual(said(4, {}), [])
  assert.deepEqual(said(14, {}), ['baker restarted 14 times in 10 s, the last time with exit code 1'])
  const ends: [Partial<EndDescription>, string][] = [
    [{ reason: 'signal', exitCode: -9 }, 'by SIGKILL'],
    [{ reason: 'error', error: 'RangeError' }, 'with RangeError'],
    [{ reason: 'boot', error: 'SyntaxError' }, 'before its target ran, with SyntaxError'],
    [{ reason: 'memory' }, 'out of memory'],
    [{ exitCode: null }, 'without an exit code'],
  ]
  for (const [end, words] of ends)
    assert.deepEqual(said(100, end), [`baker restarted 100 times or more in 10 s, the last time ${words}`])
})
