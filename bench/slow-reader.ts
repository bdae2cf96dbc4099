// Does a watcher that stops reading cost the others anything? The time from a write to its being seen, without and with
// fifty that do not read, and what those cost the server.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { State, startServer } from 'zproc'
import { encodeFrame } from '../src/protocol/frames.ts'
import { Ask } from '../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, VERSION } from '../src/protocol/messages.ts'
import { residentBytes } from './kit/held.ts'
import { inTurn, quantile, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

const SLOW = 50
const text = 'x'.repeat(1000)
const server = await startServer(null, { historyLimit: 1000, graceTime: 0 })
const writer = new State<{ n: number; text: string }>(server.address)
const watcher = new State<{ n: number; text: string }>(`ipc:///${server.address.slice('ipc://'.length)}`)
await watcher.size()
let n = 0

/** The slowest hundredth of the times from a write to its being seen, milliseconds. */
async function latency(): Promise<number> {
  const times: number[] = []
  let began = 0
  const until = n + sized(3000)
  const watching = (async () => {
    for await (const { after } of watcher.rawUpdates()) {
      if (after.n === n) times.push(performance.now() - began)
      if (after.n === until) return
    }
  })()
  while (n < until) {
    const count = times.length
    began = performance.now()
    await writer.set('n', ++n)
    while (times.length === count) await new Promise(resolve => setImmediate(resolve))
  }
  await watching
  return quantile(times, 0.99)
}

const slow: Socket[] = []
async function withSlow<T>(run: () => Promise<T>): Promise<T> {
  for (let i = 0; i < SLOW; i++) {
    const socket = connect({ path: server.address.slice('ipc://'.length) })
    socket.on('error', () => {})
    await once(socket, 'connect')
    const token = randomBytes(16)
    socket.write(encodeFrame([PROTOCOL, VERSION, { pid: 1, machine: '', token, attempt: 1 }]))
    await once(socket, 'data')
    socket.write(
      encodeFrame([
        [Ask.open, 1, 1, 'default', 'slow'],
        [Ask.feed, 2, 1, 1, -1, 1e12],
      ]),
    )
    await once(socket, 'data')
    slow.push(socket.pause())
  }
  // Until each has all that the server sends without being told that it arrived.
  for (let i = 0; i < 5000; i += 100)
    await Promise.all(Array.from({ length: 100 }, (_, k) => writer.set('text', `${i + k} ${text}`)))
  watcher.goLive()
  await watcher.ping()
  const result = await run()
  for (const socket of slow.splice(0)) socket.destroy()
  return result
}

await latency()
const before = residentBytes(server.pid)
let after = before
report(
  'From a write to its being seen, p99',
  'ms',
  await inTurn(sized(7), {
    'nobody is slow': latency,
    '50 do not read': () =>
      withSlow(async () => {
        after = Math.max(after, residentBytes(server.pid))
        return latency()
      }),
  }),
)
report('What one that does not read costs the server', 'MB', { memory: [(after - before) / SLOW / 2 ** 20] })
await Promise.all([writer.close(), watcher.close()])
await server.stop()
