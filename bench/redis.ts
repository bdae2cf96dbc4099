// What does zproc add to Redis? A real server on this machine; a bare client does the least that could be called the same.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { atomic, State } from '../src/index.ts'
import { spawnTied } from '../src/lifeline/spawn.ts'
import { awaited, inTurn, median, pipelined } from './kit/measure.ts'

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

  const store = `redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) redis.call('XADD', KEYS[2], '*', ARGV[1], ARGV[2])`
  const sha = String(await redis.script('LOAD', store))
  const text = 'x'.repeat(64)
  const N = 2000
  const single = await inTurn(9, {
    'a bare EVALSHA of HSET and XADD': () =>
      awaited(N, () => redis.evalsha(sha, 2, '{b}h', '{b}s', 'key', text)),
    'state.set': () => awaited(N, () => state.set('key', text)),
  })
  const bare = single['a bare EVALSHA of HSET and XADD']
  table('One call at a time', single, ms => ({
    µs: (ms * 1000).toFixed(1),
    '× bare': (ms / bare).toFixed(2),
  }))

  const M = 50_000
  const flight = await inTurn(5, {
    'HSET of the client': () => pipelined(M, 500, i => redis.hset('h', 'key', i)),
    'state.set': () => pipelined(M, 500, i => state.set('key', i)),
  })
  const rate = flight['HSET of the client']
  table('500 calls in flight', flight, n => ({
    'per second': Math.round(n),
    '× bare': (n / rate).toFixed(2),
  }))

  const watcher = new State<Record<string, unknown>>(address.replace('127.0.0.1', 'localhost'))
  await watcher.size()
  let turn = 0
  const wake = await inTurn(9, {
    'XADD → XREAD BLOCK': () =>
      awaited(500, async () => {
        const read = reader.xread('BLOCK', 5000, 'STREAMS', 'wake', '$')
        await redis.ping()
        await redis.xadd('wake', '*', 'a', 'b')
        await read
      }),
    'set → getWhenEqual': () =>
      awaited(500, async () => {
        turn++
        const woken = watcher.getWhenEqual('turn', turn)
        await redis.ping()
        await state.set('turn', turn)
        await woken
      }),
  })
  const block = wake['XADD → XREAD BLOCK']
  table('From a write to the watcher', wake, ms => ({
    µs: (ms * 1000).toFixed(1),
    '× bare': (ms / block).toFixed(2),
  }))

  const sizes: Record<string, number> = {}
  for (const size of [10, 1000, 100_000]) {
    const sized = new State<Record<string, number>>(address, { namespace: `of ${size}` })
    for (let i = 0; i < size; i += 1000)
      await sized.update(
        Object.fromEntries(Array.from({ length: Math.min(size, 1000) }, (_, k) => [`k${i + k}`, k])),
      )
    await sized.set('count', 0)
    await increment(sized as never)
    sizes[`set, ${size} keys`] = median(await times(5, () => awaited(500, i => sized.set('k5', i))))
    sizes[`atomic, ${size} keys`] = median(
      await times(5, () => awaited(500, () => increment(sized as never))),
    )
    await sized.close()
  }
  table('By the size of the state', sizes, ms => ({ µs: (ms * 1000).toFixed(1) }))

  const counter = new State<{ count: number }>(address, { namespace: 'counter' })
  await counter.set('count', 0)
  const children = Array.from({ length: 4 }, () => spawnTied(new URL(import.meta.url), { args: [address] }))
  await Promise.all(children.map(child => once(child, 'message')))
  const run = (ms: number) =>
    Promise.all(
      children.map(async child => {
        const answer = once(child, 'message')
        child.send(ms)
        return Number((await answer)[0])
      }),
    )
  const warm = await run(2000)
  const counts = await run(5000)
  const total = [...warm, ...counts].reduce((sum, count) => sum + count)
  const exact = (await counter.get('count')) === total
  console.log(
    `4 processes, each awaiting its increments: ${Math.round(counts.reduce((a, b) => a + b) / 5)}/s, ` +
      `${Math.min(...counts)} to ${Math.max(...counts)} each, ${exact ? 'the total is exact' : 'THE TOTAL IS WRONG'}`,
  )
  if (!exact) process.exitCode = 1

  for (const child of children) child.kill()
  await Promise.all([state.close(), watcher.close(), counter.close()])
  redis.disconnect()
  reader.disconnect()
  server.kill()
  await once(server, 'exit')
  rmSync(directory, { recursive: true })
}

async function times(count: number, measure: () => Promise<number>): Promise<number[]> {
  const figures = []
  for (let i = 0; i < count; i++) figures.push(await measure())
  return figures
}

function table(title: string, figures: Record<string, number>, row: (figure: number) => object): void {
  console.log(title)
  console.table(Object.fromEntries(Object.entries(figures).map(([name, figure]) => [name, row(figure)])))
}
