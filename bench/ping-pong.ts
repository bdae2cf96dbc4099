// Two processes wake each other through getWhenEqual: how long does a full turn, there and back, take?
import { State, startServer } from '../src/index.ts'
import { spawnTied } from '../src/lifeline/spawn.ts'
import { startEcho } from './kit/echo.ts'
import { awaited, inTurn } from './kit/measure.ts'

const N = 3000
type Table = { ping: number; pong: number }

if (process.send) {
  const state = new State<Table>(process.argv[2] as string)
  await state.set('pong', 0)
  process.send?.('ready')
  for (let i = 1; ; i++) {
    await state.getWhenEqual('ping', i).catch(() => process.exit())
    state.set('pong', i).catch(() => process.exit())
  }
}

const server = await startServer()
const echo = await startEcho()
const child = spawnTied(new URL(import.meta.url), { args: [server.address] })
await new Promise(resolve => child.once('message', resolve))
const state = new State<Table>(server.address)
let turn = 0
const figures = await inTurn(9, {
  echo: async () => (await echo.roundTrips(N)) / N,
  'ping-pong': () =>
    awaited(N, () => {
      turn++
      state.set('ping', turn)
      return state.getWhenEqual('pong', turn)
    }),
})
console.table(
  Object.fromEntries(
    Object.entries(figures).map(([name, ms]) => [
      name,
      { µs: (ms * 1000).toFixed(1), '× echo': (ms / figures.echo).toFixed(2) },
    ]),
  ),
)
child.kill()
echo.stop()
await server.stop()
