import { resolve } from 'node:path'
import type { HungServer } from '../protocol/hung.ts'
import {
  count,
  either,
  flag,
  functionOf,
  type Kind,
  limit,
  logger,
  oneOf,
  secret,
  text,
  time,
} from '../protocol/kinds.ts'
import { type OptionsOf, readOptions } from '../protocol/options.ts'
import { MAX_DEPTH } from '../protocol/values.ts'
import type { Durability } from '../storage/journal.ts'
import type { Keep } from '../storage/trim.ts'

/** `{ interval: ms }` */
const interval: Kind<{ interval: number }> = {
  must: 'an object { interval: milliseconds }, 1 or more',
  is: (value): value is { interval: number } =>
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).join() === 'interval' &&
    typeof (value as { interval: unknown }).interval === 'number',
  inRange: ({ interval }) => interval >= 1,
}

/** `{ revisions?, bytes?, time? }` */
const bounds: Kind<Keep> = {
  must: 'an object { revisions?, bytes?, time? } of numbers, each 1 or more, or Infinity',
  is: (value): value is Keep =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(value).every(
      ([name, bound]) =>
        ['revisions', 'bytes', 'time'].includes(name) && (bound === undefined || typeof bound === 'number'),
    ),
  inRange: keep => Object.values(keep).every(bound => bound === undefined || bound >= 1),
}

const limitFields = {
  /** The most milliseconds that an atomic function may run, or hold its namespace. Default 1000. */
  atomicTimeout: time(1),
  /** Commits kept for each namespace. Default 100,000. */
  historyLimit: limit(1),
  /** Bytes of memory that those may take besides the state, the newest commit apart: of large ones fewer are kept. Default 256 MiB. */
  historyBytes: limit(1),
  /** The largest message taken, in bytes. Default 64 MiB. */
  maxMessageBytes: limit(1024),
  /** Levels of nesting that a value may have. Default 10,000, the most. */
  maxDepth: count(1, MAX_DEPTH),
  /** Clients at one time. Default 10,000. */
  maxConnections: limit(1),
  /** Connections that have not said hello; the oldest is closed when there is one more. Default 1000. */
  maxHalfOpen: limit(1),
  /** The most milliseconds that a connection may take to say hello, its handshake included. Default 10,000. */
  handshakeTimeout: time(1),
  /** Requests that one client has under way; further ones wait in the client. Default 10,000. */
  maxInFlight: limit(1),
  /** Milliseconds that a client that lost its connection may take to come back to what it holds. Default 15,000. */
  graceTime: time(),
  /** false: the server runs no code of its clients; atomic functions then run in the process that calls them. Default true. */
  allowCode: flag,
}

const keepFields = {
  /**
   * The path of a folder in which the server keeps every namespace: a server that is started with it again goes on.
   * Default: none, the state is in memory alone.
   */
  data: text,
  /**
   * When commits are synced to disk. `'commit'`: before anyone is shown them; `{ interval: ms }`: shown at once, synced at
   * least so often; `'none'`: when the system does. Default `'commit'`. Takes effect with `data`.
   */
  durability: either(oneOf('commit', 'none'), interval),
  /**
   * How far back the folder goes, which may be further than memory (`historyLimit`, `historyBytes`):
   * `{ revisions?, bytes?, time? }`, so many commits of all namespaces together, bytes of files, milliseconds. What lies
   * beyond any of these is removed, from one checkpoint to the next. Default: what it takes to start again. Takes effect with
   * `data`.
   */
  keep: bounds,
}

export type Limits = Required<OptionsOf<typeof limitFields>>

const DEFAULTS: Limits = {
  atomicTimeout: 1000,
  historyLimit: 100_000,
  historyBytes: 256 << 20,
  maxMessageBytes: 64 << 20,
  maxDepth: MAX_DEPTH,
  maxConnections: 10_000,
  maxHalfOpen: 1000,
  handshakeTimeout: 10_000,
  maxInFlight: 10_000,
  graceTime: 15_000,
  allowCode: true,
}

const serverFields = {
  /** Where the server runs: a process of its own, a worker thread, or this process. Default `'process'`. */
  backend: oneOf('process', 'thread', 'inline'),
  /** The key that clients need: without it they are refused. Default: none. */
  secretKey: secret,
  /** true: listen without a key on an address that other machines can reach. Default false. */
  insecure: flag,
  /**
   * Called within five seconds when the server hangs, besides a line on stderr. Not for `'inline'`. Default: none.
   */
  onHung: functionOf<(hung: HungServer) => void>(),
  /**
   * Gets what the server says, in place of stderr: `(object, message)`, as pino takes it. Of a server with a process or a thread of its
   * own that is each line that this writes to stderr. Default: none.
   */
  logger,
  ...limitFields,
  ...keepFields,
}

/** How a state server is run. */
export interface ServerOptions extends OptionsOf<typeof serverFields> {}

/** The options of a server, checked, with the defaults of its limits. */
export type ServerSettings = Omit<ServerOptions, keyof Limits | keyof typeof keepFields> & {
  limits: Limits
  keep: KeepOptions | undefined
}

/** Where a server keeps its namespaces, and how. */
export interface KeepOptions {
  /** The absolute path of the folder. */
  data: string
  durability: Durability
  keep: Keep | undefined
  /** Bytes of a segment of the log. Default 8 MiB. */
  segmentBytes?: number
}

/** `place` follows an option's name in messages. */
export function serverSettings(given: ServerOptions, call: string, place?: string): ServerSettings {
  const options = readOptions(serverFields, given, call, place)
  const {
    backend,
    secretKey,
    insecure,
    onHung,
    logger,
    data,
    durability = 'commit',
    keep: bounds,
    ...limits
  } = options
  // The server may run in another directory.
  const keep = data === undefined ? undefined : { data: resolve(data), durability, keep: bounds }
  return { backend, secretKey, insecure, onHung, logger, keep, limits: { ...DEFAULTS, ...limits } }
}
