import { Packed } from '../protocol/values.ts'
import type { Outcome, OutcomeSink } from './item-io.ts'

// Bytes of results that wait to be consumed. With more, no further items are begun.
const MOST_BYTES = 16 << 20
// Bytes that an outcome takes besides its results.
const OVERHEAD_BYTES = 256

/** The outcomes of a map that wait to be consumed, in the order of the items or in that of their arrival. */
export class Outcomes implements OutcomeSink {
  readonly #ordered: boolean
  /** By the index of the first item, or by the number of the arrival. */
  readonly #waiting = new Map<number, Outcome>()
  #next = 0
  #arrivals = 0
  #bytes = 0
  #mostBytes = MOST_BYTES
  #taken = 0
  #total: number | undefined
  #endFailure: { error: unknown } | undefined
  /** What the map is known to fail with. */
  failure: { error: unknown } | undefined
  /** Items that have an outcome. */
  done = 0
  /** Called when an outcome arrived, or the end is known. */
  onChange: () => void = () => {}
  /** Called when the job ended from outside. */
  onFailure: (error: unknown) => void = () => {}

  constructor(ordered: boolean) {
    this.#ordered = ordered
  }

  get isFull(): boolean {
    return this.#bytes >= this.#mostBytes
  }

  /** All results are wanted together: however many wait, more are begun. */
  keepAll(): void {
    this.#mostBytes = Number.POSITIVE_INFINITY
  }

  put(outcome: Outcome): void {
    this.#waiting.set(this.#ordered ? outcome.first : this.#arrivals++, outcome)
    this.#bytes += bytesOf(outcome)
    this.done += outcome.count
    this.failure ??= outcome.error
    this.onChange()
  }

  end(total: number, failure?: { error: unknown }): void {
    this.#total = total
    this.#endFailure = failure
    this.failure ??= failure
    this.onChange()
  }

  fail(error: unknown): void {
    this.onFailure(error)
  }

  /** The next outcome, if it is there; null when there are no more. */
  peek(): Outcome | undefined | null {
    const outcome = this.#waiting.get(this.#next)
    if (outcome) return outcome
    if (this.#taken !== this.#total) return undefined
    if (!this.#endFailure) return null
    const error = this.#endFailure
    return { first: this.#taken, count: 0, results: null, failures: [], error }
  }

  /** The outcome from `peek` has been consumed. */
  shift(): void {
    const outcome = this.#waiting.get(this.#next)
    if (!outcome) return
    this.#waiting.delete(this.#next)
    this.#bytes -= bytesOf(outcome)
    this.#taken += outcome.count
    this.#next += this.#ordered ? outcome.count : 1
  }

  clear(): void {
    this.#waiting.clear()
    this.#bytes = 0
  }
}

function bytesOf({ results, failures }: Outcome): number {
  let bytes = OVERHEAD_BYTES + sizeOf(results)
  for (const [, error] of failures) bytes += sizeOf(error)
  return bytes
}

const sizeOf = (wire: Outcome['results']): number => (wire instanceof Packed ? wire.bytes.length : 16)
