// How fast is a map of tiny items, of one call each, of long skewed ones, a single call, and what does a map keep in memory?
import { connect, createServer } from 'node:net'
import { Context } from 'zproc'
import { randomIpcAddress } from '../src/protocol/address.ts'
import { fromWire, toWire } from '../src/protocol/values.ts'
import { Channel } from '../src/transport/channel.ts'
import { awaited, inTurn, mustBe, quick, sized, timed } from './kit/measure.ts'
import { peer } from './kit/peer.ts'
import { otherPools, unblockedPiscina } from './kit/pools.ts'
import { report } from './kit/report.ts'

const MILLION = Array.from({ length: sized(1_000_000) }, (_, i) => i)
const TINY = MILLION.slice(0, sized(50_000))
const halves = [MILLION.slice(0, MILLION.length / 2), MILLION.slice(MILLION.length / 2)]
const square = (x: number) => x * x
const thrice = (x: number) => x * 3
const factor = 3
const two = { count: 2 }
const ctx = new Context()
const others = await otherPools()
await ctx.processMap(square, TINY, two).toArray()

const { 'piscina.run': piscina } = others
report(
  '1,000,000 × x => x * x, 2 workers',
  'ms',
  await inTurn<string>(sized(9), {
    'processMap, plain call': () =>
      answered(lastOf(MILLION) ** 2, ctx.processMap(square, MILLION, two).toArray()),
    ...(piscina && {
      'piscina, two hand-made chunks': () =>
        answered(
          lastOf(MILLION) ** 2,
          Promise.all(halves.map(half => piscina.run(half))).then(parts => (parts as number[][]).flat()),
        ),
    }),
    'packing, sending, unpacking both ways, one process': () => timed(bare),
  }),
)
report(
  '1,000,000 × a number thrice, 2 workers',
  'ms',
  await inTurn(sized(25), {
    'x => x * 3': () => answered(lastOf(MILLION) * 3, ctx.processMap(thrice, MILLION, two).toArray()),
    'x => x * factor, a closure': () =>
      answered(lastOf(MILLION) * 3, ctx.processMap((x: number) => x * factor, MILLION, two).toArray()),
  }),
)
report(
  '50,000 tiny tasks, item by item',
  'ms',
  await inTurn(sized(3), {
    processMap: () => answered(lastOf(TINY) ** 2, each(ctx.processMap(square, TINY, two))),
    ...Object.fromEntries(
      Object.entries(others).map(([name, pool]) => [
        name,
        () => answered(lastOf(TINY) ** 2, Promise.all(TINY.map(x => pool.run(x)))),
      ]),
    ),
  }),
)

report(
  '50,000 calls in flight, 2 workers',
  'ms',
  await inTurn(sized(3), {
    'ctx.run': () => answered(lastOf(TINY) ** 2, Promise.all(TINY.map(x => ctx.run(square, x)))),
    ...Object.fromEntries(
      Object.entries(others).map(([name, pool]) => [
        name,
        () => answered(lastOf(TINY) ** 2, Promise.all(TINY.map(x => pool.run(x)))),
      ]),
    ),
  }),
)
const ONES = sized(1000)
const threads = new Context({ backend: 'thread' })
const unblocked = await unblockedPiscina()
report(
  'One call at a time',
  'µs',
  await inTurn(sized(9), {
    'ctx.run, threads': () => awaited(ONES, x => threads.run(square, x)),
    'ctx.run': () => awaited(ONES, x => ctx.run(square, x)),
    ...Object.fromEntries(
      Object.entries({ ...others, ...unblocked }).map(([name, pool]) => [
        name,
        () => awaited(ONES, x => pool.run(x)),
      ]),
    ),
  }),
)
for (const pool of Object.values(unblocked)) await pool.close()
await threads.close()

// Four of them 2 s, the others 20 ms.
const UNEVEN = sized(400)
const pauses = Array.from({ length: UNEVEN }, (_, i) => (i % (UNEVEN / 4) === 0 && !quick ? 2000 : 20))
const pause = (ms: number) => new Promise<number>(resolve => setTimeout(resolve, ms, ms))
const pausing = await peer('piscina').then(
  found =>
    found &&
    new found.Piscina({
      filename: new URL('./kit/pause.mjs', import.meta.url).href,
      minThreads: 4,
      maxThreads: 4,
    }),
)
await ctx.processMap(square, TINY.slice(0, 8), { count: 4 }).toArray()
report(
  `${UNEVEN} items that wait for 20 ms, four of them for 2 s, 4 workers`,
  'ms',
  await inTurn(sized(3), {
    ideal: () => Promise.resolve(pauses.reduce((sum, ms) => sum + ms, 0) / 4),
    processMap: () => answered(lastOf(pauses), ctx.processMap(pause, pauses, { count: 4 }).toArray()),
    ...(pausing && {
      'piscina.run': () => answered(lastOf(pauses), Promise.all(pauses.map(ms => pausing.run(ms)))),
    }),
  }),
)
await pausing?.destroy()

const spin = (ms: number) => {
  const end = performance.now() + ms
  while (performance.now() < end);
  return ms
}
const skewed = Array.from({ length: sized(100) }, (_, i) => 1 + ((i * 7) % 20))
const ideal = skewed.reduce((sum, ms) => sum + ms, 0) / 2
report(
  '100 items that compute for 1–20 ms, 2 workers',
  'ms',
  await inTurn(sized(5), {
    ideal: () => Promise.resolve(ideal),
    processMap: () => answered(lastOf(skewed), ctx.processMap(spin, skewed, two).toArray()),
  }),
)

const slow = (x: number) => new Promise(resolve => setTimeout(resolve, 100, x))
report(
  'The first result of 10 × 100 ms, 2 workers',
  'ms',
  await inTurn(sized(5), {
    processMap: async () => {
      const began = performance.now()
      const results = ctx.processMap(slow, TINY.slice(0, 10), two)
      mustBe('the first', (await results.next()).value, 0)
      const first = performance.now() - began
      await results.toArray()
      return first
    },
  }),
)

const kilobyte = 'x'.repeat(1000)
function* records() {
  for (let i = 0; i < MILLION.length; i++) yield kilobyte + i
}
let count = 0
let most = 0
for await (const length of ctx.processMap((text: string) => text.length, records(), two)) {
  if (length < 1001) mustBe('a length', length, 1001)
  if (++count % sized(10_000) === 0) {
    await new Promise(resolve => setImmediate(resolve))
    most = Math.max(most, process.memoryUsage().heapUsed)
  }
}
mustBe('the number of results', count, MILLION.length)
report('1,000,000 items of 1 kB, a slow consumer', 'MB', { "the parent's heap at most": [most / 2 ** 20] })
for (const pool of Object.values(others)) await pool.close()
await ctx.close()

function lastOf(numbers: number[]): number {
  return numbers.at(-1) as number
}

function answered(last: number, results: Promise<unknown[]>): Promise<number> {
  return timed(async () => mustBe('the last result', (await results).at(-1), last))
}

async function each<T>(results: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const result of results) all.push(result)
  return all
}

/** The same arrays there and back over a socket of the same kind, in one process. */
async function bare(): Promise<void> {
  const path = randomIpcAddress().slice('ipc://'.length)
  const server = createServer(socket => {
    const channel = Channel.over(socket, {
      frame: messages => {
        for (const wire of messages as never[]) channel.send(toWire(fromWire(wire), 'bare'))
      },
      lost: () => {},
    })
  }).listen(path)
  await new Promise<void>(resolve => {
    let left = 20
    const part = MILLION.length / left
    const socket = connect({ path })
    const channel = Channel.over(socket, {
      frame: messages => {
        for (const wire of messages as never[]) {
          fromWire(wire)
          if (--left === 0) socket.destroy()
        }
      },
      lost: () => resolve(),
    })
    for (let i = 0; i < 20; i++) channel.send(toWire(MILLION.slice(i * part, (i + 1) * part), 'bare'))
  })
  server.close()
}
