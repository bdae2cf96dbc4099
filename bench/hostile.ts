// Does a client notice that others send rubbish? Its calls beside hostile messages, and beside as many valid ones.
import { once } from 'node:events'
import { connect } from 'node:net'
import { State, startServer } from 'zproc'
import { closing, messages, opening, randomOf } from '../test/fuzz/inputs.ts'
import { inTurn, mustBe, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

const server = await startServer(null, { historyLimit: 1000, atomicTimeout: 200 })
const calm = new State<{ n: number }>(server.address, { namespace: 'calm' })
await calm.set('n', 1)
const random = randomOf(4)
// Made before, so that making them is not measured; as many of either kind, at the same moments.
const make = (hostile: boolean) =>
  Array.from({ length: sized(20) }, () =>
    Buffer.concat([opening, ...messages(random, 250, hostile), closing]),
  )
const [valid, hostile] = [make(false), make(true)]

report(
  'Calls of a client beside 250 messages of others each 20 ms',
  'per second',
  await inTurn(sized(20), { 'valid ones': () => beside(valid), 'hostile ones': () => beside(hostile) }, 2),
)
mustBe('the state', await calm.get('n'), 1)
await calm.close()
await server.stop()

async function beside(batches: Buffer[]): Promise<number> {
  let calls = 0
  let over = false
  const began = performance.now()
  const asking = (async () => {
    for (; !over; calls++) await calm.get('n')
  })()
  for (const batch of batches) {
    const next = new Promise(resolve => setTimeout(resolve, 20))
    const socket = connect({ path: server.address.slice('ipc://'.length) })
    socket.on('error', () => {}).resume()
    socket.write(batch)
    socket.setTimeout(15, () => socket.destroy())
    await Promise.all([once(socket, 'close'), next])
  }
  over = true
  await asking
  return (calls / (performance.now() - began)) * 1000
}
