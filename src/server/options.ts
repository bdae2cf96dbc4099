import { checkSecretKey } from '../protocol/address.ts'

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
  /** false: it runs no code of its clients; atomic functions then run in who calls them. Default true. */
  allowCode?: boolean
  /** The largest message taken. Default 64 MiB. */
  maxMessageBytes?: number
}

export interface Limits {
  atomicTimeout: number
  historyLimit: number
  maxMessageBytes: number
  allowCode: boolean
}

export function checkServerOptions(options: ServerOptions, call: string): Limits {
  checkSecretKey(options.secretKey, call)
  const {
    backend = 'process',
    atomicTimeout = 1000,
    historyLimit = 100_000,
    maxMessageBytes = 64 << 20,
    allowCode = true,
  } = options
  if (!['process', 'thread', 'inline'].includes(backend))
    throw new TypeError(`${call}: backend must be 'process', 'thread' or 'inline', got ${String(backend)}`)
  atLeast(1, atomicTimeout, `${call}: atomicTimeout`)
  atLeast(1, historyLimit, `${call}: historyLimit`)
  if (historyLimit % 1 !== 0 && historyLimit !== Number.POSITIVE_INFINITY)
    throw new RangeError(`${call}: historyLimit must be a whole number, got ${historyLimit}`)
  atLeast(1024, maxMessageBytes, `${call}: maxMessageBytes`)
  if (typeof allowCode !== 'boolean')
    throw new TypeError(`${call}: allowCode must be true or false, got ${String(allowCode)}`)
  return { atomicTimeout, historyLimit, maxMessageBytes, allowCode }
}

function atLeast(least: number, value: unknown, what: string): void {
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new TypeError(`${what} must be a number, got ${String(value)}`)
  if (value < least) throw new RangeError(`${what} must be at least ${least}, got ${value}`)
}
