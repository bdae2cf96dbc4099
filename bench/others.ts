// The same table kept by other means, in a process of its own: how long does a call take, and how many a second?
import { atomic, State, startServer } from 'zproc'
import { type Keeper, startOpponents } from './kit/keeper.ts'
import { awaited, inTurn, mustBe, pipelined, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

type Call = (i: number) => Promise<unknown>
const increment = atomic((state: Record<string, number>, key: string) => {
  state[key] = (state[key] ?? 0) + 1
  return state[key]
})
const server = await startServer()
const state = new State<Record<string, unknown>>(server.address)
const ours: Keeper = {
  set: (key, value) => state.set(key, value),
  get: key => state.get(key),
  increment: key => increment(state as State<Record<string, number>>, key),
  append: () => Promise.reject(),
  close: () => state.close(),
}
const opponents = await startOpponents()
const everybody = [{ name: 'zproc', one: ours, many: ours }, ...opponents]
const questions: Record<string, (keeper: Keeper, i: number) => Promise<unknown>> = {
  set: (keeper, i) => keeper.set('key', i),
  get: keeper => keeper.get('key'),
  increment: keeper => keeper.increment('count'),
}

const ONE = 200
const slow = sized(30)
for (const question of Object.keys(questions))
  report(
    `One ${question} at a time, by other means`,
    'µs',
    await inTurn(
      slow,
      candidates(question, 'one', call => awaited(ONE, call)),
    ),
  )
const MANY = sized(20_000)
const fast = sized(5)
for (const question of Object.keys(questions))
  report(
    `500 calls of ${question} in flight, by other means`,
    'per second',
    await inTurn(
      fast,
      candidates(question, 'many', call => pipelined(MANY, 500, call)),
    ),
  )

const total = (slow + 1) * ONE + (fast + 1) * MANY
for (const { name, one, many } of everybody) {
  await one.set('key', MANY)
  mustBe(`the value at ${name}`, Number(await many.get('key')), MANY)
  mustBe(`the count of ${name}`, Number(await one.get('count')), one.run ? 2 * total : total)
}
for (const { stop } of opponents) await stop()
await state.close()
await server.stop()

function candidates(question: string, which: 'one' | 'many', measure: (call: Call) => Promise<number>) {
  const all: Record<string, () => Promise<number>> = {}
  for (const it of everybody) {
    const keeper = it[which]
    const { run } = keeper
    all[it.name] = () => measure(i => (questions[question] as (typeof questions)[string])(keeper, i))
    if (question === 'increment' && run) all[`${it.name}, a Lua function`] = () => measure(() => run('count'))
  }
  return all
}
