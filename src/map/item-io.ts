import type { Wire } from '../protocol/values.ts'
import type { ResultList } from './messages.ts'

/** Where the items of a job come from. */
export interface ItemSource {
  /** Nothing more will come. */
  readonly done: boolean
  /** Nothing can be taken at present. */
  readonly isEmpty: boolean
  /** The index of the item that is taken next. */
  readonly next: number
  /** The number of items that can be taken, if that is known. */
  readonly remaining: number | undefined
  /** Up to `count` next items, none at the end; a promise only where an iterable makes one. */
  take(count: number): unknown[] | Promise<unknown[]>
  /** Items from `index` on are not wanted. */
  limit(index: number): void
  /** Nothing more is wanted. */
  close(): void
  /** The same items, read from up to `lanes` places in turn, where that can be done. */
  spread?(lanes: number): ItemSource | undefined
}

/** The outcomes of consecutive items, still encoded. */
export interface Outcome {
  first: number
  count: number
  results: ResultList
  failures: [at: number, error: Wire][]
  /** What ends the job after these items; with the index of its item, if it is the error of one. */
  error: { error: unknown; index?: number } | undefined
}

/** Where the outcomes of a job go. */
export interface OutcomeSink {
  /** Whether it holds so much that no more items should be begun. */
  readonly isFull: boolean
  put(outcome: Outcome): void
  /** There are `total` items; `failure`: what the source threw after them. */
  end(total: number, failure?: { error: unknown }): void
  /** The job ended from outside. */
  fail(error: unknown): void
}

/** An Outcome without results. */
export const failedAt = (first: number, error: unknown): Outcome => ({
  first,
  count: 0,
  results: null,
  failures: [],
  error: { error, index: first },
})
