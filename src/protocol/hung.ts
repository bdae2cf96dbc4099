import { methodName } from './kinds-of-requests.ts'

/** A server that hangs: it answers no call until that ends. `stop()` ends it by force. */
export interface HungServer {
  /** The address of the server. */
  address: string
  /**
   * What does not end: an atomic function that cannot be stopped; a method of State; other work of the server's; or its
   * process as a whole does not run.
   */
  during: 'atomic' | 'method' | 'work' | 'process'
  /** The name of the atomic function or method; '' if there is none. */
  function: string
  /** The pid of the process that called it; 0 if none did. */
  pid: number
  /** The name of that process; '' if none called it. */
  name: string
  /** For how many milliseconds, about. */
  ms: number
}

/** What the watchdog of a server sees: see lifeline/watchdog.ts. */
interface Stuck {
  function: string
  method: number
  pid: number
  name: string
  ms: number
}

/** What a watchdog saw, in the words of its users. */
export function hungIn({
  method,
  function: name,
  pid,
  name: client,
  ms,
}: Stuck): Omit<HungServer, 'address'> {
  const caller = { pid, name: client, ms }
  if (method >= 0) return { ...caller, during: 'method', function: methodName(method) }
  return { ...caller, during: pid === 0 ? 'work' : 'atomic', function: name }
}

/** What a server hangs in, as the end of a sentence: `has been stuck for 3000 ms in the atomic function settle, …`. */
export function hangs({ during, function: name, pid, name: client, ms }: HungServer): string {
  const caller = `called by process ${pid} (${client})`
  return {
    atomic: `has been stuck for ${ms} ms in the atomic function ${name || '(anonymous)'}, ${caller}`,
    method: `has been stuck for ${ms} ms in the method ${name}, ${caller}`,
    work: `has been stuck for ${ms} ms in work of its own`,
    process: `has not been heard of for ${ms} ms, as if its process had been stopped`,
  }[during]
}
