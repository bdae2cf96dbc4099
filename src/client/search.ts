import type { Matcher } from './condition.ts'
import type { Update } from './cursor.ts'
import type { WatchOptions } from './options.ts'
import type { Place } from './place.ts'
import type { Reader, Waiter } from './reader.ts'
import type { Outcome, Wait } from './wait.ts'

/** Makes what a watcher hands out, of the reader and the update that it stands at. */
export type Result<T> = (reader: Reader, update: Update | undefined) => T

/** What a watcher looks for while a reader moves along the log: once, or again and again from where it was found. */
export class Search<T> implements Waiter {
  readonly wantsBefore: boolean
  outcome!: Outcome<T>
  readonly #place: Place
  readonly #matcher: Matcher
  readonly #options: WatchOptions
  readonly #make: Result<T>
  readonly #othersOnly: boolean
  // A condition is tested once on the state as it stands: as its State saw it last, and not on what a live watcher has
  // seen pass since. So nothing counts before this revision.
  readonly #from: number
  #standing: boolean

  /** `othersOnly`: the State's own writes do not count. */
  constructor(place: Place, matcher: Matcher, options: WatchOptions, make: Result<T>, othersOnly: boolean) {
    this.#place = place
    this.#matcher = matcher
    this.#options = options
    this.#make = make
    this.#othersOnly = othersOnly
    this.#standing = matcher.holds !== undefined
    this.#from = options.live ? 0 : place.seen
    this.wantsBefore = matcher.wantsBefore === true
  }

  /** Goes along with `reader` until the wait is over. */
  follow(reader: Reader, wait: Wait<T>, ended?: () => void): void {
    this.outcome = wait
    wait.leave = () => {
      reader.leave(this)
      ended?.()
    }
    reader.wait(this)
  }

  begin(reader: Reader): boolean {
    if (!this.#standing || reader.position < this.#from) return false
    try {
      if (!this.#matcher.holds?.(reader)) return false
      this.#found(reader, undefined)
    } catch (error) {
      this.outcome.failed(error)
    }
    return true
  }

  offer(reader: Reader, update: Update): boolean {
    if (this.#standing && reader.position <= this.#from) return this.begin(reader)
    if (this.#othersOnly && this.#place.isOwn(update.commit)) return false
    if (update.identical && !this.#options.duplicateOkay) return false
    try {
      if (!this.#matcher.matches(reader, update)) return false
      this.#found(reader, update)
    } catch (error) {
      this.outcome.failed(error)
    }
    return true
  }

  fail(error: unknown): void {
    if (!this.#options.live) this.#place.forgetEnded()
    this.outcome.failed(error)
  }

  #found(reader: Reader, update: Update | undefined): void {
    this.#standing = false
    this.#place.reached(reader.position, this.#options.live === true)
    this.outcome.found(this.#make(reader, update))
  }
}
