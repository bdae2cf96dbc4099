import { readFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type AnyState, atomic, type State } from 'zproc'

/**
 * Megabytes that a server's values and buffers take when its garbage is collected. How much memory V8 keeps for the next
 * garbage differs by tens of megabytes between versions, and is no measure of what a program holds.
 */
export const inUse: (state: State<AnyState>) => Promise<number> = atomic(() => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // What the first one finds to be finalized, the second one frees.
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 2 ** 20
})

setFlagsFromString('--expose-gc')
export const collect: () => void = runInNewContext('gc')

/**
 * The memory of this process once its garbage is collected, in bytes. What was dropped in this turn may still be on the stack;
 * V8 frees the buffers of a collection in the background, and is done with them when the next collection begins.
 */
export async function held(): Promise<NodeJS.MemoryUsage> {
  for (let i = 0; i < 3; i++) {
    await turn()
    collect()
  }
  return process.memoryUsage()
}

/** Megabytes of RAM that a process has; on Linux. */
export const residentOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
