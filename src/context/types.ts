import type { State } from '../client/state.ts'
import type { ChangeOptions, Key, Snapshot, WatchOptions } from '../client/types.ts'
import type { RemoteException } from '../errors.ts'
import type { ProcessOptions } from '../process/options.ts'
import type { Process } from '../process/process.ts'
import type { ServerOptions } from '../server/options.ts'

/** How a Context, its server and, unless they say otherwise, its processes are run. */
export interface ContextOptions extends ProcessOptions {
  /** true: the program waits for its running processes; false (default): they end with it. */
  wait?: boolean
  /** true (default): however this program ends, the whole tree of processes ends with it. false: they survive it. */
  cleanup?: boolean
  /** Where its own server runs. Default 'process'. */
  serverBackend?: 'process' | 'thread' | 'inline'
  /**
   * Milliseconds: how long connecting may take, and getting back to a server that is away; for its processes as well.
   * Default 10,000.
   */
  connectTimeout?: number
  /** Passed on when this Context starts its own server. */
  server?: ServerOptions
  /** Children that stand ready for the next start, once one was started. Default 1; 0: none. */
  spares?: number
}

export interface FactoryOptions extends ProcessOptions {
  /** How many processes of each target. Default 1. */
  count?: number
}

// What a target gets: its Context or State or nothing, then the args, then the kwargs if given.
// `C` is the type of the Context, which is built on this file.
type Given<S extends object, O, C> = O extends { passContext: true }
  ? [ctx: C]
  : O extends { stateful: false }
    ? []
    : [state: State<S>]
type ArgsOf<O> = O extends { args: infer A extends readonly unknown[] } ? A : []
type KwargsOf<O> = O extends { kwargs: infer K extends object } ? [kwargs: K] : []

/** The function that a process with options `O` can run; R is what it returns, or resolves with. */
export type TargetOf<S extends object, O, R, C> = (
  ...args: [...Given<S, O, C>, ...ArgsOf<O>, ...KwargsOf<O>]
) => R | Promise<R>

/** The function that is called in a new process with each update. */
export type HandlerOf<S extends object, O, C> = (
  ...args: [snapshot: Snapshot<S>, ...Given<S, O, C>, ...ArgsOf<O>, ...KwargsOf<O>]
) => unknown

/** What `wait()` gives: a RemoteException comes as a rejection. */
export type Returned<R> = Process<Exclude<R, RemoteException>>

export type WatchProcessOptions = WatchOptions & ProcessOptions
export type ChangeProcessOptions = ChangeOptions & ProcessOptions

/** Takes the handler, and starts its process. */
export type Call<S extends object, O, C> = (handler: HandlerOf<S, O, C> | URL) => Process<void>
export type { Key }
