import { interruptIsKept } from '../async/interrupt.ts'
import type { Matcher } from './condition.ts'
import type { WatchOptions } from './options.ts'
import type { Place } from './place.ts'
import type { Reader } from './reader.ts'
import { type Result, Search } from './search.ts'
import type { Outcome, Wait } from './wait.ts'

type Step<T> = IteratorResult<T, undefined>

const end = (): { done: true; value: undefined } => ({ done: true, value: undefined })

/** A watcher as an async iterator, with a reader of its own from the State's position on. */
export class Loop<T> implements AsyncIterableIterator<T> {
  readonly #place: Place
  readonly #options: WatchOptions
  readonly #call: string
  readonly #newSearch: () => Search<Step<T>>
  #search: Search<Step<T>> | undefined
  #reader: Reader | undefined
  #done = false
  #pending: Wait<Step<T>> | undefined
  // Steps that were asked for and are not over; and the last of them.
  #underWay = 0
  #last: Promise<void> = Promise.resolve()
  // What a step comes to that need not wait.
  #now: Promise<Step<T>> | undefined
  readonly #atOnce: Outcome<Step<T>> = {
    found: step => {
      this.#now = Promise.resolve(step)
    },
    failed: error => {
      this.#finish()
      this.#now = Promise.reject(error)
    },
  }

  constructor(place: Place, matcher: Matcher, options: WatchOptions, call: string, make: Result<T>) {
    this.#place = place
    this.#options = options
    this.#call = call
    const step: Result<Step<T>> = (reader, update) => ({ done: false, value: make(reader, update) })
    this.#newSearch = () => new Search(place, matcher, options, step, true)
  }

  next(): Promise<Step<T>> {
    if (this.#underWay === 0 && this.#isHere()) return this.#now as Promise<Step<T>>
    // Calls that are made before the one before has its answer take their turns.
    const step = this.#underWay++ === 0 ? this.#step() : this.#last.then(() => this.#step())
    this.#last = step.then(
      () => {
        this.#underWay--
      },
      () => {
        this.#underWay--
        this.#finish()
      },
    )
    return step
  }

  async return(): Promise<Step<T>> {
    this.#finish()
    return end()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** What has arrived needs no waiting, with all that belongs to that: who is behind catches up at full speed. */
  #isHere(): boolean {
    if (!this.#reader || !this.#search || this.#options.live) return false
    if (this.#options.signal?.aborted || interruptIsKept()) return false
    this.#search.outcome = this.#atOnce
    return this.#reader.catchUp(this.#search)
  }

  #step(): Promise<Step<T>> {
    if (this.#done) return Promise.resolve(end())
    const wait = this.#place.wait<Step<T>>(this.#options, this.#call)
    this.#pending = wait
    this.#place.whenKnown(wait, () => {
      const { live } = this.#options
      if (!this.#reader) this.#reader = live ? this.#place.live() : this.#place.borrow()
      else if (live) this.#reader.seek()
      this.#search ??= this.#newSearch()
      this.#search.follow(this.#reader, wait)
    })
    return wait.promise
  }

  #finish(): void {
    if (this.#done) return
    this.#done = true
    this.#pending?.found(end())
    if (this.#reader && this.#options.live) this.#place.keepLive(this.#reader)
    else if (this.#reader) this.#place.giveBack(this.#reader)
    this.#reader = undefined
  }
}
