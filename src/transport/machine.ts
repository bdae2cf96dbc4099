import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { isMainThread } from 'node:worker_threads'

let known: string | undefined

/** Where a process id means something: two processes that have the same one here can look each other up. */
export function machine(): string {
  known ??= attempt(
    () =>
      `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()} ${readlinkSync('/proc/self/ns/pid')}`,
  )
  known ??= `${process.platform} ${hostname()}`
  return known
}

/** The id of what ends with the caller: its process, or, where threads have ids of their own there, its thread. */
export function ownLife(): number {
  if (isMainThread) return process.pid
  const [pid, , thread] = attempt(() => readlinkSync('/proc/thread-self').split('/')) ?? []
  return Number(pid) === process.pid ? Number(thread) : process.pid
}

/** Whether this process, or thread, of this machine has ended; one that its parent has not looked at yet has, too. */
export function hasEnded(pid: number): boolean {
  if (process.platform === 'linux') {
    const [state] = fieldsOf(pid) ?? []
    return state === undefined ? !exists(pid) : /^[ZX]/.test(state)
  }
  return !exists(pid)
}

/** The pid of the parent of a process of this machine, where the system tells. */
export function parentOf(pid: number): number | undefined {
  const parent = fieldsOf(pid)?.[1]
  return parent === undefined ? undefined : Number(parent)
}

/** What Linux says of a process behind its name: its state, its parent, and more. */
function fieldsOf(pid: number): string[] | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
