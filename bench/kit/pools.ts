import { peer } from './peer.ts'

/** Another project's pool of two workers, as its users would call it. */
export interface Pool {
  run(task: unknown): Promise<unknown>
  close(): Promise<unknown>
}

const filename = new URL('./square.mjs', import.meta.url).href
const size = { minThreads: 2, maxThreads: 2 }

/**
 * Piscina whose workers run their event loops between calls, as those of zproc do. By default they block until the next
 * one comes: no timer, connection or message of theirs is served meanwhile.
 */
export async function unblockedPiscina(): Promise<Record<string, Pool>> {
  const piscina = await peer('piscina')
  if (!piscina) return {}
  const pool = new piscina.Piscina({ filename, ...size, atomics: 'disabled' })
  return { "piscina.run, atomics: 'disabled'": { run: task => pool.run(task), close: () => pool.destroy() } }
}

/** Those that are installed. */
export async function otherPools(): Promise<Record<string, Pool>> {
  const pools: Record<string, Pool> = {}
  const piscina = await peer('piscina')
  if (piscina) {
    const pool = new piscina.Piscina({ filename, ...size })
    pools['piscina.run'] = { run: task => pool.run(task), close: () => pool.destroy() }
  }
  const tinypool = await peer('tinypool')
  if (tinypool) {
    const pool = new tinypool.Tinypool({ filename, ...size })
    pools['tinypool.run'] = { run: task => pool.run(task), close: () => pool.destroy() }
  }
  const workerpool = await peer('workerpool')
  if (workerpool) {
    const pool = workerpool.default.pool({ maxWorkers: 2, workerType: 'thread' })
    const call = (task: number | number[]) => (Array.isArray(task) ? task.map(x => x * x) : task * task)
    pools['workerpool.exec'] = { run: task => pool.exec(call, [task]), close: () => pool.terminate() }
  }
  return pools
}
