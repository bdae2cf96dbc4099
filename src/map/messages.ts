import { fromWire, type Inline, toWire, type Wire } from '../protocol/values.ts'
import type { Payload } from './chunk.ts'

// The messages between a pool and its workers: over a socket of their own, or, between machines, through namespaces.

export const ToWorker = { job: 0, chunk: 1, cancel: 2, forget: 3, kill: 4, drop: 5 } as const
export const FromWorker = {
  joined: 0,
  begun: 1,
  results: 2,
  failed: 3,
  dropped: 4,
  gone: 5,
  full: 6,
} as const

export type PoolMessage =
  /** Opens a job: the shipped target and how to call it. `copy`: the target by value, for a machine that lacks its module. */
  | [kind: typeof ToWorker.job, job: number, target: Uint8Array, shape: Shape, copy: Uint8Array | null]
  | [kind: typeof ToWorker.chunk, job: number, chunk: number, items: Payload]
  /** Aborts the signal of the job's running item and drops its queued chunks. */
  | [kind: typeof ToWorker.cancel, job: number]
  | [kind: typeof ToWorker.forget, job: number]
  /** Ends the worker. Handled by its host. */
  | [kind: typeof ToWorker.kill]
  /** Ends all that its sender gave to the workers of a host. Handled by the host. */
  | [kind: typeof ToWorker.drop]

/** How an item becomes a call. */
export interface Shape {
  /** The target's name. */
  name: string
  stateful: boolean
  /** An item is the first argument; otherwise it is [arguments, kwargs]. */
  plain: boolean
  /** Each item is encoded by itself. */
  single: boolean
  args: Wire
  kwargs: Wire
  /** Errors are results. */
  settle: boolean
  /** A chunk that takes long is handed back in part. */
  divisible: boolean
  /** The worker reports the start of each chunk. */
  timed: boolean
  /** Where the map was begun, if a tracing system says that: see traceToWire. */
  trace?: string[]
  /** Bytes of memory with which a worker takes no more items. */
  memoryLimit: number | null
}

/** Encoded results: one list; of calls whose results are all primitives, these. */
export type ResultList = Wire | Inline[]

export const listOf = (results: ResultList): ArrayLike<unknown> =>
  Array.isArray(results) ? results : (fromWire(results) as ArrayLike<unknown>)

/** The outcomes of items of a chunk. */
export interface Results {
  /** The number of items, counted from the first one that has not been reported. */
  count: number
  results: ResultList
  /** The items that threw, where errors are results. */
  failures: [at: number, error: Wire][]
  ms: number
  /** The number of items after these that the worker goes on with. All further ones are handed back, not begun. */
  kept: number
  /** Whether an item was awaited, so that its worker could hand back what waits behind a long one. */
  awaited: boolean
}

export type WorkerMessage =
  | [kind: typeof FromWorker.joined, worker: number]
  | [kind: typeof FromWorker.begun, chunk: number]
  | [
      kind: typeof FromWorker.results,
      chunk: number,
      count: number,
      results: ResultList,
      failures: Results['failures'],
      ms: number,
      kept: number,
      awaited: boolean,
    ]
  /** Item `at`, counted from the first one that has not been reported, threw; with the results before it. */
  | [kind: typeof FromWorker.failed, chunk: number, results: Wire, at: number, error: Wire]
  | [kind: typeof FromWorker.dropped, chunk: number]
  /** Sent by a host: the worker has ended. `end`: how, if it died while it ran the first chunk of its queue. */
  | [kind: typeof FromWorker.gone, end: WorkerEnd | null]
  /** The worker is over its memory limit. */
  | [kind: typeof FromWorker.full]

/** How a worker that died ended. */
export interface WorkerEnd {
  /** In words: `was ended by SIGKILL`. */
  reason: string
  exitCode: number | null
  signal: NodeJS.Signals | null
  /** The last lines that it wrote to stderr. */
  stderr: string
}

/** A message between machines, to or from one of the workers of a host. */
export type Addressed<M = PoolMessage | WorkerMessage> = [worker: number, message: M]

/** A list of items or results. Long lists of numbers travel as their plain bytes. */
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
