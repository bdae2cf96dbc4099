// What does an open inspector cost those who call? Two servers, one of which is looked at: calls to each in turn.
import { atomic, State, startServer } from 'zproc'
import { openInspector } from './kit/inspector.ts'
import { inTurn, mustBe, pipelined, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

type Table = Record<string, number>
const increment = atomic((state: Table) => {
  state.count = (state.count as number) + 1
})

const [plain, watched] = await Promise.all([startServer(), startServer()])
const states = { plain: new State<Table>(plain.address), watched: new State<Table>(watched.address) }
for (const state of Object.values(states))
  await state.update(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, i])))
await Promise.all(Object.values(states).map(state => state.set('count', 0)))
const inspector = await openInspector(watched.address)

// A round takes several of the ticks, ten a second, in which the inspector reads.
const M = sized(300_000)
const rounds = sized(31)
const set = (state: State<Table>) => () => pipelined(M, 500, i => state.set(`key ${i % 1000}`, i))
const get = (state: State<Table>) => () => pipelined(M, 500, i => state.get(`key ${i % 1000}`))
const run = (state: State<Table>) => () => pipelined(M, 500, () => increment(state))
report(
  '500 calls in flight, an inspector open',
  'per second',
  await inTurn(rounds, {
    set: set(states.plain),
    'set, inspected': set(states.watched),
    get: get(states.plain),
    'get, inspected': get(states.watched),
    atomic: run(states.plain),
    'atomic, inspected': run(states.watched),
  }),
)
mustBe('the count', await states.watched.get('count'), (rounds + 1) * M)

await inspector.close()
await Promise.all(Object.values(states).map(state => state.close()))
await Promise.all([plain.stop(), watched.stop()])
