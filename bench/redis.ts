// What does zproc add to Redis? A real server on this machine; a bare client does the least that could be called the same.
import { spawn } from 'node:child_process'
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

if (process.send) {
  const state = new State<{ count: number }>(process.argv[2] as string, { namespace: 'counter' })
  await state.get('count')
  process.send('ready')
  process.on('message', async (ms: number) => {
    const until = performance.now() + ms
    let count = 0
    for (; performance.now() < until; count++) await increment(state)
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
  const store =
    "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) return redis.call('XADD', KEYS[2], '*', 'c', ARGV[3])"
  const sha = String(await redis.script('LOAD', store))
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
  const children = Array.from({ length: 4 }, () => startChild(import.meta.url, [address]))
  await Promise.all(children.map(child => once(child, 'message')))
  const run = (ms: number) =>
    Promise.all(
      children.map(async child => {
        const answer = once(child, 'message')
        child.send(ms)
        return Number((await answer)[0])
      }),
    )
  const MS = sized(1500)
  let total = 0
  const slowest: number[] = []
  const increments = await inTurn(
    sized(5),
    {
      'increments of zproc': async () => {
        const counts = await run(MS)
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

  for (const child of children) child.kill()
  await Promise.all([state.close(), watcher.close(), counter.close()])
  redis.disconnect()
  reader.disconnect()
  server.kill()
  await once(server, 'exit')
  rmSync(directory, { recursive: true })
}
