import { toWire, type Wire } from '../protocol/values.ts'

// What a pool and its workers tell each other: over a socket of their own, or, from machine to machine, as letters.

export const Do = { task: 0, chunk: 1, cancel: 2, forget: 3, kill: 4 } as const
export const Did = { join: 0, begun: 1, done: 2, failed: 3, dropped: 4, gone: 5 } as const

export type PoolMessage =
  /** A map begins here: the target as it was shipped, and what all its calls share. `copy`: where that cannot be had here. */
  | [kind: typeof Do.task, task: number, target: Uint8Array, shape: Shape, copy: Uint8Array | null]
  | [kind: typeof Do.chunk, task: number, chunk: number, items: Wire]
  /** Ends what runs of the map, drops what waits. */
  | [kind: typeof Do.cancel, task: number]
  | [kind: typeof Do.forget, task: number]
  /** Ends the worker: not for itself, but for the program that started it. */
  | [kind: typeof Do.kill]

/** How an item becomes a call. */
export interface Shape {
  stateful: boolean
  /** An item is the first argument; otherwise it is [arguments, kwargs]. */
  plain: boolean
  args: Wire
  kwargs: Wire
  /** Errors are results. */
  settle: boolean
  /** A chunk that turns out long may be handed back in part. */
  divisible: boolean
  /** The worker says when it begins a chunk. */
  timed: boolean
}

export type WorkerMessage =
  | [kind: typeof Did.join, worker: number]
  | [kind: typeof Did.begun, chunk: number]
  /** Fewer results than items: the rest is handed back. `failures`: the items that threw, where errors are results. */
  | [kind: typeof Did.done, chunk: number, results: Wire, ms: number, failures: [at: number, error: Wire][]]
  /** Item `at` of the chunk threw; the results before it. */
  | [kind: typeof Did.failed, chunk: number, results: Wire, at: number, error: Wire]
  | [kind: typeof Did.dropped, chunk: number]
  /** Said by the program that started it: it is gone. `guilty`: it died while at what it had in hand first. */
  | [kind: typeof Did.gone, guilty: boolean]

/** From machine to machine: to or from one of the workers there. */
export type Letter<M = PoolMessage | WorkerMessage> = [worker: number, message: M]

/** A list of items or results; many numbers travel as their plain bytes. */
export function listToWire(list: ArrayLike<unknown>, call: string, root: string): Wire {
  if (list instanceof Float64Array || list.length < 32) return toWire(list, call, root)
  const numbers = new Float64Array(list.length)
  for (let i = 0; i < numbers.length; i++) {
    const value = list[i]
    if (typeof value !== 'number') return toWire(list, call, root)
    numbers[i] = value
  }
  return toWire(numbers, call, root)
}
