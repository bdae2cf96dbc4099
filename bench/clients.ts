// A thousand connections, each of which writes and watches: how long does a write take to be acknowledged and to be seen
// by the next one, and what does a client weigh at the server?
import { State, startServer } from 'zproc'
import { aliases } from './kit/aliases.ts'
import { residentBytes } from './kit/held.ts'
import { mustBe, quantile, type Samples, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

type Table = Record<string, number>
const CLIENTS = sized(1000)
const ROUNDS = sized(5)
const server = await startServer()
const first = new State<Table>(server.address)
await first.set('n', 0)
const empty = residentBytes(server.pid)

// A connection for each; in as many namespaces as there are pairs.
const { addresses, remove } = aliases(server.address, CLIENTS)
const clients = addresses.map(
  (address, i) => new State<Table>(address, { namespace: `pair ${Math.floor(i / 2)}` }),
)
await Promise.all(clients.map(state => state.size()))
report('At the server, for each of 1,000 clients', 'bytes', {
  'at rest': [(residentBytes(server.pid) - empty) / CLIENTS],
})

const acknowledged: Samples = []
const seen: Samples = []
for (let round = 1; round <= ROUNDS; round++) {
  // All at once: every client writes its key, and waits for that of its neighbour.
  await Promise.all(
    clients.map(async (state, i) => {
      const began = performance.now()
      const watching = state.getWhenEqual(`k${i ^ 1}`, round).then(snapshot => {
        mustBe('the neighbour', snapshot[`k${i ^ 1}`], round)
        seen.push(performance.now() - began)
      })
      await state.set(`k${i}`, round)
      acknowledged.push(performance.now() - began)
      if ((i ^ 1) < CLIENTS) await watching
      else watching.catch(() => {})
    }),
  )
}
report('1,000 clients write at once, and each watches another', 'ms', {
  acknowledged: [quantile(acknowledged, 0.5)],
  'acknowledged, p99': [quantile(acknowledged, 0.99)],
  seen: [quantile(seen, 0.5)],
  'seen, p99': [quantile(seen, 0.99)],
})
report('At the server, for each of 1,000 clients that have watched', 'bytes', {
  'after that': [(residentBytes(server.pid) - empty) / CLIENTS],
})
await Promise.all(clients.map(state => state.close()))
await first.close()
await server.stop()
remove()
