import { monotonic } from '../async/interval.ts'
import type { Failure } from './attempt.ts'
import type { ProcessOptions } from './options.ts'

/** Decides, after each failure, whether there is another attempt, and when. */
export class RetryPolicy {
  readonly #options: ProcessOptions
  readonly #monotonic: () => number
  #retries = 0
  /** When the retries that count were decided upon. */
  readonly #recent: number[] = []

  /** `now`: the time in milliseconds, of which only differences count. */
  constructor(options: ProcessOptions, now = monotonic) {
    this.#options = options
    this.#monotonic = now
  }

  /** Milliseconds until the next attempt; undefined: there is none. */
  next(failure: Failure): number | undefined {
    const { maxRetries = Number.POSITIVE_INFINITY, retryDelay = 5000 } = this.#options
    if (!this.#wanted(failure) || this.#retries >= maxRetries || !this.#withinBudget()) return undefined
    this.#retries++
    return typeof retryDelay === 'number' ? retryDelay : checked(retryDelay(this.#retries))
  }

  #wanted(failure: Failure): boolean {
    const { retryFor = [], retryBoot = false } = this.#options
    if (failure.reason === 'boot') return retryBoot
    return retryFor.some(wanted =>
      typeof wanted === 'string' ? wanted === failure.signal : failure.classes.includes(wanted.name),
    )
  }

  #withinBudget(): boolean {
    const { maxRestarts, within = 60_000 } = this.#options
    if (maxRestarts === undefined) return true
    const now = this.#monotonic()
    while (this.#recent[0] !== undefined && this.#recent[0] < now - within) this.#recent.shift()
    if (this.#recent.length >= maxRestarts) return false
    this.#recent.push(now)
    return true
  }
}

function checked(delay: unknown): number {
  if (typeof delay === 'number' && delay >= 0) return delay
  throw new RangeError(`retryDelay returned ${String(delay)}; it must return milliseconds, 0 or more`)
}

/**
 * A `retryDelay` that grows: `base`, then `factor` times as long each time, up to `max` milliseconds. `jitter` is the
 * part of it that is left to chance, so that processes which fell together do not come back together.
 *
 *     ctx.process(target, { retryFor: [Error], retryDelay: backoff({ base: 100 }) })
 */
export function backoff(
  options: { base?: number; factor?: number; max?: number; jitter?: number } = {},
): (attempt: number) => number {
  const { base = 100, factor = 2, max = 30_000, jitter = 0.5 } = options
  for (const [name, value] of Object.entries({ base, factor, max, jitter }))
    if (typeof value !== 'number' || !(value >= 0))
      throw new RangeError(`backoff: ${name} must be a number, 0 or more, got ${String(value)}`)
  if (jitter > 1) throw new RangeError(`backoff: jitter is a part of the delay, 0 to 1, got ${jitter}`)
  return attempt => {
    const full = Math.min(max, base * factor ** (attempt - 1))
    return full * (1 - jitter * Math.random())
  }
}
