// Many watch, one writes: is anything lost, how many updates arrive a second, and what do a long log and a view cost?
import { State, startServer } from 'zproc'
import { residentBytes } from './kit/held.ts'
import { inTurn, mustBe, pipelined, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

type Table = Record<string, number>
const server = await startServer()
const writer = new State<Table>(server.address)
const WRITES = sized(2000)
const watchers = Array.from({ length: 100 }, () => new State<Table>(server.address))
await Promise.all(watchers.map(state => state.size()))
report(
  '100 States of one process watch one that writes',
  'per second',
  await inTurn(sized(5), {
    deliveries: async () => {
      const began = performance.now()
      const seen = watchers.map(async state => {
        let expected = 0
        for await (const { n } of state.whenChange('n')) {
          mustBe('the next update', n, expected++)
          if (expected === WRITES) return
        }
      })
      await Promise.all([...seen, pipelined(WRITES, 500, i => writer.set('n', i))])
      return (100 * WRITES * 1000) / (performance.now() - began)
    },
  }),
)

await pipelined(sized(1_000_000), 500, i => writer.set(`k${i % 100}`, i))
report('After 1,000,000 commits on 100 keys', 'MB', {
  "the server's memory": [residentBytes(server.pid) / 2 ** 20],
})

const view = await writer.view()
const reads = sized(1_000_000)
report(
  'Reading a view',
  'ns',
  await inTurn(sized(5), {
    'view.get': async () => {
      const began = performance.now()
      let sum = 0
      for (let i = 0; i < reads; i++) sum += view.get('k5') as number
      mustBe('the sum', sum, reads * (view.get('k5') as number))
      return ((performance.now() - began) * 1e6) / reads
    },
  }),
)
view.close()
await server.stop()
