// Does a client notice that others send rubbish? Its calls beside hostile messages, and beside as many valid ones.
import { once } from 'node:events'
import { connect } from 'node:net'
import { State, startServer } from '../src/index.ts'
import { closing, messages, opening, randomOf } from '../test/fuzz/inputs.ts'
import { median } from './kit/measure.ts'

const server = await startServer(null, { historyLimit: 1000, atomicTimeout: 200 })
const calm = new State<{ n: number }>(server.address, { namespace: 'calm' })
await calm.set('n', 0)
const random = randomOf(4)
// Made before, so that making them is not measured; as many of either kind, at the same moments.
const make = (hostile: boolean) =>
  Array.from({ length: 20 }, () => Buffer.concat([opening, ...messages(random, 250, hostile), closing]))
const [valid, hostile] = [make(false), make(true)]
const ratios: number[] = []
for (let i = -2; i < 20; i++) {
  const [a, b] = [await slice(valid), await slice(hostile)]
  if (i >= 0) ratios.push(a / b)
}
ratios.sort((a, b) => a - b)
console.log(
  `calls beside valid / beside hostile traffic, 250 messages each 20 ms: median ${median(ratios).toFixed(2)}, of ${ratios.length} from ${ratios[0]?.toFixed(2)} to ${ratios.at(-1)?.toFixed(2)}`,
)
await calm.close()
await server.stop()

/** Calls per millisecond that another client makes meanwhile. */
async function slice(batches: Buffer[]): Promise<number> {
  let [calls, over] = [0, false]
  const began = performance.now()
  const asking = (async () => {
    for (; !over; calls++) await calm.get('n')
  })()
  for (const batch of batches) {
    const next = new Promise(resolve => setTimeout(resolve, 20))
    const socket = connect({ path: server.address.slice('ipc://'.length) })
    socket
      .on('error', () => {})
      .resume()
      .write(batch)
    socket.setTimeout(15, () => socket.destroy())
    await Promise.all([once(socket, 'close'), next])
  }
  over = true
  await asking
  return calls / (performance.now() - began)
}
