// What does it cost that commits are on disk before anyone is shown them? All on the same disk, in one run: one awaited set
// beside a bare write and fdatasync and a set in memory; four processes with 100 calls in flight each; both beside Redis that
// syncs each write (appendfsync always) and SQLite (WAL, synchronous = FULL; it is in the process that writes, and each of its
// calls is waited for); how long it takes to start again; and how long calls wait while a checkpoint of a large state is made.
// DISK=<folder> says where; default: the temporary directory.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atomic, State, startServer } from 'zproc'
import { placeByTurns } from './kit/cores.ts'
import { type Crew, startCrew, workWhenTold } from './kit/crew.ts'
import { awaited, inTurn, mustBe, pipelined, quantile, sized, timed } from './kit/measure.ts'
import { ioredis, start as startRedis } from './kit/redis.ts'
import { report } from './kit/report.ts'
import { sqliteCrew } from './kit/sqlite.ts'

type Numbers = Record<string, unknown>
const ONE = sized(300)
const EACH = sized(50_000)
const ROUNDS = sized(9)
const TEAM = 4
const MILLION = sized(1_000_000)
// SQLite makes each commit by itself: so many take as long as many of the others.
const EACH_BY_ITSELF = sized(1000)
const REDIS = 'Redis, appendfsync always'
const SQLITE = 'SQLite, WAL, synchronous = FULL'
const increment = atomic((state: { count: number }) => {
  state.count++
})

if (process.send && process.argv[3] === 'redis') {
  const redis = await ioredis(process.argv[2] as string, false)
  workWhenTold(each => pipelined(each, 100, () => redis.increment('count')))
} else if (process.send) {
  const state = new State<{ count: number }>(process.argv[2] as string)
  await state.size()
  workWhenTold(each => pipelined(each, 100, () => increment(state)))
} else {
  const folder = mkdtempSync(join(process.env.DISK ?? tmpdir(), 'zproc-durable-'))
  try {
    await oneAtATime(folder)
    await inFlight(folder)
    await recovery(folder)
    await pauses(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function oneAtATime(folder: string): Promise<void> {
  const durable = await startServer(null, { data: join(folder, 'one') })
  const memory = await startServer()
  const [kept, held] = [new State<Numbers>(durable.address), new State<Numbers>(memory.address)]
  const file = await open(join(folder, 'bare'), 'w')
  // As a segment is: made at its full size before it is written. A commit of this size is a block of 128 bytes.
  await file.write(Buffer.alloc(8 << 20), 0, 8 << 20, 0)
  await file.sync()
  const block = Buffer.alloc(128, 1)
  let at = 0
  const redis = await redisOn(folder, 'one-redis')
  const client = redis && (await ioredis(redis.address, false))
  const sqlite = await sqliteCrew(1, join(folder, 'one.sqlite'))
  const bare = async () => {
    await file.write(block, 0, block.length, at)
    at = (at + block.length) % (4 << 20)
    await file.datasync()
  }
  const candidates: Record<string, () => Promise<number>> = {
    'write + fdatasync, and a set in memory': () =>
      awaited(ONE, async i => {
        await bare()
        await held.set('n', i)
      }),
    'durable set': () => awaited(ONE, i => kept.set('n', i)),
    'set in memory': () => awaited(ONE, i => held.set('n', i)),
    'write + fdatasync': () => awaited(ONE, bare),
  }
  if (client) candidates[REDIS] = () => awaited(ONE, i => client.set('n', i))
  if (sqlite) candidates[SQLITE] = async () => ((await timed(() => sqlite.work(ONE))) / ONE) * 1000
  report('One set at a time', 'µs', await inTurn(ROUNDS, candidates))
  await file.close()
  await client?.close()
  await redis?.stop()
  sqlite?.end()
  await Promise.all([kept.close(), held.close()])
  await Promise.all([durable.stop(), memory.stop()])
}

async function inFlight(folder: string): Promise<void> {
  const servers = {
    'in memory': await startServer(),
    durable: await startServer(null, { data: join(folder, 'many') }),
  }
  const candidates: Record<string, () => Promise<number>> = {}
  const ends: (() => unknown)[] = []
  for (const [name, server] of Object.entries(servers)) {
    const state = new State<{ count: number }>(server.address)
    await state.set('count', 0)
    const crew = await startCrew(import.meta.url, TEAM, [server.address])
    placeByTurns(...crew.children.map(({ pid }) => pid as number))
    let expected = 0
    candidates[name] = async () => {
      expected += TEAM * EACH
      const took = await timed(async () => crew.work(EACH))
      mustBe(`the count ${name}`, await state.get('count'), expected)
      return (TEAM * EACH * 1000) / took
    }
    ends.push(async () => {
      await crew.end()
      await state.close()
      await server.stop()
    })
  }
  await addPeers(folder, candidates, ends)
  report('Four processes, 100 calls in flight each', 'per second', await inTurn(ROUNDS, candidates))
  for (const end of ends) await end()
}

async function addPeers(
  folder: string,
  candidates: Record<string, () => Promise<number>>,
  ends: (() => unknown)[],
): Promise<void> {
  const add = (name: string, crew: Crew, each: number) => {
    placeByTurns(...crew.children.map(({ pid }) => pid as number))
    candidates[name] = async () => (TEAM * each * 1000) / (await timed(() => crew.work(each)))
    ends.push(() => crew.end())
  }
  const redis = await redisOn(folder, 'many-redis')
  if (redis) {
    add(REDIS, await startCrew(import.meta.url, TEAM, [redis.address, 'redis']), EACH)
    ends.push(redis.stop)
  }
  const sqlite = await sqliteCrew(TEAM, join(folder, 'many.sqlite'))
  if (sqlite) add(SQLITE, sqlite, EACH_BY_ITSELF)
}

function redisOn(folder: string, name: string): ReturnType<typeof startRedis> {
  mkdirSync(join(folder, name))
  return startRedis('ioredis', join(folder, name))
}

/** From the start of the process to the first answer. */
async function recovery(folder: string): Promise<void> {
  const empty = join(folder, 'empty')
  const commits = join(folder, 'commits')
  const keys = join(folder, 'keys')
  await fill(commits, state => pipelined(MILLION, 2000, i => state.set(`k${i % 1000}`, i)))
  await fill(keys, async state => {
    for (let i = 0; i < MILLION; i += 1000)
      await state.update(
        Object.fromEntries(Array.from({ length: Math.min(1000, MILLION - i) }, (_, k) => [`k${i + k}`, k])),
      )
  })
  const again = (data: string) => () =>
    timed(async () => {
      const server = await startServer(null, { data })
      const state = new State<Numbers>(server.address)
      await state.size()
      await state.close()
      await server.stop()
    })
  report(
    'A server is started on its folder',
    'ms',
    await inTurn(sized(3), {
      'nothing in it': again(empty),
      '1,000,000 small commits': again(commits),
      '1,000,000 keys': again(keys),
    }),
  )
}

async function fill(data: string, write: (state: State<Numbers>) => Promise<unknown>): Promise<void> {
  const server = await startServer(null, { data, durability: 'none' })
  const state = new State<Numbers>(server.address)
  await write(state)
  await state.close()
  await server.stop()
}

/** Gets of a large state, one at a time, while so much is written that checkpoints of it are made; p99.9. */
async function pauses(folder: string): Promise<void> {
  const server = await startServer(null, { data: join(folder, 'keys') })
  const [reader, writer] = [new State<Numbers>(server.address), new State<Numbers>(server.address)]
  const measure = async (bytes: number) => {
    const waits: number[] = []
    const filler = 'x'.repeat(1000)
    const writing = pipelined(Math.ceil(bytes / 1000), 20, i => writer.set('filler', `${i}${filler}`))
    let over = false
    void writing.then(() => {
      over = true
    })
    while (!over) waits.push(await timed(() => reader.get('k1')))
    await writing
    return quantile(waits, 0.999)
  }
  report(
    'The longest of a thousand gets (p99.9) beside a writer, 1,000,000 keys',
    'ms',
    await inTurn(sized(5), {
      'no checkpoint': () => measure(sized(5_000_000)),
      'with a checkpoint': () => measure(sized(200_000_000)),
    }),
  )
  await Promise.all([reader.close(), writer.close()])
  await server.stop()
}
