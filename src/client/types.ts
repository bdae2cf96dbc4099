/** A value that nobody may change: how watchers hand out states. */
export type Frozen<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends Map<infer K, infer V>
    ? ReadonlyMap<Frozen<K>, Frozen<V>>
    : T extends Set<infer V>
      ? ReadonlySet<Frozen<V>>
      : T extends Date | RegExp | Error | ArrayBuffer | ArrayBufferView
        ? T
        : T extends object
          ? { readonly [K in keyof T]: Frozen<T[K]> }
          : T

/** The whole state at one revision: a plain, deeply frozen object. */
export type Snapshot<S> = Frozen<S>

/** The whole state inside an atomic function: a plain object to be changed freely. */
export type Draft<S> = S

export type Key<S> = keyof S & string

/** A state of unknown shape reads as loosely as parsed JSON does. */
// biome-ignore lint/suspicious/noExplicitAny: there is no type that is both assignable and readable without a cast
export type AnyState = Record<string, any>

/** What `set` and `setDefault` tie a key to. Any later `set` or `update` of the key replaces that; atomic functions do not. */
export interface SetOptions {
  /**
   * true: the key is deleted when this process's session with the server ends: it has closed its States, or has
   * ended, or was away for longer than the server's `graceTime`. Default false.
   */
  ephemeral?: boolean
  /** Milliseconds after which the key is deleted, more than 0. Default `Infinity`: it stays. */
  ttl?: number
}

/** What a key is tied to; see `state.lease`. */
export interface Lease {
  /** Who put the key. */
  by: { pid: number; name: string }
  /** The key is deleted when that process's session ends. */
  ephemeral: boolean
  /** When the key is deleted at the latest, by the clock of the server; null: it has no time to live. */
  expires: Date | null
}

export interface WatchOptions {
  /** true: start from now, updates may be skipped. Default false: every update since the last one seen. */
  live?: boolean
  /** Milliseconds until a TimeoutError. Default: none. */
  timeout?: number
  /** true: an update that left things equal counts too. Default false. */
  duplicateOkay?: boolean
  /** Aborting it rejects with its reason. */
  signal?: AbortSignal
}

export interface ChangeOptions extends WatchOptions {
  /** true: watch all keys but the ones given. Default false. */
  exclude?: boolean
}

/** One commit, as a watcher sees it. */
export interface RawUpdate<S> {
  before: Snapshot<S>
  after: Snapshot<S>
  /** Nothing differs between before and after. */
  identical: boolean
  revision: number
  /** Who committed, by which method, when (milliseconds since the epoch, the server's clock). */
  by: { pid: number; name: string; method: string; time: number }
}
