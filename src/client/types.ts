/** A deeply read-only value: what watchers and views give. */
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

/** A key of the state. */
export type Key<S> = keyof S & string

/** The keys that `S` declares one by one, as against those of an index signature. */
type Declared<S> = keyof { [K in keyof S as IsWide<K> extends true ? never : K]: S[K] }
/** true for the key of an index signature. */
type IsWide<K extends PropertyKey> = Record<never, never> extends Record<K, 1> ? true : false

/** What a key reads as: `undefined` too where `S` has an index signature, which does not say what keys there are. */
export type Value<S, K extends keyof S> = K extends Declared<S> ? S[K] : S[K] | undefined

/** A snapshot in which `K` is known to hold a `V`. Of a key that is not known exactly nothing is known. */
export type Narrowed<S, K extends Key<S>, V> = K extends unknown
  ? IsWide<K> extends true
    ? Snapshot<S>
    : Snapshot<S> & { readonly [P in K]: Frozen<V> }
  : never

/** A state of unknown shape reads as loosely as parsed JSON does. */
// biome-ignore lint/suspicious/noExplicitAny: there is no type that is both assignable and readable without a cast
export type AnyState = Record<string, any>

/** What ends a key: see `state.lease`. */
export interface Lease {
  /** The process that put the key. */
  by: { pid: number; name: string }
  /** The key is deleted when that process's session ends. */
  ephemeral: boolean
  /** When the key is deleted at the latest, by the clock of the server; null: it has no time to live. */
  expires: Date | null
}

/** One commit, as a watcher sees it. */
export interface RawUpdate<S> {
  /** The state before the commit. */
  before: Snapshot<S>
  /** The state after the commit. */
  after: Snapshot<S>
  /** true: nothing differs between before and after. */
  identical: boolean
  /** The number of the commit: 1 is the first of its log. */
  revision: number
  /** The process that committed, the method of State, and the time in milliseconds since the epoch by the server's clock. */
  by: { pid: number; name: string; method: string; time: number }
}
