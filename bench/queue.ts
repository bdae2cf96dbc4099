// Would a queue library carry a map better than the streams that zproc reads and writes itself? Against BullMQ, on one Redis.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Context, type State } from 'zproc'
import { watchOver } from '../src/lifeline/guard.ts'
import { inTurn, mustBe, sized, timed } from './kit/measure.ts'
import { peer } from './kit/peer.ts'
import { report } from './kit/report.ts'
import { joined, redisServer } from './kit/stations.ts'

const ITEMS = Array.from({ length: sized(10_000) }, (_, i) => i)
const QUEUE = 'numbers'

const redis = await redisServer()
const ctx = new Context<Record<string, number>>(redis.address)
const bullmq = await peer('bullmq')
const jobs = bullmq ? await bullmqQueue() : undefined

{
  const workers = await joined(redis.address)
  report(
    '10,000 small items, 2 workers',
    'per second',
    await inTurn<string>(sized(5), {
      'zproc, the pool of a namespace': async () => perSecond(() => mapped(ITEMS)),
      ...(jobs && {
        'BullMQ, a job for 100 items': async () => perSecond(() => jobs.run(chunks(ITEMS, 100))),
        'BullMQ, a job for each item': async () => perSecond(() => jobs.run(chunks(ITEMS, 1))),
      }),
    }),
  )
  report(
    'One item, there and back',
    'ms',
    await inTurn<string>(sized(50), {
      'zproc, the pool of a namespace': () => timed(() => mapped([1])),
      ...(jobs && { BullMQ: () => timed(() => jobs.run([[1]])) }),
    }),
  )
  for (const worker of workers) worker.kill()
  await Promise.all(workers.map(worker => once(worker, 'exit')))
}

report(
  'A worker is killed at its item: until another has done it',
  'ms',
  await inTurn<string>(
    sized(3),
    {
      'zproc, the pool of a namespace': mapWithDeath,
      ...(jobs && { 'BullMQ, with lockDuration 5000': jobs.runWithDeath }),
    },
    0,
  ),
)

await jobs?.close()
await ctx.close()
await redis.stop()

async function perSecond(run: () => Promise<unknown>): Promise<number> {
  return (ITEMS.length / (await timed(run))) * 1000
}

async function mapped(items: number[]): Promise<void> {
  const results = await ctx.processMap((x: number) => x + 1, items, { pool: 'shared' }).toArray()
  mustBe('the last result', results.at(-1), (items.at(-1) as number) + 1)
}

/** Whoever gets the item first never ends with it, and is killed. */
async function mapWithDeath(): Promise<number> {
  const workers = await joined(redis.address)
  const hang = async (state: State<Record<string, number>>, x: number) => {
    if ((await state.setDefault('at', process.ppid)) === process.ppid) await new Promise(() => {})
    return x + 1
  }
  const results = ctx.processMap(hang, [1], { pool: 'shared', stateful: true })
  const { at } = await ctx.state.getWhenAvailable('at', { live: true })
  workers.find(({ pid }) => pid === at)?.kill('SIGKILL')
  const ms = await timed(async () => mustBe('the result', (await results.toArray())[0], 2))
  for (const worker of workers) worker.kill()
  await ctx.state.clear()
  return ms
}

async function bullmqQueue() {
  const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null }
  const queue = new bullmq.Queue(QUEUE, { connection, defaultJobOptions: { removeOnComplete: true } })
  const events = new bullmq.QueueEvents(QUEUE, { connection })
  await events.waitUntilReady()
  const waiting = new Map<string, (numbers: number[]) => void>()
  events.on('completed', ({ jobId, returnvalue }: { jobId: string; returnvalue: number[] }) =>
    waiting.get(jobId)?.(returnvalue),
  )
  let ids = 0
  let workers: ChildProcess[] = []
  const start = async () => {
    const worker = fork(new URL('./kit/bullmq-worker.mjs', import.meta.url), [`${redis.port}`, QUEUE])
    worker.once('exit', watchOver(worker.pid as number, 'first'))
    await once(worker, 'message')
    workers.push(worker)
    return worker
  }
  await Promise.all([start(), start()])

  /** Resolves when all results are here, in order. */
  async function run(chunks: number[][], hangs = false): Promise<void> {
    const numbered = chunks.map(items => ({ id: `job ${++ids}`, items }))
    const results = numbered.map(({ id }) => new Promise<number[]>(resolve => waiting.set(id, resolve)))
    await queue.addBulk(
      numbered.map(({ id, items }) => ({ name: 'add', data: { items, hangs }, opts: { jobId: id } })),
    )
    const last = (await Promise.all(results)).flat().at(-1)
    for (const { id } of numbered) waiting.delete(id)
    mustBe('the last result', last, (chunks.at(-1)?.at(-1) as number) + 1)
  }

  async function runWithDeath(): Promise<number> {
    const hanging = Promise.race(
      workers.map(async worker => {
        await once(worker, 'message')
        return worker
      }),
    )
    const running = run([[1]], true)
    const victim = await hanging
    victim.kill('SIGKILL')
    const ms = await timed(() => running)
    workers = workers.filter(worker => worker !== victim)
    await start()
    return ms
  }

  async function close(): Promise<void> {
    for (const worker of workers) worker.kill()
    await Promise.all([events.close(), queue.close()])
  }
  return { run, runWithDeath, close }
}

function chunks(items: number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  )
}
