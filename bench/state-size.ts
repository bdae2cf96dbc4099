// Does a call take longer when the state is larger? From 10 to 1,000,000 keys; each call takes another key.
import { atomic, State, startServer } from 'zproc'
import { awaited, inTurn, mustBe, pipelined, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

type Numbers = Record<string, number>
const sizes = [10, 100, 1000, 10_000, 100_000, 1_000_000]
const increment = atomic((state: Numbers, key: string) => {
  state[key] = (state[key] as number) + 1
})
const server = await startServer()
const counts = new Map<State<Numbers>, number>()
const states: [name: string, key: (i: number) => string, state: State<Numbers>][] = []
for (const size of sizes) {
  const state = new State<Numbers>(server.address, { namespace: `of ${size}` })
  const count = Math.max(10, sized(size))
  for (let i = 0; i < count; i += 1000)
    await state.update(
      Object.fromEntries(Array.from({ length: Math.min(1000, count - i) }, (_, k) => [`k${i + k}`, 0])),
    )
  counts.set(state, count)
  states.push([`${size.toLocaleString('en')} keys`, i => `k${(i * 7919) % count}`, state])
}

type Numbered = (state: State<Numbers>, key: string, i: number) => Promise<unknown>
const calls: Record<string, Numbered> = {
  set: (state, key, i) => state.set(key, i),
  get: (state, key) => state.get(key),
  atomic: (state, key) => increment(state, key),
}
const ONE = sized(200)
const MANY = sized(20_000)
for (const [name, call] of Object.entries(calls))
  report(
    `One ${name} at a time, by size`,
    'µs',
    await inTurn(
      sized(40),
      candidates(call, run => awaited(ONE, run)),
      3,
    ),
  )
for (const [name, call] of Object.entries(calls))
  report(
    `500 calls of ${name} in flight, by size`,
    'per second',
    await inTurn(
      sized(9),
      candidates(call, run => pipelined(MANY, 500, run)),
    ),
  )
for (const [name, , state] of states) {
  // Every call was of a key that was there.
  mustBe(`the size of ${name}`, await state.size(), counts.get(state))
  await state.close()
}
await server.stop()

function candidates(call: Numbered, measure: (run: (i: number) => Promise<unknown>) => Promise<number>) {
  return Object.fromEntries(
    states.map(([name, key, state]) => [name, () => measure(i => call(state, key(i), i))] as const),
  )
}
