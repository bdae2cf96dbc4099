// How fast is a map, of tiny items, of one call each, and of long skewed ones?
import { connect, createServer } from 'node:net'
import { Context } from 'zproc'
import { randomIpcAddress } from '../src/protocol/address.ts'
import { fromWire, toWire } from '../src/protocol/values.ts'
import { Channel } from '../src/transport/channel.ts'
import { inTurn, median } from './kit/measure.ts'

const MILLION = Array.from({ length: 1_000_000 }, (_, i) => i)
const square = (x: number) => x * x
const ctx = new Context()
const warm = await ctx.processMap(square, [1, 2, 3], { count: 2 }).toArray()
if (warm[2] !== 9) throw new Error('wrong answer')

const figures = await inTurn(7, {
  'processMap of 1,000,000': () => timed(() => ctx.processMap(square, MILLION, { count: 2 }).toArray()),
  'packing, sending, unpacking': () => timed(bare),
})
console.table(
  Object.fromEntries(
    Object.entries(figures).map(([name, ms]) => [
      name,
      { ms: ms.toFixed(0), '× bare': (ms / figures['packing, sending, unpacking']).toFixed(2) },
    ]),
  ),
)

const spin = (ms: number) => {
  const end = performance.now() + ms
  while (performance.now() < end);
}
const skewed = Array.from({ length: 100 }, (_, i) => 1 + ((i * 7) % 20))
const ideal = skewed.reduce((sum, ms) => sum + ms, 0) / 2
const times = []
for (let i = 0; i < 5; i++)
  times.push(await timed(() => ctx.processMap(spin, skewed, { count: 2 }).toArray()))
console.log(`100 items of 1–20 ms on 2 workers: ${median(times).toFixed(0)} ms; ideal ${ideal} ms`)

const slow = (x: number) => new Promise(resolve => setTimeout(resolve, 100, x))
const firsts = []
for (let i = 0; i < 5; i++) {
  const began = performance.now()
  const results = ctx.processMap(
    slow,
    Array.from({ length: 10 }, (_, k) => k),
    { count: 2 },
  )
  await results.next()
  firsts.push(performance.now() - began)
  await results.toArray()
}
console.log(`first of 10 × 100 ms: after ${median(firsts).toFixed(0)} ms`)

const kilobyte = 'x'.repeat(1000)
function* records() {
  for (let i = 0; i < 1_000_000; i++) yield kilobyte + i
}
let count = 0
let most = 0
for await (const _ of ctx.processMap((text: string) => text.length, records(), { count: 2 })) {
  if (++count % 10_000 === 0) {
    await new Promise(resolve => setImmediate(resolve))
    most = Math.max(most, process.memoryUsage().heapUsed)
  }
}
console.log(
  `1,000,000 items of 1 kB: ${count} results; the parent's heap at most ${Math.round(most / 2 ** 20)} MB`,
)
await ctx.close()

async function timed(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await run()
  return performance.now() - began
}

/** The same arrays there and back over a socket of the same kind, in one process. */
async function bare(): Promise<void> {
  const path = randomIpcAddress().slice('ipc://'.length)
  const server = createServer(socket => {
    const channel = new Channel(socket, 2 ** 32, {
      frame: messages => {
        for (const wire of messages as never[]) channel.send(toWire(fromWire(wire), 'bare'))
      },
      closed: () => {},
    })
  }).listen(path)
  await new Promise<void>(resolve => {
    let left = 20
    const socket = connect({ path })
    const channel = new Channel(socket, 2 ** 32, {
      frame: messages => {
        for (const wire of messages as never[]) {
          fromWire(wire)
          if (--left === 0) socket.destroy()
        }
      },
      closed: () => resolve(),
    })
    for (let i = 0; i < 20; i++) channel.send(toWire(MILLION.slice(i * 50_000, (i + 1) * 50_000), 'bare'))
  })
  server.close()
}
