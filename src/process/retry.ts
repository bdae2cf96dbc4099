import { monotonic } from '../async/interval.ts'
import { number, time } from '../protocol/kinds.ts'
import { type OptionsOf, readOptions } from '../protocol/options.ts'
import type { Failure } from './attempt.ts'
import type { ProcessOptions } from './options.ts'

const backoffFields = {
  /** Milliseconds before the first retry. Default 100. */
  base: time(),
  /** How many times as long each delay is as the one before. Default 2. */
  factor: number(0),
  /** The longest delay in milliseconds. Default 30,000. */
  max: time(),
  /** The part of each delay that is left to chance, from 0 to 1. Default 0.5. */
  jitter: number(0, 1),
}

/** The delays that `backoff` gives. */
export interface BackoffOptions extends OptionsOf<typeof backoffFields> {}

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
 * A `retryDelay` that grows: `base`, then `factor` times as long each time, up to `max` milliseconds. `jitter` keeps
 * processes that failed together from starting again together.
 *
 *     ctx.process(target, { retryFor: [Error], retryDelay: backoff({ base: 100 }) })
 */
export function backoff(options: BackoffOptions = {}): (attempt: number) => number {
  const {
    base = 100,
    factor = 2,
    max = 30_000,
    jitter = 0.5,
  } = readOptions(backoffFields, options, 'backoff')
  return attempt => {
    const full = Math.min(max, base * factor ** (attempt - 1))
    return full * (1 - jitter * Math.random())
  }
}
