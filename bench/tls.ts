// What does a secret key cost? The same calls over TLS with a pre-shared key and over a plain socket, in turn.
import { State, startServer } from '../src/index.ts'
import { awaited, inTurn, pipelined } from './kit/measure.ts'

const secretKey = 'a key for the bench'
const addresses = { ipc: null, tcp: 'tcp://127.0.0.1:0' }
const text = 'x'.repeat(10_000)

const table: Record<string, Record<string, string>> = {}
for (const [name, address] of Object.entries(addresses)) {
  const servers = await Promise.all([startServer(address), startServer(address, { secretKey })])
  type Bench = Record<string, number | string>
  const plain = new State<Bench>((servers[0] as { address: string }).address)
  const tls = new State<Bench>((servers[1] as { address: string }).address, { secretKey })
  const both = (run: (state: State<Bench>) => Promise<number>, rounds: number) =>
    inTurn(rounds, { plain: () => run(plain), tls: () => run(tls) })

  const single = await both(state => awaited(3000, i => state.set('key', i)), 9)
  const flight = await both(state => pipelined(100_000, 500, i => state.set('key', i)), 7)
  const large = await both(state => pipelined(20_000, 100, () => state.set('text', text)), 5)
  table[`${name}: µs for one call`] = {
    plain: (single.plain * 1000).toFixed(1),
    tls: (single.tls * 1000).toFixed(1),
    'tls / plain': (single.tls / single.plain).toFixed(2),
  }
  for (const [what, rate] of [
    ['calls/s, 500 in flight', flight],
    ['calls/s of 10 kB, 100 in flight', large],
  ] as const)
    table[`${name}: ${what}`] = {
      plain: String(Math.round(rate.plain)),
      tls: String(Math.round(rate.tls)),
      'tls / plain': (rate.tls / rate.plain).toFixed(2),
    }
  await Promise.all([plain.close(), tls.close(), ...servers.map(server => server.stop())])
}
console.table(table)
