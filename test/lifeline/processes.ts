import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Milliseconds between two looks. */
const LOOK = 10

/** Whether a process runs; one that has ended and was not yet reaped does not. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return process.platform !== 'linux'
  }
}

/**
 * Resolves with the pids that still run `ms` milliseconds from now; at once when none does. The time is that of this process:
 * on a machine that keeps it waiting for a turn, what it looks for waits as well.
 */
export async function leftAfter(pids: number[], ms: number): Promise<number[]> {
  for (let waited = 0; ; waited += LOOK) {
    const left = pids.filter(runs)
    if (left.length === 0 || waited >= ms) return left
    await delay(LOOK)
  }
}
