import { readdirSync, readFileSync } from 'node:fs'
import { sleep } from '../async/interval.ts'
import { watchOver } from './guard.ts'

// Milliseconds that what a child left behind gets to end after each signal, and from one look at it to the next.
const GRACE = 500
const EVERY = 10

/** The programs that a child has started and that have not ended. The guard ends them with this process. */
export class Leftovers {
  readonly #programs = new Map<number, () => void>()

  spawned(pid: number): void {
    this.#programs.set(pid, watchOver(pid, 'first'))
  }

  reaped(pid: number): void {
    this.#programs.get(pid)?.()
    this.#programs.delete(pid)
  }

  /** The child is gone: ends them and what they have started. Resolves when they are gone; at once when there are none. */
  async end(): Promise<void> {
    if (this.#programs.size === 0) return
    let left = [...this.#programs.keys()]
    for (const name of ['SIGTERM', 'SIGKILL'] as const) {
      // Looked for again: one that goes on may have started others.
      left = [...new Set(left.flatMap(withDescendants))].filter(pid => signal(pid, name))
      if (name === 'SIGTERM') for (const pid of left) signal(pid, 'SIGCONT')
      for (let waited = 0; waited < GRACE && left.length > 0; waited += EVERY) {
        await sleep(EVERY)
        left = left.filter(isThere)
      }
    }
    for (const callOff of this.#programs.values()) callOff()
    this.#programs.clear()
  }
}

/** Where there is no /proc, those that were started by others than the child are not known. */
function withDescendants(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap(task =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        .trim()
        .split(' ')
        .filter(Boolean)
        .map(Number),
    )
    return [pid, ...children.flatMap(withDescendants)]
  } catch {
    return [pid]
  }
}

/** One that waits for a parent which never asks is gone, except for its number. */
function isThere(pid: number): boolean {
  if (!signal(pid, 0)) return false
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return process.platform !== 'linux'
  }
}

/** Whether there was somebody to be signalled. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
