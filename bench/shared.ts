// What does it cost that the workers of a map are elsewhere? Two of them join as `zproc worker` does, on this machine.
import { once } from 'node:events'
import { Context } from 'zproc'
import { inTurn, mustBe, sized, timed } from './kit/measure.ts'
import { report } from './kit/report.ts'
import { joined, redisServer } from './kit/stations.ts'

const ITEMS = Array.from({ length: sized(1000) }, (_, i) => i)
const spin = (x: number) => {
  const end = performance.now() + 5
  while (performance.now() < end);
  return x + 1
}
const sleep = (x: number) => new Promise<number>(resolve => setTimeout(resolve, 5, x + 1))

const redis = await redisServer()
const own = new Context()
await own.ready
const there = new Context(redis.address)
const workers = [...(await joined(own.serverAddress)), ...(await joined(redis.address))]

for (const [what, target] of [
  ['wait', sleep],
  ['compute', spin],
] as const)
  report(
    `1,000 items that ${what} for 5 ms, 2 workers`,
    'ms',
    await inTurn(sized(5), {
      'workers of this program': () => mapped(own, target, { count: 2 }),
      'workers that joined, a zproc server': () => mapped(own, target, { pool: 'shared' }),
      'workers that joined, Redis': () => mapped(there, target, { pool: 'shared' }),
    }),
  )

for (const worker of workers) {
  worker.kill()
  await once(worker, 'exit')
}
await Promise.all([own.close(), there.close()])
await redis.stop()

function mapped(
  ctx: Context,
  target: (x: number) => number | Promise<number>,
  options: { count?: number; pool?: 'shared' },
): Promise<number> {
  return timed(async () => {
    const results = await ctx.processMap(target, ITEMS, options).toArray()
    mustBe('the last result', results.at(-1), ITEMS.length)
  })
}
