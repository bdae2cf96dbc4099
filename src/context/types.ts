import type { State } from '../client/state.ts'
import type { RemoteException } from '../errors.ts'
import type { Process } from '../process/process.ts'

// What a target gets: its Context or State or nothing, then the args, then the kwargs if given.
// The type parameters of ProcessOptions say which; `X` is the type of the Context, which is built on this file.

/** The type of the state in a process. Nothing is known of the one in a namespace that its options name. */
// biome-ignore lint/suspicious/noExplicitAny: a State of it is a State of any type
export type StateIn<S extends object, N> = [N] extends [undefined] ? S : any

/** What the target of a process gets first: `passContext` (C) a Context, `stateful` (F) a State. */
type First<S extends object, X, F, C> = [C] extends [true]
  ? [ctx: X]
  : [F] extends [false]
    ? []
    : [state: State<S>]
/** The last argument of a target, where `kwargs` was given. */
type Kwargs<K> = [K] extends [object] ? [kwargs: K] : []

/** The arguments of the target of a process. */
export type Given<S extends object, X, A extends readonly unknown[], K, F, C> = [
  ...First<S, X, F, C>,
  ...A,
  ...Kwargs<K>,
]

/** What `wait()` gives: a RemoteException comes as a rejection. */
export type Returned<R> = Process<Exclude<R, RemoteException>>

/** Takes the handler, and starts its process. `T` is the snapshot, `G` what the handler gets besides. */
export type Call<T, G extends readonly unknown[]> = (
  handler: ((snapshot: T, ...given: G) => unknown) | URL,
) => Process<void>

/** The arguments of the target of a map. */
export type MapGiven<
  S extends object,
  F,
  I extends readonly unknown[],
  MA extends readonly unknown[],
  A extends readonly unknown[],
  MK,
  K,
> = [...([F] extends [true] ? [state: State<S>] : []), ...I, ...MA, ...A, ...Kwargs<Merged<MK, K>>]

/** `{ ...own, ...shared }`, where each may be undefined. */
type Merged<MK, K> = [MK] extends [object] ? ([K] extends [object] ? Omit<MK, keyof K> & K : MK) : K

/** One, or a list. */
export type OneOrMore<T> = T | readonly T[]
