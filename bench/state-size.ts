// Does a call take longer when the state is larger? From 10 to 1,000,000 keys. One at a time each call takes another key.
// In flight it shows whether the same keys are near in memory: so the same ten are called, and then another one each time,
// beside a bare Map, which is what any table costs that is larger than the processor's caches.
import { atomic, State, startServer } from 'zproc'
import { awaited, inTurn, mustBe, pipelined, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

type Numbers = Record<string, number>
const sizes = [10, 100, 1000, 10_000, 100_000, 1_000_000]
const increment = atomic((state: Numbers, key: string) => {
  state[key] = (state[key] as number) + 1
})
// All of one length: it is the number of keys that is asked about.
const keyOf = (i: number) => `k${String(i).padStart(7, '0')}`
const server = await startServer()
const counts = new Map<State<Numbers>, number>()
const states: [
  name: string,
  key: (i: number) => string,
  state: State<Numbers>,
  ten: (i: number) => string,
][] = []
for (const size of sizes) {
  const state = new State<Numbers>(server.address, { namespace: `of ${size}` })
  const count = Math.max(10, sized(size))
  for (let i = 0; i < count; i += 1000)
    await state.update(
      Object.fromEntries(Array.from({ length: Math.min(1000, count - i) }, (_, k) => [keyOf(i + k), 0])),
    )
  counts.set(state, count)
  const ten = Array.from({ length: 10 }, (_, i) => keyOf(i * Math.floor(count / 10)))
  states.push([
    `${size.toLocaleString('en')} keys`,
    i => keyOf((i * 7919) % count),
    state,
    i => ten[i % 10] as string,
  ])
}

type Numbered = (state: State<Numbers>, key: string, i: number) => Promise<unknown>
const calls: Record<string, Numbered> = {
  set: (state, key, i) => state.set(key, i),
  get: (state, key) => state.get(key),
  atomic: (state, key) => increment(state, key),
}
const ONE = sized(200)
const MANY = sized(100_000)
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
    `500 calls of ${name} in flight, the same ten keys, by size`,
    'per second',
    await inTurn(
      sized(9),
      candidates(call, run => pipelined(MANY, 500, run), true),
    ),
  )
report(
  '500 calls of get in flight, another key each, by size',
  'per second',
  await inTurn(
    sized(9),
    candidates(calls.get as Numbered, run => pipelined(MANY, 500, run)),
  ),
)
report(
  'Looking up another key each time in a bare Map, by size',
  'per second',
  await inTurn(sized(9), Object.fromEntries(states.map(bareMap))),
)
for (const [name, , state] of states) {
  // Every call was of a key that was there.
  mustBe(`the size of ${name}`, await state.size(), counts.get(state))
  await state.close()
}
await server.stop()

function candidates(
  call: Numbered,
  measure: (run: (i: number) => Promise<unknown>) => Promise<number>,
  sameTen = false,
) {
  return Object.fromEntries(
    states.map(([name, other, state, ten]) => {
      const key = sameTen ? ten : other
      return [name, () => measure(i => call(state, key(i), i))] as const
    }),
  )
}

/** As a server looks up: by a text that was made just now, and is not the one in the table. */
function bareMap([name, key, state]: (typeof states)[0]): [string, () => Promise<number>] {
  const map = new Map(
    Array.from({ length: counts.get(state) as number }, (_, i) => [
      Buffer.from(keyOf(i)).toString('latin1'),
      i,
    ]),
  )
  return [
    name,
    async () => {
      const keys = Array.from({ length: MANY }, (_, i) => Buffer.from(key(i)).toString('latin1'))
      let found = 0
      const began = performance.now()
      for (const each of keys) if (map.has(each)) found++
      const took = performance.now() - began
      mustBe('the keys that a map has', found, MANY)
      return (MANY * 1000) / took
    },
  ]
}
