// What it takes to wake another process: processor time of all processes together, beside a call that wakes only the server.
import { State, startServer } from 'zproc'
import { startChild } from './kit/child.ts'
import { placeTogether } from './kit/cores.ts'
import { processorTime } from './kit/cpu.ts'
import { inTurn, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

type Table = { ping: number; pong: number; seen: number }

if (process.send) {
  const [address, namespace] = process.argv.slice(2) as [string, string]
  const state = new State<Table>(address, { namespace })
  await state.set('pong', 0)
  process.send('ready')
  const ended = () => process.exit()
  if (namespace === 'watched') {
    const changes = state.whenChange('seen')
    for (;;) await changes.next().catch(ended)
  }
  for (let i = 1; ; i++) {
    await state.getWhenEqual('ping', i).catch(ended)
    state.set('pong', i).catch(ended)
  }
}

const server = await startServer()
const children = await Promise.all(
  ['watched', 'table'].map(async namespace => {
    const child = startChild(import.meta.url, [server.address, namespace])
    await new Promise(resolve => child.once('message', resolve))
    return child
  }),
)
const stateIn = (namespace: string) => new State<Table>(server.address, { namespace })
const [alone, watched, table] = ['alone', 'watched', 'table'].map(stateIn) as [
  State<Table>,
  State<Table>,
  State<Table>,
]
const pids = [process.pid, server.pid, ...children.map(child => child.pid as number)]
// On one core, none of them runs while another one does: what a process does meanwhile costs the others nothing.
placeTogether(...pids)
const N = sized(300)
let n = 0
let turn = 0
report(
  'Processor time of all processes, on one core',
  'µs',
  await inTurn(
    sized(60),
    {
      set: () => processorTime(pids, N, i => alone.set('seen', i + 1)),
      'set that one process watches': () => processorTime(pids, N, () => watched.set('seen', ++n)),
      'ping-pong through getWhenEqual': () =>
        processorTime(pids, N, () => {
          turn++
          void table.set('ping', turn)
          return table.getWhenEqual('pong', turn)
        }),
    },
    10,
  ),
)
for (const child of children) child.kill()
await Promise.all([alone, watched, table].map(state => state.close()))
await server.stop()
