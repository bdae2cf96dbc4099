// Two processes wake each other through getWhenEqual: how long does a full turn, there and back, take?
import { State, startServer } from 'zproc'
import { startChild } from './kit/child.ts'
import { placeApart } from './kit/cores.ts'
import { startEcho } from './kit/echo.ts'
import { awaited, inTurn, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

type Table = { ping: number; pong: number }

if (process.send) {
  const state = new State<Table>(process.argv[2] as string)
  await state.set('pong', 0)
  process.send('ready')
  for (let i = 1; ; i++) {
    await state.getWhenEqual('ping', i).catch(() => process.exit())
    state.set('pong', i).catch(() => process.exit())
  }
}

const server = await startServer()
const echo = await startEcho()
const child = startChild(import.meta.url, [server.address])
await new Promise(resolve => child.once('message', resolve))
const state = new State<Table>(server.address)
// As the echo: the one that is woken is on another core than who waits for it.
placeApart([process.pid], [server.pid, echo.pid, child.pid as number])
const N = sized(300)
let turn = 0
report(
  'There and back through watchers',
  'µs',
  await inTurn(
    sized(100),
    {
      'bare echo': () => echo.roundTrips(N),
      'ping-pong': () =>
        awaited(N, () => {
          turn++
          void state.set('ping', turn)
          return state.getWhenEqual('pong', turn)
        }),
    },
    5,
  ),
)
child.kill()
echo.stop()
await state.close()
await server.stop()
