// Four processes increment one counter, 100 calls in flight each: how many a second, and is the total exact?
import { atomic, State, startServer } from 'zproc'
import { spawnTied } from '../src/lifeline/spawn.ts'
import { inTurn, mustBe, pipelined } from './kit/measure.ts'
import { report } from './kit/report.ts'

const EACH = 50_000
const ROUNDS = 7
type Counter = { count: number }
const increment = atomic((state: Counter) => {
  state.count += 1
})

if (process.send) {
  const [, , address, namespace] = process.argv as [string, string, string, string]
  const state = new State<Counter>(address, { namespace })
  await state.get('count')
  process.send('ready')
  process.on('message', async () => {
    await pipelined(EACH, 100, () => increment(state))
    process.send?.('done')
  })
} else {
  const server = await startServer()
  const few = await team('few', 10)
  const many = await team('many', 100_000)
  report(
    'Four processes, one counter',
    'per second',
    await inTurn(ROUNDS, { 'zproc, 10 keys': few.round, 'zproc, 100,000 keys': many.round }),
  )
  await few.end()
  await many.end()
  await server.stop()

  async function team(namespace: string, size: number) {
    const state = new State<Counter>(server.address, { namespace })
    for (let i = 0; i < size; i += 1000)
      await state.update(
        Object.fromEntries(Array.from({ length: Math.min(size, 1000) }, (_, k) => [`k${i + k}`, k])) as never,
      )
    await state.set('count', 0)
    const children = Array.from({ length: 4 }, () =>
      spawnTied(new URL(import.meta.url), { args: [server.address, namespace] }),
    )
    const answers = () =>
      Promise.all(children.map(child => new Promise(resolve => child.once('message', resolve))))
    await answers()
    return {
      async round(): Promise<number> {
        const began = performance.now()
        const done = answers()
        for (const child of children) child.send('go')
        await done
        return (4 * EACH * 1000) / (performance.now() - began)
      },
      async end(): Promise<void> {
        mustBe('the total', await state.get('count'), (ROUNDS + 1) * 4 * EACH)
        for (const child of children) child.kill()
        await state.close()
      },
    }
  }
}
