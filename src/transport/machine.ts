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
    const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
    return stat === undefined ? !exists(pid) : /^ [ZX]/.test(stat.slice(stat.lastIndexOf(')') + 1))
  }
  return !exists(pid)
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
