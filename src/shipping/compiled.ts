import { monotonic } from '../async/interval.ts'
import type { FunctionDescription } from '../protocol/description.ts'
import { hashOf, reviveAtomic } from './atomic.ts'

export type AtomicFunction = (state: object, ...args: unknown[]) => unknown

const KEPT = 1000
// The first calls of a function are timed; after those one of so many, a power of two: to read the clock takes a twentieth of
// what a small function takes.
const FIRST = 16
const EVERY = 16

/** How often a function was called, and how long that took. */
export class CallTimes {
  #calls = 0
  #timed = 0
  #ms = 0
  #longest = 0
  /** Where the function is written: `file:line`. */
  place = ''

  /** A call begins. Gives when, if it is to be timed, else 0. */
  begin(): number {
    const number = this.#calls++
    return number < FIRST || (number & (EVERY - 1)) === 0 ? monotonic() : 0
  }

  /** The call that began at `began` is over; 0 or NaN: that is not known. */
  end(began: number): void {
    if (!(began > 0)) return
    const took = monotonic() - began
    this.#timed++
    this.#ms += took
    if (took > this.#longest) this.#longest = took
  }

  describe(name: string): FunctionDescription {
    return {
      name,
      place: this.place,
      calls: this.#calls,
      timed: this.#timed,
      ms: this.#ms,
      longest: this.#longest,
    }
  }
}

// Of functions that are not kept.
const UNCOUNTED = new CallTimes()

interface Kept {
  made: AtomicFunction | Promise<AtomicFunction>
  readonly times: CallTimes
}

/** Atomic functions by the hash of their bytes: compiled once, the least recently used forgotten first. */
export class FunctionCache {
  readonly #kept = new Map<string, Kept>()
  #newest = ''

  /** The function, a promise while its modules are being loaded, or undefined when its bytes are needed. */
  get(hash: string): AtomicFunction | Promise<AtomicFunction> | undefined {
    const found = this.#kept.get(hash)
    if (!found || hash === this.#newest) return found?.made
    this.#kept.delete(hash)
    this.#kept.set(hash, found)
    this.#newest = hash
    return found.made
  }

  /** What is counted of a function that is kept. */
  times(hash: string | null | undefined): CallTimes {
    return (hash && this.#kept.get(hash)?.times) || UNCOUNTED
  }

  add(hash: string, bytes: Uint8Array): AtomicFunction | Promise<AtomicFunction> {
    // Others call what is kept under this hash: it is no client's to choose.
    if (hashOf(bytes) !== hash) throw new TypeError('a function was sent under the hash of another one')
    const times = new CallTimes()
    const made = revived(bytes, place => {
      times.place = place
    })
    const kept: Kept = { made, times }
    this.#kept.set(hash, kept)
    if (made instanceof Promise) {
      made.then(
        fn => {
          kept.made = fn
        },
        () => this.#kept.delete(hash),
      )
    }
    this.#newest = hash
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value as string)
    return made
  }

  /** All that were called. */
  described(): FunctionDescription[] {
    return Array.from(this.#kept.values(), ({ made, times }) =>
      times.describe(typeof made === 'function' ? made.name : ''),
    ).filter(({ calls }) => calls > 0)
  }
}

// What cannot be made a function here says so to whoever calls it.
function revived(
  bytes: Uint8Array,
  written: (place: string) => void,
): AtomicFunction | Promise<AtomicFunction> {
  try {
    return reviveAtomic(bytes, written) as AtomicFunction | Promise<AtomicFunction>
  } catch (error) {
    return () => {
      throw error
    }
  }
}
