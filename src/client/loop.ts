import { interruptIsKept } from '../async/interrupt.ts'
import type { Call, Matcher } from './condition.ts'
import type { LoopOptions } from './options.ts'
import type { Place } from './place.ts'
import type { Reader } from './reader.ts'
import { type Result, Search } from './search.ts'
import { end, type Step, Steps } from './steps.ts'
import type { Outcome, Wait } from './wait.ts'

/** What a loop has open. It does not know the loop: one that is dropped ends with it. */
interface Open {
  reader: Reader | undefined
}

// A loop that was left without `return()`, as one whose body waits for ever.
const dropped = new FinalizationRegistry<{ place: Place; open: Open }>(({ place, open }) => {
  if (open.reader) place.drop(open.reader)
})

/** A buffered watcher as an async iterator, with a reader of its own from the State's position on. */
export class Loop<T> extends Steps<T> {
  readonly #place: Place
  readonly #options: LoopOptions
  readonly #call: Call
  readonly #matcher: Matcher
  readonly #make: Result<Step<T>>
  readonly #open: Open = { reader: undefined }
  #search: Search<Step<T>> | undefined
  #pending: Wait<Step<T>> | undefined
  // What a step comes to that need not wait.
  #now: Promise<Step<T>> | undefined
  readonly #atOnce: Outcome<Step<T>> = {
    found: step => {
      this.#now = Promise.resolve(step)
      return true
    },
    failed: error => {
      this.finish()
      this.#now = Promise.reject(error)
    },
    lost: error => this.#atOnce.failed(error),
  }

  constructor(place: Place, matcher: Matcher, options: LoopOptions, call: Call, make: Result<T>) {
    super()
    this.#place = place
    this.#matcher = matcher
    this.#options = options
    this.#call = call
    this.#make = (reader, update) => ({ done: false, value: make(reader, update) })
    dropped.register(this, { place, open: this.#open }, this)
  }

  /** What has arrived needs no waiting, with all that belongs to that: a loop that is behind catches up at full speed. */
  protected override atOnce(): Promise<Step<T>> | undefined {
    const { reader } = this.#open
    if (!reader || !this.#search || this.#place.closing) return undefined
    if (this.#options.signal?.aborted || interruptIsKept()) return undefined
    this.#search.outcome = this.#atOnce
    return reader.catchUp(this.#search) ? this.#now : undefined
  }

  protected override step(): Promise<Step<T>> {
    if (this.#place.closing) {
      this.finish()
      return Promise.resolve(end())
    }
    const wait = this.#place.wait<Step<T>>(this.#options, this.#call, end())
    this.#pending = wait
    this.#place.whenKnown(wait, () => {
      const from = this.#options.from ?? this.#place.base(this.#matcher)
      this.#open.reader ??=
        this.#options.from === undefined ? this.#place.borrow(from) : this.#place.replay(from)
      this.#search ??= new Search(this.#place, this.#matcher, this.#options, this.#make, {
        from,
        isLoop: true,
      })
      this.#search.follow(this.#open.reader, wait)
    })
    return wait.promise
  }

  protected override left(): void {
    dropped.unregister(this)
    this.#pending?.found(end())
    if (this.#open.reader) this.#place.giveBack(this.#open.reader)
    this.#open.reader = undefined
  }
}
