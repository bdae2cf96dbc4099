// How long does one call take, and how many can be under way? Against a bare echo over the same kind of socket.
import { atomic, State, startServer } from '../src/index.ts'
import { startEcho } from './kit/echo.ts'
import { awaited, inTurn, pipelined } from './kit/measure.ts'

const increment = atomic((state: { count: number }) => {
  state.count += 1
  return state.count
})

const server = await startServer()
const few = new State<Record<string, number>>(server.address)
const many = few.fork({ namespace: 'many' })
await few.update({ count: 0, ...keys(9) })
for (let i = 0; i < 100; i++) await many.update(keys(1000, i * 1000))
await many.set('count', 0)
const echo = await startEcho()

const N = 3000
const single = await inTurn(9, {
  echo: async () => (await echo.roundTrips(N)) / N,
  set: () => awaited(N, i => few.set('key', i)),
  get: () => awaited(N, () => few.get('key')),
  atomic: () => awaited(N, () => increment(few as never)),
  'set (100,000 keys)': () => awaited(N, i => many.set('k5', i)),
  'get (100,000 keys)': () => awaited(N, () => many.get('k5')),
  'atomic (100,000 keys)': () => awaited(N, () => increment(many as never)),
})
console.log('One call at a time')
console.table(
  Object.fromEntries(
    Object.entries(single).map(([name, ms]) => [
      name,
      { µs: (ms * 1000).toFixed(1), '× echo': (ms / single.echo).toFixed(2) },
    ]),
  ),
)

const M = 100_000
const flight = await inTurn(5, {
  set: () => pipelined(M, 500, i => few.set('key', i)),
  get: () => pipelined(M, 500, () => few.get('key')),
  atomic: () => pipelined(M, 500, () => increment(few as never)),
  'set (100,000 keys)': () => pipelined(M, 500, i => many.set('k5', i)),
  'get (100,000 keys)': () => pipelined(M, 500, () => many.get('k5')),
  'atomic (100,000 keys)': () => pipelined(M, 500, () => increment(many as never)),
})
console.log('500 calls in flight')
console.table(
  Object.fromEntries(
    Object.entries(flight).map(([name, rate]) => [name, { 'per second': Math.round(rate) }]),
  ),
)

echo.stop()
await server.stop()

function keys(count: number, from = 0): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${from + i}`, i]))
}
