// One element is appended to an array atomically: does it matter how long the array is?
import { atomic, State, startServer } from 'zproc'
import { startOpponents } from './kit/keeper.ts'
import { awaited, inTurn, mustBe, pipelined, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

type Lists = Record<string, number[]>
const append = atomic((state: Lists, key: string, value: number) => (state[key] as number[]).push(value))
const TIMES = 20
const LONGEST = 100_000
const rounds = sized(30)
const server = await startServer()
const state = new State<Lists>(server.address)
const opponents = await startOpponents()
const candidates: Record<string, () => Promise<number>> = {}

for (const length of [10, 100, 1000, 10_000, LONGEST]) {
  const list = Array.from({ length: Math.max(10, sized(length)) }, (_, i) => i)
  const key = `of ${length}`
  candidates[`zproc, ${length.toLocaleString('en')} elements`] = async () => {
    await state.set(key, list)
    let now = 0
    const took = await awaited(TIMES, async i => {
      now = await append(state, key, i)
    })
    mustBe('the length', now, list.length + TIMES)
    return took
  }
}
for (const { name, one, many } of opponents) {
  let expected = sized(LONGEST)
  await pipelined(expected, 500, i => many.append('list', i))
  candidates[`${name}, ${LONGEST.toLocaleString('en')} elements`] = async () => {
    let now: unknown = 0
    const took = await awaited(TIMES, async i => {
      now = await one.append('list', i)
    })
    expected += TIMES
    mustBe(`the length at ${name}`, now, expected)
    return took
  }
}
report('One element appended to an array', 'µs', await inTurn(rounds, candidates))
for (const { stop } of opponents) await stop()
await state.close()
await server.stop()
