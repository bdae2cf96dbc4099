// How does a map compare with other pools? They are no dependencies of the project: see bench/package.json.
import { createRequire } from 'node:module'
import { Context } from 'zproc'
import { inTurn } from './kit/measure.ts'

interface Pool {
  run(task: unknown): Promise<unknown>
  close(): Promise<unknown>
}

// Imported by a name that the compiler does not follow: they may be absent.
const load = async (name: string) => import(name)
const filename = new URL('./kit/square.mjs', import.meta.url).href
const size = { minThreads: 2, maxThreads: 2 }

const pools: Record<string, Pool> = {}
try {
  createRequire(import.meta.url).resolve('piscina')
  const { Piscina } = await load('piscina')
  const piscina = new Piscina({ filename, ...size })
  pools['piscina.run'] = { run: task => piscina.run(task), close: () => piscina.destroy() }
  const { default: Tinypool } = await load('tinypool')
  const tinypool = new Tinypool({ filename, ...size })
  pools['tinypool.run'] = { run: task => tinypool.run(task), close: () => tinypool.destroy() }
  const { default: workerpool } = await load('workerpool')
  const pool = workerpool.pool({ maxWorkers: 2, workerType: 'thread' })
  const call = (task: number | number[]) => (Array.isArray(task) ? task.map(x => x * x) : task * task)
  pools['workerpool.exec'] = { run: task => pool.exec(call, [task]), close: () => pool.terminate() }
} catch (error) {
  console.log(
    `the other pools are not there: npm install --prefix bench (${(error as Error).message.split('\n')[0]})`,
  )
}

const MILLION = Array.from({ length: 1_000_000 }, (_, i) => i)
const TINY = MILLION.slice(0, 50_000)
const square = (x: number) => x * x
const ctx = new Context()
await ctx.processMap(square, TINY, { count: 2 }).toArray()

const halves = [MILLION.slice(0, 500_000), MILLION.slice(500_000)]
const { 'piscina.run': piscina } = pools
await table('1,000,000 × x => x * x, 2 workers', 5, {
  'processMap, plain call': () => check(ctx.processMap(square, MILLION, { count: 2 }).toArray(), 1_000_000),
  ...(piscina && {
    'piscina, two hand-made chunks': () =>
      check(
        Promise.all(halves.map(half => piscina.run(half))).then(parts => (parts as number[][]).flat()),
        1_000_000,
      ),
  }),
})
await table('50,000 tiny tasks, item by item', 3, {
  processMap: async () => {
    const results: number[] = []
    for await (const y of ctx.processMap(square, TINY, { count: 2 })) results.push(y)
    await check(Promise.resolve(results), TINY.length)
  },
  ...Object.fromEntries(
    Object.entries(pools).map(([name, pool]) => [
      name,
      () => check(Promise.all(TINY.map(x => pool.run(x))), TINY.length),
    ]),
  ),
})
const factor = 3
await table('calling with a closure', 5, {
  'x => x * 3': () => check(ctx.processMap((x: number) => x * 3, MILLION, { count: 2 }).toArray(), 1_000_000),
  'x => x * factor': () =>
    check(ctx.processMap((x: number) => x * factor, MILLION, { count: 2 }).toArray(), 1_000_000),
})
for (const pool of Object.values(pools)) await pool.close()
await ctx.close()

async function check(results: Promise<unknown[]>, count: number): Promise<void> {
  const all = await results
  if (all.length !== count || Number(all[1]) === 0) throw new Error('wrong answer')
}

async function table(
  title: string,
  rounds: number,
  runs: Record<string, () => Promise<void>>,
): Promise<void> {
  const timed = Object.entries(runs).map(([name, run]) => [
    name,
    async () => {
      const began = performance.now()
      await run()
      return performance.now() - began
    },
  ])
  const figures = await inTurn<string>(rounds, Object.fromEntries(timed))
  const best = Object.values(figures)[0] as number
  console.log(title)
  console.table(
    Object.fromEntries(
      Object.entries(figures).map(([name, ms]) => [
        name,
        { ms: ms.toFixed(0), '× first': (ms / best).toFixed(2) },
      ]),
    ),
  )
}
