import type { ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'

export interface SpawnedEvents {
  /** The code that runs here has started this program, in a process group of this one. */
  spawned(pid: number): void
  /** It has ended. */
  reaped(pid: number): void
}

/**
 * Tells from now on what the code of this process, or thread, starts through `node:child_process`. Not what it detaches, which
 * is meant to outlive it, and not what zproc starts, which has a guard.
 */
export function tellSpawned(events: SpawnedEvents): void {
  subscribe('child_process', message => {
    if (own || typeof message !== 'object' || message === null || !('process' in message)) return
    const child = message.process as ChildProcess
    // It is told of before it has a pid; a target may loop for ever once it has.
    Object.defineProperty(child, 'pid', {
      configurable: true,
      enumerable: true,
      get: () => undefined,
      set: (pid: number | undefined) => {
        Object.defineProperty(child, 'pid', {
          value: pid,
          configurable: true,
          enumerable: true,
          writable: true,
        })
        if (pid === undefined || leadsGroup(pid)) return
        events.spawned(pid)
        child.once('exit', () => events.reaped(pid))
      },
    })
  })
}

let own = false

/** Runs `start`, which starts a program of zproc's own. */
export function asOwn<T>(start: () => T): T {
  own = true
  try {
    return start()
  } finally {
    own = false
  }
}

function leadsGroup(pid: number): boolean {
  try {
    return process.kill(-pid, 0)
  } catch {
    return false
  }
}
