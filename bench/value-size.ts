// A value is set and got back, from 10 bytes to 10 MB: what does that take, against the same bytes over a bare socket?
// An echo goes there and back once; set and get do so twice, with the bytes on one way each.
import { State, startServer } from 'zproc'
import { startEcho } from './kit/echo.ts'
import { startOpponents } from './kit/keeper.ts'
import { awaited, inTurn, mustBe, quick, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

const sizes: [name: string, bytes: number, count: number][] = [
  ['10 bytes', 10, 200],
  ['1 kB', 1000, 200],
  ['100 kB', 100_000, 50],
  ['1 MB', 1_000_000, 10],
  ['10 MB', 10_000_000, 2],
]
const server = await startServer()
const state = new State<{ value: string | Buffer }>(server.address)
const echo = await startEcho()
const opponents = await startOpponents()
for (const [name, bytes, full] of sizes) {
  const count = quick ? 1 : full
  const text = 'x'.repeat(bytes)
  const buffer = Buffer.alloc(bytes, 1)
  const there = async (value: string | Buffer) => {
    await state.set('value', value)
    mustBe('the length', (await state.get('value')).length, bytes)
  }
  const candidates: Record<string, () => Promise<number>> = {
    'bare echo': () => echo.roundTrips(count, bytes),
    'zproc, a string': () => awaited(count, () => there(text)),
    'zproc, a Buffer': () => awaited(count, () => there(buffer)),
  }
  for (const { name, one } of opponents)
    candidates[`${name}, a string`] = () =>
      awaited(count, async () => {
        await one.set('value', text)
        mustBe(`the length at ${name}`, ((await one.get('value')) as string).length, bytes)
      })
  report(`A value of ${name} set and got back`, 'µs', await inTurn(sized(15), candidates))
}
for (const { stop } of opponents) await stop()
echo.stop()
await state.close()
await server.stop()
