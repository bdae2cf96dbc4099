// A shared pool whose programs and workers come, cancel, leave, hang and die: afterwards each worker takes items again.
// A seed decides. SHARED_LOST_SEEDS=40 plays so many schedules instead of 2, SHARED_LOST_SEED=7 that one.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { Context, State, startServer } from '../../src/index.ts'
import { poolNamespace } from '../../src/store/mail.ts'
import { range } from './contexts.ts'
import { joinedWorker } from './hosts.ts'

type Shared = State<Record<string, unknown>>
const shared = { pool: 'shared', chunkSize: 1, stateful: true } as const
const STEPS = 14

test('a host that was stopped for a time gives up what was given to another meanwhile', {
  timeout: 90_000,
}, async t => {
  const server = await startServer()
  t.after(() => server.stop())
  const ctx = new Context(server.address)
  t.after(() => ctx.close())
  const host = await joinedWorker(t, server.address, '--count', '1')
  const item = async (state: Shared) => {
    if ((await state.setDefault('first', process.pid)) === process.pid) for (;;);
    return 'done'
  }
  const map = ctx.processMap(item, [0], { ...shared, maxRetries: 5 }).toArray()
  await ctx.state.getWhenAvailable('first')
  host.child.kill('SIGSTOP')
  const peers = new State<Record<string, { role: string }>>(server.address, {
    namespace: poolNamespace('default'),
  })
  t.after(() => peers.close())
  await peers.getWhen(all => Object.values(all).every(({ role }) => role === 'maps'))
  host.child.kill('SIGCONT')
  assert.deepEqual(await map, ['done'])
})

const { SHARED_LOST_SEEDS = '2', SHARED_LOST_SEED } = process.env
const seeds = SHARED_LOST_SEED ? [Number(SHARED_LOST_SEED)] : range(Number(SHARED_LOST_SEEDS)).map(x => x + 1)

for (const seed of seeds)
  test(`no worker is lost, whatever its programs do (seed ${seed})`, { timeout: 120_000 }, async t => {
    const schedule = new Schedule(t, seed)
    await schedule.open()
    for (let step = 0; step < STEPS; step++) await schedule.step()
    await schedule.end()
  })

/** Three workers of two hosts, two programs, and what these do. */
class Schedule {
  readonly #t: TestContext
  readonly #random: () => number
  readonly #maps = new Set<{ ctx: Context; controller: AbortController; settled: Promise<void> }>()
  readonly #pids = new Set<number>()
  /** What was done, for the message of a failure. */
  readonly #done: string[] = []
  #programs: Context[] = []
  #address = ''

  constructor(t: TestContext, seed: number) {
    this.#t = t
    this.#random = randomFrom(seed)
  }

  async open(): Promise<void> {
    const server = await startServer()
    this.#address = server.address
    this.#t.after(() => server.stop())
    this.#t.after(() => Promise.all(this.#programs.map(ctx => ctx.close())))
    this.#programs = [this.#program(), this.#program()]
    await Promise.all(['1', '2'].map(count => joinedWorker(this.#t, server.address, '--count', count)))
  }

  async step(): Promise<void> {
    const one = this.#random()
    if (one < 0.5) this.#map()
    else if (one < 0.65) this.#cancel()
    else if (one < 0.8) this.#kill()
    else if (one < 0.88) await this.#leave()
    else await after(this.#random() * 200)
  }

  /** Every map has its end, and all three workers are at an item at the same time. */
  async end(): Promise<void> {
    for (const { controller } of this.#maps) controller.abort(new Error('the end'))
    await Promise.all([...this.#maps].map(({ settled }) => settled))
    for (const ctx of this.#programs) {
      const words = `a worker is lost after: ${this.#done.join(', ')}`
      await within(30_000, meet(ctx, 3), words)
    }
  }

  #program(): Context {
    return new Context(this.#address)
  }

  #map(): void {
    const at = Math.floor(this.#random() * this.#programs.length)
    const ctx = this.#programs[at] as Context
    const controller = new AbortController()
    const kinds = { quick, slow, spin, dies }
    const kind = Object.keys(kinds)[Math.floor(this.#random() * 4)] as keyof typeof kinds
    const count = 1 + Math.floor(this.#random() * 5)
    this.#done.push(`program ${at} maps ${count} × ${kind}`)
    const options = { ...shared, signal: controller.signal, maxRetries: 20 }
    const map = ctx.processMap(kinds[kind], range(count), options)
    const settled = map.toArray().then(
      pids => {
        assert.equal(pids.length, count)
        for (const pid of pids) this.#pids.add(pid)
      },
      error => {
        if (!/was cancelled|the end|Context was closed|worker died/.test(String(error))) throw error
      },
    )
    this.#maps.add({ ctx, controller, settled })
  }

  #cancel(): void {
    const open = [...this.#maps].filter(({ controller }) => !controller.signal.aborted)
    const one = open[Math.floor(this.#random() * open.length)]
    this.#done.push('cancel')
    one?.controller.abort(new Error('the map was cancelled'))
  }

  #kill(): void {
    const pid = [...this.#pids].at(-1 - Math.floor(this.#random() * 3))
    if (pid === undefined) return
    this.#pids.delete(pid)
    this.#done.push('kill')
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended before.
    }
  }

  async #leave(): Promise<void> {
    const at = Math.floor(this.#random() * this.#programs.length)
    this.#done.push(`program ${at} leaves`)
    const left = this.#programs[at]
    this.#programs[at] = this.#program()
    await left?.close()
  }
}

const quick = async (_state: Shared, _x: number): Promise<number> => process.pid
const slow = async (state: Shared, x: number): Promise<number> => {
  await new Promise(resolve => setTimeout(resolve, 30 * x))
  await state.set('slow', x)
  return process.pid
}
const spin = async (_state: Shared, _x: number): Promise<number> => {
  for (;;);
}
const dies = async (state: Shared, x: number): Promise<number> => {
  if (x === 0 && (await state.setDefault(`died ${process.ppid}`, process.pid)) === process.pid)
    process.exit(1)
  return process.pid
}

/** Resolves when so many workers were at an item of the map at the same time. */
async function meet(ctx: Context, count: number): Promise<void> {
  const item = async (state: Shared, x: number, key: string, count: number) => {
    await state.set(`${key} ${x}`, true)
    await state.getWhen(all => Object.keys(all).filter(name => name.startsWith(key)).length === count)
    return x
  }
  const options = { ...shared, args: [randomUUID(), count] as [string, number], maxRetries: 20 }
  assert.deepEqual(await ctx.processMap(item, range(count), options).toArray(), range(count))
}

async function within<T>(ms: number, promise: Promise<T>, words: string): Promise<T> {
  const controller = new AbortController()
  const late = after(ms, undefined, { signal: controller.signal }).then(() => {
    throw new Error(words)
  })
  late.catch(() => {})
  try {
    return await Promise.race([promise, late])
  } finally {
    controller.abort()
  }
}

/** Numbers from 0 to 1 that follow from the seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
