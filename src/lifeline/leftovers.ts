import { readdirSync, readFileSync } from 'node:fs'
import { sleep } from '../async/interval.ts'
import { watchOver } from './guard.ts'

// Milliseconds that what a child left behind gets to end after SIGTERM, and from one look at it to the next.
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
    const pids = [...this.#programs.keys()].flatMap(withDescendants)
    let left = pids.filter(pid => signal(pid, 'SIGTERM'))
    for (const pid of left) signal(pid, 'SIGCONT')
    for (let waited = 0; waited < GRACE && left.length > 0; waited += EVERY) {
      await sleep(EVERY)
      left = left.filter(pid => signal(pid, 0) && !isZombie(pid))
    }
    for (const pid of left) signal(pid, 'SIGKILL')
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

/** One that waits for a parent which never asks: it is gone, except for its number. */
function isZombie(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
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
