import { type Deferred, deferred } from '../async/deferred.ts'
import { interruptible } from '../async/interrupt.ts'
import { ZprocError } from '../errors.ts'
import type { Pool } from './pool.ts'
import type { Reporter } from './progress.ts'
import type { Run } from './run.ts'

// Longer arrays are made of another kind when they are made empty.
const MOST = 1 << 25

export type Settled<R> = { status: 'fulfilled'; value: R } | { status: 'rejected'; reason: unknown }

/** What a map yields for each item: what its target gives, or, with `settle: true`, what became of it. */
export type Yielded<R, Z extends boolean> = Z extends true ? Settled<Awaited<R>> : Awaited<R>

/** The results of a map, in the order of its items. They are being computed from the moment of the call on. */
export class MapResult<R> implements AsyncIterable<R>, AsyncIterator<R, undefined> {
  readonly #run: Run
  readonly #pool: Pool
  readonly #reporter: Reporter | undefined
  #at = 0
  #waiting: Deferred<void> | undefined
  #state: 'open' | 'cancelled' | 'ended' = 'open'
  #error: { error: unknown } | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #unlisten: () => void = () => {}

  /** @internal */
  constructor(run: Run, pool: Pool, reporter: Reporter | undefined, signal: AbortSignal | undefined) {
    this.#run = run
    this.#pool = pool
    this.#reporter = reporter
    run.changed = () => {
      reporter?.tell(run.done)
      this.#wake()
      pool.dispatch()
    }
    const stop = (error: unknown) => {
      if (this.#state !== 'open') return
      this.#error = { error }
      this.#end()
    }
    run.stopped = stop
    if (reporter) reporter.failed = stop
    const aborted = () => stop(signal?.reason)
    if (signal?.aborted) aborted()
    else {
      signal?.addEventListener('abort', aborted, { once: true })
      this.#unlisten = () => signal?.removeEventListener('abort', aborted)
      pool.begin(run)
    }
  }

  /** All results that were not taken yet. Rejects when the map is cancelled before it has them. */
  toArray(): Promise<R[]> {
    return this.#inTurn(async () => {
      // Made at once in its size, where that is known: a million results cost a fifth of what it takes to push them.
      const all = new Array<R>(Math.min(this.#run.left, MOST))
      let at = 0
      for (;;) {
        const chunk = await this.#chunk()
        if (!chunk) {
          if (this.#state === 'cancelled')
            throw new ZprocError('toArray: the map was cancelled before its end')
          all.length = at
          return all
        }
        const results = this.#rest(chunk)
        for (let i = 0; i < results.length; i++) all[at++] = results[i] as R
        this.#at = 0
        if (chunk.error) throw this.#fail(chunk.error.error)
        this.#shift()
      }
    })
  }

  next(): Promise<IteratorResult<R, undefined>> {
    return this.#inTurn(async () => {
      for (;;) {
        const chunk = await this.#chunk()
        if (!chunk) return { done: true, value: undefined }
        if (this.#at < chunk.results.length) return { done: false, value: this.#one(chunk, this.#at++) }
        if (chunk.error) throw this.#fail(chunk.error.error)
        this.#at = 0
        this.#shift()
      }
    })
  }

  /** Ends the map: what runs is told by its signal, what waits is dropped. */
  cancel(): void {
    this.#end('cancelled')
  }

  async return(): Promise<IteratorResult<R, undefined>> {
    this.#end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  // Calls made before the one before has its answer take their turns.
  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(step)
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #chunk() {
    for (;;) {
      if (this.#error) {
        const { error } = this.#error
        this.#error = undefined
        throw error
      }
      if (this.#state !== 'open') return null
      const chunk = this.#run.head()
      if (chunk) return chunk
      if (chunk === null) {
        this.#end()
        return null
      }
      this.#waiting = deferred()
      this.#pool.awaiting(1)
      try {
        await interruptible(this.#waiting.promise)
      } finally {
        this.#pool.awaiting(-1)
      }
    }
  }

  #shift(): void {
    this.#run.shift()
    // There is room for another chunk.
    this.#pool.dispatch()
  }

  #rest(chunk: Done): ArrayLike<R> {
    const { length } = chunk.results
    if (!this.#run.settings.shape.settle && this.#at === 0) return chunk.results as R[]
    return Array.from({ length: length - this.#at }, (_, i) => this.#one(chunk, this.#at + i))
  }

  #one(chunk: Done, i: number): R {
    if (!this.#run.settings.shape.settle) return chunk.results[i] as R
    const settled: Settled<unknown> = chunk.failures.has(i)
      ? { status: 'rejected', reason: chunk.failures.get(i) }
      : { status: 'fulfilled', value: chunk.results[i] }
    return settled as R
  }

  #fail(error: unknown): unknown {
    this.#end()
    return error
  }

  #end(state: 'ended' | 'cancelled' = 'ended'): void {
    if (this.#state !== 'open') return
    this.#state = state
    this.#unlisten()
    this.#run.end()
    this.#pool.finish(this.#run)
    this.#reporter?.end(this.#run.done)
    this.#wake()
  }

  #wake(): void {
    this.#waiting?.resolve()
    this.#waiting = undefined
  }
}

type Done = { results: unknown[]; failures: Map<number, unknown> }
