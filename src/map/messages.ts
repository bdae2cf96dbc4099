import type { Wire } from '../protocol/values.ts'

// What a pool and its workers tell each other, over a socket of their own.

export const Do = { task: 0, chunk: 1, cancel: 2, forget: 3 } as const
export const Did = { join: 0, done: 1, failed: 2, dropped: 3 } as const

export type PoolMessage =
  /** A map begins here: the target as it was shipped, and what all its calls share. */
  | [kind: typeof Do.task, task: number, target: Uint8Array, shape: Shape]
  | [kind: typeof Do.chunk, task: number, chunk: number, items: Wire]
  /** Ends what runs of the map, drops what waits. */
  | [kind: typeof Do.cancel, task: number]
  | [kind: typeof Do.forget, task: number]

/** How an item becomes a call. */
export interface Shape {
  stateful: boolean
  /** An item is the first argument; otherwise it is [arguments, kwargs]. */
  plain: boolean
  args: Wire
  kwargs: Wire
  /** Errors are results. */
  settle: boolean
}

export type WorkerMessage =
  | [kind: typeof Did.join, worker: number]
  /** `failures`: the items that threw, where errors are results. */
  | [kind: typeof Did.done, chunk: number, results: Wire, ms: number, failures: [at: number, error: Wire][]]
  /** Item `at` of the chunk threw; the results before it. */
  | [kind: typeof Did.failed, chunk: number, results: Wire, at: number, error: Wire]
  | [kind: typeof Did.dropped, chunk: number]
