// What does zproc add to Redis? A real server on this machine; a bare client does the least that could be called the same.
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { atomic, State } from 'zproc'
import { startChild } from './kit/child.ts'
import { awaited, inTurn, mustBe, pipelined, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

// Of four processes on one counter: one call at a time each, their code takes some seconds to be compiled.
const WARM_ROUNDS = sized(5)
const increment = atomic((state: { count: number }) => {
  state.count += 1
})
const addTo = atomic((state: Record<string, number>, key: string) => {
  state[key] = (state[key] ?? 0) + 1
})
// The least that a commit needs.
const STORE =
  "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) return redis.call('XADD', KEYS[2], '*', 'c', ARGV[3])"

/** What one of several processes does until it is told how long that took. */
type Work = 'one counter' | 'own key' | 'own key, 20' | 'HINCRBY, 20' | 'EVALSHA'
type Call = (
  state: State<{ count: number }>,
  own: State<Record<string, number>>,
  redis: Redis,
) => () => unknown

const KEY = `of ${process.pid}`
const COMMIT = 'x'.repeat(60)
const works: Record<Work, [flight: number, call: Call]> = {
  'one counter': [1, state => () => increment(state)],
  'own key': [1, (_, own) => () => addTo(own, KEY)],
  'own key, 20': [20, (_, own) => () => addTo(own, KEY)],
  'HINCRBY, 20': [20, (_, _own, redis) => () => redis.hincrby('{b}h', KEY, 1)],
  EVALSHA: [
    1,
    (_, _own, redis) => {
      let n = 0
      return () => redis.call('evalsha', process.argv[3] as string, 2, '{b}h', '{b}s', KEY, n++, COMMIT)
    },
  ],
}

if (process.send) {
  const [, , address = ''] = process.argv
  const state = new State<{ count: number }>(address, { namespace: 'counter' })
  const own = new State<Record<string, number>>(address, { namespace: 'own keys' })
  const redis = new Redis(address)
  await Promise.all([state.get('count'), own.size(), redis.ping()])
  process.send('ready')
  process.on('disconnect', () => process.exit())
  process.on('message', async ({ work, ms }: { work: Work; ms: number }) => {
    const [flight, of] = works[work]
    const call = of(state, own, redis)
    const until = performance.now() + ms
    let count = 0
    const one = async () => {
      for (; performance.now() < until; count++) await call()
    }
    await Promise.all(Array.from({ length: flight }, one))
    process.send?.(count)
  })
} else {
  const directory = mkdtempSync(join(tmpdir(), 'zproc-bench-'))
  const socket = 7000 + (process.pid % 1000)
  const server = spawn('redis-server', ['--port', `${socket}`, '--dir', directory, '--save', ''], {
    stdio: 'ignore',
  })
  const redis = new Redis(socket, '127.0.0.1')
  const reader = new Redis(socket, '127.0.0.1')
  redis.on('error', () => {})
  reader.on('error', () => {})
  const address = `redis://127.0.0.1:${socket}`
  const state = new State<Record<string, unknown>>(address)
  await redis.ping()
  await state.set('key', 0)

  const text = 'x'.repeat(64)
  await state.set('key', text)
  // As many bytes in the hash, and in the stream, as one `set` leaves there.
  const size = Number(await redis.hstrlen('zproc:{default}:values', 'key'))
  const newest = await redis.xrevrangeBuffer('zproc:{default}:stream', '+', '-', 'COUNT', 1)
  const [, fields] = newest[0] as [Buffer, Buffer[]]
  const value = 'x'.repeat(size)
  const commit = 'x'.repeat(Buffer.concat(fields).length)
  const sha = String(await redis.script('LOAD', STORE))
  const N = sized(300)
  report(
    'One call at a time',
    'µs',
    await inTurn(
      sized(60),
      {
        'a bare EVALSHA of HSET and XADD': () =>
          awaited(N, () => redis.evalsha(sha, 2, '{b}h', '{b}s', 'key', value, commit)),
        'state.set': () => awaited(N, () => state.set('key', text)),
      },
      5,
    ),
  )

  const M = sized(50_000)
  report(
    '500 calls in flight',
    'per second',
    await inTurn(sized(7), {
      'HSET of the client': () => pipelined(M, 500, i => redis.hset('h', 'key', i)),
      'state.set': () => pipelined(M, 500, i => state.set('key', i)),
    }),
  )

  const watcher = new State<Record<string, unknown>>(address.replace('127.0.0.1', 'localhost'))
  await watcher.size()
  const W = sized(100)
  let turn = 0
  report(
    'From a write to the watcher, with one more round trip for each',
    'µs',
    await inTurn(sized(30), {
      'XADD → XREAD BLOCK': () =>
        awaited(W, async () => {
          const read = reader.xread('BLOCK', 5000, 'STREAMS', 'wake', '$')
          await redis.ping()
          await redis.xadd('wake', '*', 'a', 'b')
          await read
        }),
      'set → getWhenEqual': () =>
        awaited(W, async () => {
          turn++
          const woken = watcher.getWhenEqual('turn', turn)
          await redis.ping()
          await state.set('turn', turn)
          await woken
        }),
    }),
  )

  const sizes = [10, 1000, 100_000]
  const states = new Map<number, State<{ count: number }>>()
  for (const size of sizes) {
    const one = new State<{ count: number }>(address, { namespace: `of ${size}` })
    for (let i = 0; i < sized(size); i += 1000)
      await one.update(
        Object.fromEntries(
          Array.from({ length: Math.min(size, 1000) }, (_, k) => [`k${i + k}`, k]),
        ) as object,
      )
    await one.set('count', 0)
    await increment(one)
    states.set(size, one)
  }
  const candidates: Record<string, () => Promise<number>> = {}
  for (const [size, one] of states) {
    candidates[`set, ${size} keys`] = () => awaited(N, i => one.set('k5' as 'count', i))
    candidates[`atomic, ${size} keys`] = () => awaited(N, () => increment(one))
  }
  report('By the size of the state', 'µs', await inTurn(sized(20), candidates, 3))
  for (const one of states.values()) await one.close()

  const counter = new State<{ count: number }>(address, { namespace: 'counter' })
  await counter.set('count', 0)
  const start = async (count: number) => {
    const children = Array.from({ length: count }, () => startChild(import.meta.url, [address, sha]))
    await Promise.all(children.map(child => once(child, 'message')))
    return children
  }
  const children = await start(4)
  const run = (work: Work, ms: number, processes = children) =>
    Promise.all(
      processes.map(async child => {
        const answer = once(child, 'message')
        child.send({ work, ms })
        return Number((await answer)[0])
      }),
    )
  const rate = async (work: Work, processes = children) => {
    const counts = await run(work, MS, processes)
    return (counts.reduce((a, b) => a + b) / MS) * 1000
  }
  const MS = sized(1500)
  let total = 0
  const slowest: number[] = []
  const increments = await inTurn(
    sized(5),
    {
      'increments of zproc': async () => {
        const counts = await run('one counter', MS)
        const sum = counts.reduce((a, b) => a + b)
        total += sum
        slowest.push(Math.min(...counts) / Math.max(...counts))
        return (sum / MS) * 1000
      },
    },
    WARM_ROUNDS,
  )
  mustBe('the count', await counter.get('count'), total)
  report('Four processes, one counter', 'per second', increments)
  report('Four processes, one counter: the slowest, of the fastest', '×', {
    'increments of zproc': slowest.slice(WARM_ROUNDS),
  })

  report(
    'Four processes, a key each, 20 calls in flight',
    'per second',
    await inTurn(
      sized(7),
      { 'HINCRBY of ioredis': () => rate('HINCRBY, 20'), 'increments of zproc': () => rate('own key, 20') },
      WARM_ROUNDS,
    ),
  )
  const eight = [...children, ...(await start(4))]
  report(
    'Eight processes, a key each, one call at a time',
    'per second',
    await inTurn(
      sized(7),
      {
        'a bare EVALSHA of HSET and XADD': () => rate('EVALSHA', eight),
        'increments of zproc': () => rate('own key', eight),
      },
      WARM_ROUNDS,
    ),
  )
  for (const child of eight) child.kill()

  const many = new State<Record<string, number>>(address, { namespace: 'a million' })
  for (let i = 0; i < sized(1_000_000); i += 1000)
    await many.update(Object.fromEntries(Array.from({ length: 1000 }, (_, k) => [`k${i + k}`, k])))
  const firsts: number[] = []
  const megabytes: number[] = []
  for (let round = 0; round < sized(5); round++) {
    const child = fork(new URL('kit/few-keys.mjs', import.meta.url), [address], { execArgv: [] })
    const [[first, memory]] = (await once(child, 'message')) as [[number, number]]
    firsts.push(first)
    megabytes.push(memory)
    child.disconnect()
  }
  report('A process that uses 10 keys of 1,000,000: its first call', 'ms', { 'an atomic function': firsts })
  report('A process that uses 10 keys of 1,000,000: its memory', 'MB', { 'an atomic function': megabytes })
  await many.close()

  await Promise.all([state.close(), watcher.close(), counter.close()])
  redis.disconnect()
  reader.disconnect()
  server.kill()
  await once(server, 'exit')
  rmSync(directory, { recursive: true })
}
