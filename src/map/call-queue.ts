import { type Deferred, deferred } from '../async/deferred.ts'
import { errorFromWire } from '../protocol/values.ts'
import type { CallItem } from './chunk.ts'
import type { ItemSource, Outcome, OutcomeSink } from './item-io.ts'
import { listOf } from './messages.ts'

// So many settled calls are kept before they are forgotten together; and so many, where an older call is still under way.
const KEPT = 64
const KEPT_BEHIND = 1024

/** Calls of one target that were made by `ctx.run`: where its job gets them, and what settles their promises. */
export class CallQueue implements ItemSource, OutcomeSink {
  readonly isFull = false
  done = false
  #waiting: CallItem[] = []
  #at = 0
  /** The calls from number `#oldest` on, without those that have their outcome. See Slot.queue. */
  readonly #calls: (Deferred<unknown> | undefined)[] = []
  #oldest = 0
  /** Those of the older calls that are still under way. */
  readonly #late = new Map<number, Deferred<unknown>>()
  /** The number of calls in `#calls` that have no outcome. */
  #open = 0
  /** The number of calls at the start of `#calls` that have their outcome. */
  #settledFirst = 0
  #count = 0
  readonly #settled: () => void

  /** `settled` is called once for each call. */
  constructor(settled: () => void) {
    this.#settled = settled
  }

  get isEmpty(): boolean {
    return this.#at === this.#waiting.length
  }

  get next(): number {
    return this.#count - this.remaining
  }

  get remaining(): number {
    return this.#waiting.length - this.#at
  }

  add(item: CallItem): Promise<unknown> {
    const call = deferred<unknown>()
    this.#calls.push(call)
    this.#open++
    this.#count++
    this.#waiting.push(item)
    return call.promise
  }

  take(count: number): CallItem[] {
    const items = this.#waiting.slice(this.#at, this.#at + count)
    this.#at += items.length
    if (this.isEmpty) {
      this.#waiting = []
      this.#at = 0
    }
    return items
  }

  limit(): void {
    this.close()
  }

  close(): void {
    this.done = true
  }

  put({ first, count, results, failures, error }: Outcome): void {
    const values = count > 0 ? listOf(results) : []
    const failed = failures.length > 0 ? new Map(failures) : undefined
    for (let i = 0; i < count; i++) {
      const call = this.#take(first + i)
      if (failed?.has(i)) call?.reject(errorFromWire(failed.get(i)))
      else call?.resolve(values[i])
    }
    if (!error) return
    // The target cannot be called at all.
    this.close()
    this.fail(error.error)
  }

  end(): void {}

  /** Rejects all calls; those that wait are not begun. */
  fail(error: unknown): void {
    this.#waiting = []
    this.#at = 0
    for (const number of [...this.#late.keys()]) this.#take(number)?.reject(error)
    for (let number = this.#oldest; number < this.#count; number++) this.#take(number)?.reject(error)
  }

  #take(number: number): Deferred<unknown> | undefined {
    const at = number - this.#oldest
    const call = at < 0 ? this.#late.get(number) : this.#calls[at]
    if (!call) return undefined
    if (at < 0) this.#late.delete(number)
    else {
      this.#calls[at] = undefined
      this.#open--
      this.#forget()
    }
    this.#settled()
    return call
  }

  /** Forgets the settled calls at the start, many at a time. */
  #forget(): void {
    const calls = this.#calls
    while (this.#settledFirst < calls.length && !calls[this.#settledFirst]) this.#settledFirst++
    if (calls.length >= KEPT_BEHIND && this.#open * 4 < calls.length) return this.#setApart()
    if (this.#settledFirst < KEPT || this.#settledFirst * 2 < calls.length) return
    this.#oldest += calls.splice(0, this.#settledFirst).length
    this.#settledFirst = 0
  }

  /** A call that takes long keeps none of those behind it. */
  #setApart(): void {
    for (const [at, call] of this.#calls.entries()) if (call) this.#late.set(this.#oldest + at, call)
    this.#oldest += this.#calls.splice(0).length
    this.#settledFirst = this.#open = 0
  }
}
