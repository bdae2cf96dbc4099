// How long does one call take, and how many can be under way? Against a bare echo over the same kind of socket.
import { atomic, State, startServer } from 'zproc'
import { placeAnywhere, placeApart, placeTogether } from './kit/cores.ts'
import { startEcho } from './kit/echo.ts'
import { awaited, inTurn, mustBe, pipelined, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

type Table = Record<string, number>
const increment = atomic((state: Table) => {
  state.count = (state.count as number) + 1
  return state.count
})

const server = await startServer()
const few = new State<Table>(server.address)
const many = few.fork({ namespace: 'many' })
await few.update({ count: 0, ...keys(9) })
for (let i = 0; i < sized(100); i++) await many.update(keys(1000, i * 1000))
await many.set('count', 0)
const echo = await startEcho()

// Short rounds, many of them: whatever else the machine does meets all candidates alike.
const N = sized(300)
const rounds = sized(100)
const bulk = sized(9)
const everybody = [process.pid, server.pid, echo.pid]
const oneAtATime = () =>
  inTurn(
    rounds,
    {
      'bare echo': () => echo.roundTrips(N),
      set: () => awaited(N, i => few.set('key', i)),
      get: () => awaited(N, () => few.get('key')),
      atomic: () => awaited(N, () => increment(few)),
      'set, 100,000 keys': () => awaited(N, i => many.set('k5', i)),
      'get, 100,000 keys': () => awaited(N, () => many.get('k5')),
      'atomic, 100,000 keys': () => awaited(N, () => increment(many)),
    },
    5,
  )
placeApart([process.pid], [server.pid, echo.pid])
report('One call at a time, each process on a core of its own', 'µs', await oneAtATime())
placeTogether(...everybody)
report('One call at a time, all processes on one core', 'µs', await oneAtATime())
placeAnywhere(...everybody)
mustBe('the key', await few.get('key'), N - 1)
mustBe('the count', await few.get('count'), 2 * (rounds + 5) * N)

const M = sized(50_000)
report(
  '500 calls in flight',
  'per second',
  await inTurn(bulk, {
    set: () => pipelined(M, 500, i => few.set('key', i)),
    get: () => pipelined(M, 500, () => few.get('key')),
    atomic: () => pipelined(M, 500, () => increment(few)),
    'set, 100,000 keys': () => pipelined(M, 500, i => many.set('k5', i)),
    'get, 100,000 keys': () => pipelined(M, 500, () => many.get('k5')),
    'atomic, 100,000 keys': () => pipelined(M, 500, () => increment(many)),
  }),
)
mustBe('the count of many', await many.get('count'), 2 * (rounds + 5) * N + (bulk + 1) * M)
echo.stop()
await few.close()
await many.close()
await server.stop()

function keys(count: number, from = 0): Table {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${from + i}`, i]))
}
