import { createRequire } from 'node:module'

/** Another project's pool of two workers, as its users would call it. */
export interface Pool {
  run(task: unknown): Promise<unknown>
  close(): Promise<unknown>
}

// Imported by a name that the compiler does not follow: they may be absent.
const load = async (name: string) => import(name)
const filename = new URL('./square.mjs', import.meta.url).href
const size = { minThreads: 2, maxThreads: 2 }

/** Those that are installed; see bench/package.json. */
export async function otherPools(): Promise<Record<string, Pool>> {
  const pools: Record<string, Pool> = {}
  try {
    createRequire(import.meta.url).resolve('piscina')
  } catch {
    console.log('the other pools are not there: npm install --prefix bench')
    return pools
  }
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
  return pools
}
