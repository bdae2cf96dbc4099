import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

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

/** Resolves with the pids that still run `ms` milliseconds from now; at once when none does. */
export async function leftAfter(pids: number[], ms: number): Promise<number[]> {
  const end = performance.now() + ms
  for (;;) {
    const left = pids.filter(runs)
    if (left.length === 0 || performance.now() > end) return left
    await delay(10)
  }
}
