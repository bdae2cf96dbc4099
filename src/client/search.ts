import type { Matcher } from './condition.ts'
import type { Update } from './cursor.ts'
import type { WatchOptions } from './options.ts'
import type { Place } from './place.ts'
import type { Reader, Waiter } from './reader.ts'
import type { Outcome, Wait } from './wait.ts'

/** Makes what a watcher hands out, of the reader and the update that it stands at. */
export type Result<T> = (reader: Reader, update: Update | undefined) => T

/** Which updates a watcher counts. */
export interface Counted {
  /** Whether those of the watching State do. */
  own: boolean
  /** Whether those that left everything equal do. */
  identical: boolean
}

/** Which updates a watcher counts: of changes, and of the loops of conditions, not those of the watching State. */
export const counted = (matcher: Matcher, options: WatchOptions, isLoop: boolean): Counted => ({
  own: matcher.holds ? !isLoop : options.own === true,
  identical: options.duplicateOkay === true,
})

export const counts = (update: Update, { own, identical }: Counted, place: Place): boolean =>
  (own || !place.isOwn(update)) && (identical || !update.identical)

/** What a watcher looks for while a reader moves along the log: once, or again and again from where it was found. */
export class Search<T> implements Waiter {
  readonly wantsBefore: boolean
  readonly from: number
  outcome!: Outcome<T>
  readonly #place: Place
  readonly #matcher: Matcher
  readonly #make: Result<T>
  readonly #counted: Counted
  #standing: boolean

  constructor(
    place: Place,
    matcher: Matcher,
    options: WatchOptions,
    make: Result<T>,
    { from, isLoop }: { from: number; isLoop: boolean },
  ) {
    this.#place = place
    this.#matcher = matcher
    this.#make = make
    this.#counted = counted(matcher, options, isLoop)
    this.#standing = matcher.holds !== undefined
    this.from = from
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
    if (!this.#standing || reader.position < this.from) return false
    try {
      if (!this.#matcher.holds?.(reader)) return false
      this.#found(reader, undefined)
    } catch (error) {
      this.outcome.failed(error)
    }
    return true
  }

  offer(reader: Reader, update: Update): boolean {
    if (reader.position <= this.from) return this.begin(reader)
    if (!counts(update, this.#counted, this.#place)) return false
    try {
      if (!this.#matcher.matches(reader, update)) return false
      this.#found(reader, update)
    } catch (error) {
      this.outcome.failed(error)
    }
    return true
  }

  fail(error: unknown): void {
    this.#place.forgetEnded()
    this.outcome.lost(error)
  }

  #found(reader: Reader, update: Update | undefined): void {
    this.#standing = false
    if (this.outcome.found(this.#make(reader, update))) this.#place.handed(reader.position)
  }
}
