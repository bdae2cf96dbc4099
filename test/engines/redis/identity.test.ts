import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { type AnyState, State, type StateView } from 'zproc'
import { elsewhere } from '../../kit/elsewhere.ts'
import { noRedis, type RedisHome, type RedisServer, startRedis } from '../../kit/redis.ts'

// A Redis that comes back empty, and takes as many commits, fewer or more than a watcher had seen of the log before.
// ZPROC_ROUNDS: how many such logs; a few of them restart the server.

const rounds = Number(process.env.ZPROC_ROUNDS ?? 12)
/** Milliseconds for a reading that waits in Redis to be asked again, and for a connection to be made. */
const PATIENCE = 15_000

let home: RedisHome
before(async () => {
  home = noRedis ? home : await startRedis(['--appendonly', 'no'], ['--save', ''])
})
after(() => home?.stop())

test('an empty Redis is another log: watchers, views and States that began before are not misled', {
  skip: noRedis,
}, async () => {
  const lengths = fc.integer({ min: 1, max: 12 })
  const log = fc.record({ seen: lengths, anew: lengths, restarts: fc.boolean(), reads: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(log, plan => replaced(plan)),
    { numRuns: rounds, endOnFailure: true },
  )
})

async function replaced({ seen, anew, restarts, reads }: Plan): Promise<void> {
  const [server] = home.servers as [RedisServer]
  const place = { namespace: randomUUID() }
  const writer = new State<AnyState>(elsewhere(home.address), place)
  const watcher = new State<AnyState>(home.address, place)
  const idle = watcher.fork()
  const states = [writer, watcher, idle]
  try {
    for (let n = 1; n <= seen; n++) await writer.set('n', n)
    await Promise.all(states.map(state => state.size()))
    const view = await watcher.view()
    const newLog = waitForNewLog(watcher)
    const told = watcher.getWhenEqual('n', 'last').then(
      snapshot => snapshot,
      error => error.name,
    )
    // Otherwise nothing of it reads when the log begins anew.
    if (reads) await idle.getWhenChange('n', { timeout: 1 }).catch(() => {})
    if (restarts) {
      await server.kill()
      await server.start()
    } else await server.command('FLUSHALL')
    const states2 = await write(writer, anew)
    await within('the watcher', told).then(what =>
      assert.ok(
        what === 'ConnectionError' || states2.has(JSON.stringify(what)),
        `told ${JSON.stringify(what)}`,
      ),
    )
    await within('the event', newLog)
    await within('the view', shows(view, writer))
    assert.equal(view.revision, anew + 1)
    const first = await idle.getWhen(() => true).then(JSON.stringify, error => error.name)
    assert.ok(first === 'ConnectionError' || states2.has(first), `a State from before was given ${first}`)
  } finally {
    await Promise.all(states.map(state => state.close()))
  }
}

interface Plan {
  /** Commits of the log before, and of the one that follows. */
  seen: number
  anew: number
  /** The server is killed and started again; or else emptied, its connections kept. */
  restarts: boolean
  /** A State that has watched nothing yet reads the log before as well. */
  reads: boolean
}

/** Writes a log; gives the states that it goes through. What is under way when its connection ends may fail. */
async function write(writer: State<AnyState>, count: number): Promise<Set<string>> {
  const states = ['{}']
  for (let n = 1; n <= count; n++) {
    await writer.set('n', -n)
    states.push(JSON.stringify({ n: -n }))
  }
  await writer.set('n', 'last')
  return new Set([...states, JSON.stringify({ n: 'last' })])
}

async function waitForNewLog(state: State<AnyState>): Promise<void> {
  for await (const event of state.events()) if (event.type === 'connected' && event.newLog) return
}

async function shows(view: StateView<AnyState>, writer: State<AnyState>): Promise<void> {
  while (JSON.stringify(view.snapshot) !== '{"n":"last"}') {
    await writer.size()
    await delay(20)
  }
}

async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const abort = new AbortController()
  const late = delay(PATIENCE, undefined, { signal: abort.signal, ref: true }).then(
    () => assert.fail(`${what}: nothing came within ${PATIENCE} ms`),
    () => new Promise<never>(() => {}),
  )
  return Promise.race([promise, late]).finally(() => abort.abort())
}
