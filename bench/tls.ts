// What does a secret key cost? The same calls over a plain socket and over TLS with a pre-shared key, in turn.
import { State, startServer } from 'zproc'
import { placeAnywhere, placeApart } from './kit/cores.ts'
import { awaited, inTurn, mustBe, pipelined, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

const secretKey = 'a key for the bench'
const N = sized(300)
const M = sized(50_000)

for (const [where, address] of [
  ['ipc', null],
  ['tcp', 'tcp://127.0.0.1:0'],
] as const) {
  const [open, locked] = [await startServer(address), await startServer(address, { secretKey })]
  const plain = new State<{ key: number }>(open.address)
  const tls = new State<{ key: number }>(locked.address, { secretKey })
  placeApart([process.pid], [open.pid, locked.pid])
  report(
    `A secret key over ${where}: one call at a time`,
    'µs',
    await inTurn(
      sized(60),
      {
        plain: () => awaited(N, i => plain.set('key', i)),
        'with a key': () => awaited(N, i => tls.set('key', i)),
      },
      3,
    ),
  )
  placeAnywhere(process.pid, open.pid, locked.pid)
  report(
    `A secret key over ${where}: 500 calls in flight`,
    'per second',
    await inTurn(sized(15), {
      plain: () => pipelined(M, 500, i => plain.set('key', i)),
      'with a key': () => pipelined(M, 500, i => tls.set('key', i)),
    }),
  )
  mustBe('the last value', await tls.get('key'), await plain.get('key'))
  await Promise.all([plain.close(), tls.close()])
  await Promise.all([open.stop(), locked.stop()])
}
