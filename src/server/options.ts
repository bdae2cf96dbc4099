import { checkSecretKey } from '../protocol/address.ts'
import { describe, MAX_DEPTH } from '../protocol/values.ts'

/** How a state server is run. Times in milliseconds. */
export interface ServerOptions {
  /** Where it runs: a process of its own, a worker thread, or this process. Default `'process'`. */
  backend?: 'process' | 'thread' | 'inline'
  secretKey?: string
  /** Listen where others can reach it, without a key. Default false. */
  insecure?: boolean
  /** The longest that an atomic function may run, or hold its namespace. Default 1000. */
  atomicTimeout?: number
  /** Commits kept for each namespace. Default 100,000. */
  historyLimit?: number
  /** Bytes of values that those may hold, the newest commit apart: of large values fewer are kept. Default 256 MiB. */
  historyBytes?: number
  /** false: it runs no code of its clients; atomic functions then run in who calls them. Default true. */
  allowCode?: boolean
  /** The largest message taken. Default 64 MiB. */
  maxMessageBytes?: number
  /** Levels of nesting that a value may have. Default 10,000, the most. */
  maxDepth?: number
  /** Clients at one time. Default 10,000. */
  maxConnections?: number
  /** Connections that have not said hello; the oldest goes when there is one more. Default 1000. */
  maxHalfOpen?: number
  /** The longest that a connection may take to say hello, its handshake included. Default 10,000. */
  handshakeTimeout?: number
  /** Requests of one client that wait to be answered; what it sends beyond is read when there are fewer. Default 10,000. */
  maxInFlight?: number
  /** How long a client that lost its connection may take to come back to what it holds. Default 15,000. */
  graceTime?: number
  /** Called when the server does not move on, within five seconds, besides a line on stderr. Not for `'inline'`. */
  onHung?: (hung: HungServer) => void
}

/** A server that hangs: it answers nobody until that ends, and `stop()` ends it by force. */
export interface HungServer {
  address: string
  /**
   * What does not end: an atomic function that cannot be stopped; a method of State; other work of the server's; or its
   * process as a whole does not run.
   */
  during: 'atomic' | 'method' | 'work' | 'process'
  /** The name of the atomic function or method; '' if there is none. */
  function: string
  /** Who called it: the pid, and the name of the process; 0 and '' if nobody did. */
  pid: number
  name: string
  /** For how many milliseconds, about. */
  ms: number
}

export interface Limits {
  atomicTimeout: number
  historyLimit: number
  historyBytes: number
  maxMessageBytes: number
  maxDepth: number
  maxConnections: number
  maxHalfOpen: number
  handshakeTimeout: number
  maxInFlight: number
  graceTime: number
  allowCode: boolean
}

export function checkServerOptions(options: ServerOptions, call: string): Limits {
  checkSecretKey(options.secretKey, call)
  const {
    backend = 'process',
    atomicTimeout = 1000,
    historyLimit = 100_000,
    historyBytes = 256 << 20,
    maxMessageBytes = 64 << 20,
    maxDepth = MAX_DEPTH,
    maxConnections = 10_000,
    maxHalfOpen = 1000,
    handshakeTimeout = 10_000,
    maxInFlight = 10_000,
    graceTime = 15_000,
    allowCode = true,
  } = options
  if (!['process', 'thread', 'inline'].includes(backend))
    throw new TypeError(`${call}: backend must be 'process', 'thread' or 'inline', got ${describe(backend)}`)
  atLeast(1, atomicTimeout, `${call}: atomicTimeout`)
  atLeast(1024, maxMessageBytes, `${call}: maxMessageBytes`)
  atLeast(1, handshakeTimeout, `${call}: handshakeTimeout`)
  atLeast(0, graceTime, `${call}: graceTime`)
  for (const [name, count] of Object.entries({
    historyLimit,
    historyBytes,
    maxDepth,
    maxConnections,
    maxHalfOpen,
    maxInFlight,
  })) {
    atLeast(1, count, `${call}: ${name}`)
    if (count % 1 !== 0 && count !== Number.POSITIVE_INFINITY)
      throw new RangeError(`${call}: ${name} must be a whole number, got ${count}`)
  }
  if (maxDepth > MAX_DEPTH)
    throw new RangeError(`${call}: maxDepth must be at most ${MAX_DEPTH}, got ${maxDepth}`)
  if (options.onHung !== undefined && typeof options.onHung !== 'function')
    throw new TypeError(`${call}: onHung must be a function, got ${describe(options.onHung)}`)
  if (typeof allowCode !== 'boolean')
    throw new TypeError(`${call}: allowCode must be true or false, got ${describe(allowCode)}`)
  return {
    atomicTimeout,
    historyLimit,
    historyBytes,
    maxMessageBytes,
    maxDepth,
    maxConnections,
    maxHalfOpen,
    handshakeTimeout,
    maxInFlight,
    graceTime,
    allowCode,
  }
}

function atLeast(least: number, value: unknown, what: string): void {
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new TypeError(`${what} must be a number, got ${describe(value)}`)
  if (value < least) throw new RangeError(`${what} must be at least ${least}, got ${value}`)
}
