import { inspect } from 'node:util'
import { onAbort } from '../async/aborted.ts'
import { type Deferred, deferred } from '../async/deferred.ts'
import { interruptible } from '../async/interrupt.ts'
import { soon } from '../async/interval.ts'
import { type Logger, tell } from '../async/logger.ts'
import { ZprocError } from '../errors.ts'
import { errorFromWire } from '../protocol/values.ts'
import type { Outcome } from './item-io.ts'
import { listOf } from './messages.ts'
import { withIndex } from './options.ts'
import type { Outcomes } from './outcomes.ts'
import type { Reporter } from './progress.ts'

// Longer arrays are made of another kind when they are made empty.
const MOST = 1 << 25

/** How one item ended: what a map yields with `settle: true`. */
export type Settled<R> =
  | {
      /** `'fulfilled'`: the target returned; `'rejected'`: it threw, or its workers died. */
      status: 'fulfilled'
      /** What the target returned. */
      value: R
    }
  | {
      /** `'fulfilled'`: the target returned; `'rejected'`: it threw, or its workers died. */
      status: 'rejected'
      /** What the target threw, or the WorkerCrashError. */
      reason: unknown
    }

/**
 * What a map yields for each item: what its target gives or, with `settle: true`, its status; with `ordered: false`
 * together with the item's index.
 */
export type Yielded<R, Z extends boolean = false, O extends boolean = true> = O extends false
  ? { index: number } & (Z extends true ? Settled<Awaited<R>> : { value: Awaited<R> })
  : Z extends true
    ? Settled<Awaited<R>>
    : Awaited<R>

/** What a MapResult needs of its map. */
export interface MapControl {
  /** For messages: the call and the target. */
  subject: string
  /** Gets what is said of it in place of stderr. */
  logger: Logger | undefined
  ordered: boolean
  settle: boolean
  /** The number of items, as far as it is known. */
  total: number | undefined
  /** The results are wanted all together: items may be computed in any order. */
  collect(): void
  /** There is room for further results. */
  room(): void
  /** Nothing more is wanted. */
  end(): void
  /** A result is awaited, or no longer. */
  awaiting(change: 1 | -1): void
}

/**
 * The results of a map, computed in the background from the call of `ctx.processMap` on. An async iterable.
 *
 *     for await (const square of ctx.processMap((x: number) => x * x, [1, 2, 3])) console.log(square)
 *
 * A step rejects with what the target threw, its item's number as the property `index`; with `ZPROC_WORKER_CRASH` when
 * workers died over an item; with `ZPROC_TIMEOUT` when one took longer than `timeout`; with `ZPROC_CLOSED` when the Context is
 * closed. The first error ends the map, unless `settle: true`.
 */
export class MapResult<R> implements AsyncIterable<R>, AsyncIterator<R, undefined> {
  readonly #map: MapControl
  readonly #outcomes: Outcomes
  readonly #reporter: Reporter | undefined
  /** The values of the outcome that is being consumed, and how many of them have been. */
  #values: R[] | undefined
  #at = 0
  #taken = 0
  #waiting: Deferred<void> | undefined
  #state: 'open' | 'cancelled' | 'ended' = 'open'
  #error: { error: unknown } | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #isRead = false
  #isCollected = false
  #isReported = false
  #unlisten: () => void = () => {}

  /** @internal */
  constructor(
    map: MapControl,
    outcomes: Outcomes,
    reporter: Reporter | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#map = map
    this.#outcomes = outcomes
    this.#reporter = reporter
    outcomes.onChange = () => {
      reporter?.tell(outcomes.done)
      this.#wake()
      this.#reportUnread()
    }
    const stop = (error: unknown) => {
      if (this.#state !== 'open') return
      this.#error = { error }
      this.#end()
    }
    outcomes.onFailure = stop
    if (reporter) reporter.failed = stop
    const aborted = () => stop(signal?.reason)
    if (signal?.aborted) aborted()
    else {
      if (signal) this.#unlisten = onAbort(signal, aborted)
    }
  }

  /** @internal Whether the map may begin. */
  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /**
   * Resolves with all results that have not been taken yet. Rejects with the error of the first item that failed; with
   * `ZPROC_ERROR` when the map is cancelled before its end, and when it is called a second time.
   */
  toArray(): Promise<R[]> {
    if (this.#isCollected)
      return Promise.reject(
        new ZprocError(`${this.#map.subject}: toArray() was called before; keep the array that it gave`),
      )
    this.#isCollected = true
    this.#map.collect()
    return this.#inTurn(async () => {
      // Made at once in its size, where that is known: a million results cost a fifth of what it takes to push them.
      const all = new Array<R>(Math.min(Math.max(0, (this.#map.total ?? 0) - this.#taken), MOST))
      let length = 0
      for (;;) {
        const values = await this.#rest()
        if (!values) {
          if (this.#state === 'cancelled')
            throw new ZprocError('toArray: the map was cancelled before its end')
          all.length = length
          return all
        }
        for (let i = this.#at; i < values.length; i++) all[length++] = values[i] as R
        this.#at = values.length
      }
    })
  }

  /** Resolves with the next result. */
  next(): Promise<IteratorResult<R, undefined>> {
    return this.#inTurn(async () => {
      const values = await this.#rest()
      return values ? { done: false, value: values[this.#at++] as R } : { done: true, value: undefined }
    })
  }

  /** Ends the map: items that wait are dropped, and the `itemSignal()` of those that run aborts. */
  cancel(): void {
    this.#end('cancelled')
  }

  /** Ends the map, as `cancel` does: called when a loop is left. */
  async return(): Promise<IteratorResult<R, undefined>> {
    this.#end()
    return { done: true, value: undefined }
  }

  /** The results themselves: a loop goes on where the one before it ended. */
  [Symbol.asyncIterator](): this {
    return this
  }

  // Calls made before the one before has its answer take their turns.
  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    this.#isRead = true
    const turn = this.#turn.then(step)
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** Values with at least one that has not been consumed, from `#at` on; undefined at the end. */
  async #rest(): Promise<R[] | undefined> {
    for (;;) {
      const outcome = await this.#outcome()
      if (!outcome) return undefined
      this.#values ??= this.#decode(outcome)
      if (this.#at < this.#values.length) return this.#values
      this.#taken += this.#values.length
      this.#values = undefined
      this.#at = 0
      this.#outcomes.shift()
      if (outcome.error) {
        this.#end()
        throw withIndex(outcome.error.error, outcome.error.index)
      }
      this.#map.room()
    }
  }

  async #outcome(): Promise<Outcome | undefined> {
    for (;;) {
      if (this.#error) {
        const { error } = this.#error
        this.#error = undefined
        throw error
      }
      if (this.#state !== 'open') return undefined
      const outcome = this.#outcomes.peek()
      if (outcome) return outcome
      if (outcome === null) {
        this.#end()
        return undefined
      }
      this.#waiting = deferred()
      this.#map.awaiting(1)
      try {
        await interruptible(this.#waiting.promise)
      } finally {
        this.#map.awaiting(-1)
      }
    }
  }

  #decode({ first, count, results, failures }: Outcome): R[] {
    if (count === 0) return []
    const values = listOf(results) as R[]
    const { ordered, settle } = this.#map
    if (ordered && !settle) return values
    const failed = new Map(failures)
    return Array.from({ length: count }, (_, i) => {
      const place = ordered ? {} : { index: first + i }
      if (!settle) return { ...place, value: values[i] } as R
      return (
        failed.has(i)
          ? { ...place, status: 'rejected', reason: withIndex(errorFromWire(failed.get(i)), first + i) }
          : { ...place, status: 'fulfilled', value: values[i] }
      ) as R
    })
  }

  #end(state: 'ended' | 'cancelled' = 'ended'): void {
    if (this.#state !== 'open') return
    this.#state = state
    this.#unlisten()
    this.#map.end()
    this.#outcomes.clear()
    this.#reporter?.end(this.#outcomes.done)
    this.#wake()
  }

  #wake(): void {
    this.#waiting?.resolve()
    this.#waiting = undefined
  }

  #sayUnread(error: unknown): void {
    const { subject, logger } = this.#map
    const words = 'failed, and its results are not being read'
    if (logger) tell(logger, 'error', { err: error }, `${subject} ${words}`)
    else process.stderr.write(`[${subject}] ${words}: ${inspect(error)}\n`)
  }

  // As a process that fails while nothing awaits it. One turn later: what was called just now may be read at once.
  #reportUnread(): void {
    if (this.#isRead || this.#isReported || !this.#outcomes.failure) return
    this.#isReported = true
    soon(() => {
      const failure = this.#outcomes.failure
      if (!this.#isRead && failure && this.#state === 'open') this.#sayUnread(failure.error)
    })
  }
}
