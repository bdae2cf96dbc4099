// Four processes increment one counter, 100 calls in flight each: how many a second, and is the total exact?
import { atomic, State, startServer } from '../src/index.ts'
import { spawnTied } from '../src/lifeline/spawn.ts'
import { median, pipelined } from './kit/measure.ts'

const EACH = 100_000
const increment = atomic((state: { count: number }) => {
  state.count += 1
})

if (process.send) {
  const state = new State<{ count: number }>(process.argv[2] as string, {
    namespace: process.argv[3] as string,
  })
  await state.get('count')
  process.send('ready')
  process.on('message', async () => {
    await pipelined(EACH, 100, () => increment(state))
    process.send?.('done')
  })
} else {
  const server = await startServer()
  for (const [namespace, size] of [
    ['few', 10],
    ['many', 100_000],
  ] as const) {
    const state = new State<{ count: number }>(server.address, { namespace })
    for (let i = 0; i < size; i += 1000)
      await state.update(
        Object.fromEntries(Array.from({ length: Math.min(size, 1000) }, (_, k) => [`k${i + k}`, k])) as never,
      )
    await state.set('count', 0)
    const children = Array.from({ length: 4 }, () =>
      spawnTied(new URL(import.meta.url), { args: [server.address, namespace] }),
    )
    const all = (go: boolean) =>
      Promise.all(
        children.map(child => {
          const answer = new Promise(resolve => child.once('message', resolve))
          if (go) child.send('go')
          return answer
        }),
      )
    await all(false)
    const rates = []
    const rounds = 5
    for (let round = 0; round < rounds; round++) {
      const began = performance.now()
      await all(true)
      rates.push((4 * EACH * 1000) / (performance.now() - began))
    }
    const total = await state.get('count')
    const expected = rounds * 4 * EACH
    console.log(
      `${size} keys: ${Math.round(median(rates))} increments/s; total ${total}, expected ${expected}`,
    )
    if (total !== expected) process.exitCode = 1
    for (const child of children) child.kill()
    await state.close()
  }
  await server.stop()
}
