// A hundred States watch, one writes: is anything lost? What does a long log weigh, and what does a view's read cost?
import { readFileSync } from 'node:fs'
import { State, startServer } from '../src/index.ts'
import { pipelined } from './kit/measure.ts'

const server = await startServer()
const writer = new State<Record<string, number>>(server.address)
const WRITES = 2000
const watchers = Array.from({ length: 100 }, () => new State<Record<string, number>>(server.address))
await Promise.all(watchers.map(state => state.size()))
const began = performance.now()
const seen = watchers.map(async state => {
  let expected = 0
  for await (const snapshot of state.whenChange('n')) {
    if (snapshot.n !== expected++) throw new Error(`expected ${expected - 1}, got ${snapshot.n}`)
    if (expected === WRITES) return
  }
})
await Promise.all([...seen, pipelined(WRITES, 500, i => writer.set('n', i))])
const seconds = (performance.now() - began) / 1000
console.log(
  `100 watchers × ${WRITES} updates, in order, none lost: ${Math.round((100 * WRITES) / seconds)} deliveries/s`,
)

const rate = await pipelined(1_000_000, 500, i => writer.set(`k${i % 100}`, i))
const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]
console.log(
  `1,000,000 commits on 100 keys: ${Math.round(rate)}/s; the server's memory after them ${Math.round(Number(rss) / 1024)} MB`,
)

const view = await writer.view()
const reads = 5_000_000
const start = performance.now()
let sum = 0
for (let i = 0; i < reads; i++) sum += view.get('k5') as number
console.log(
  `view.get: ${(((performance.now() - start) * 1e6) / reads).toFixed(0)} ns (${sum > 0 ? 'ok' : 'wrong'})`,
)
await server.stop()
