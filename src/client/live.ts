import { Ask } from '../protocol/kinds-of-requests.ts'
import { result } from '../store/store.ts'
import type { Call, Matcher } from './condition.ts'
import type { Update } from './cursor.ts'
import type { WatchOptions } from './options.ts'
import type { Place } from './place.ts'
import type { Follower, Reader } from './reader.ts'
import { type Counted, counted, counts, type Result } from './search.ts'
import { end, type Step, Steps } from './steps.ts'
import type { Wait } from './wait.ts'

const dropped = new FinalizationRegistry<Newest<unknown>>(newest => newest.close())

/** A live watcher as an async iterator: each step gives the newest state, if that is newer than the one before. */
export class LiveLoop<T> extends Steps<T> {
  readonly #place: Place
  readonly #options: WatchOptions
  readonly #call: Call
  readonly #newest: Newest<T>
  #pending: Wait<Step<T>> | undefined

  constructor(place: Place, matcher: Matcher, options: WatchOptions, call: Call, make: Result<T>) {
    super()
    this.#place = place
    this.#options = options
    this.#call = call
    this.#newest = new Newest(place, matcher, options, make)
    dropped.register(this, this.#newest, this)
  }

  protected override step(): Promise<Step<T>> {
    if (this.#place.closing) {
      this.finish()
      return Promise.resolve(end())
    }
    const wait = this.#place.wait<Step<T>>(this.#options, this.#call, end())
    this.#pending = wait
    this.#place.whenKnown(wait, () => this.#newest.give(wait))
    return wait.promise
  }

  protected override left(): void {
    dropped.unregister(this)
    this.#pending?.found(end())
    this.#newest.close()
  }
}

/**
 * What a live loop has open: the newest state, and whether an update that counts has come since the one that was handed
 * out last. It does not know the loop, and keeps nothing for each update: a loop that is dropped costs no more.
 */
class Newest<T> implements Follower {
  readonly wantsBefore: boolean
  readonly #place: Place
  readonly #matcher: Matcher
  readonly #make: Result<T>
  readonly #counted: Counted
  #reader: Reader | undefined
  #wait: Wait<Step<T>> | undefined
  #isDue: boolean
  // Of a loop of updates: what the newest one that counts is handed out as, and its revision.
  #update: { value: T; revision: number } | undefined
  #asked = 0
  #error: Error | undefined

  constructor(place: Place, matcher: Matcher, options: WatchOptions, make: Result<T>) {
    this.#place = place
    this.#matcher = matcher
    this.#make = make
    this.#counted = counted(matcher, options, true)
    this.wantsBefore = matcher.wantsBefore === true
    // A condition may hold already.
    this.#isDue = matcher.holds !== undefined
  }

  get rests(): boolean {
    return this.#isDue && !this.#wait && !this.wantsBefore
  }

  /** Ends `wait` with the newest state, now or as soon as one is due. */
  give(wait: Wait<Step<T>>): void {
    if (this.#error) return wait.lost(this.#error)
    this.#wait = wait
    wait.leave = () => {
      this.#wait = undefined
    }
    // What was committed before this call is looked at first: the step is one for all of it. Where a step is due anyway, a
    // jump to the newest state will do; otherwise each update is looked at, since a jump does not tell whose changes it holds.
    if (!this.#reader) this.#reader = this.#place.follow(this)
    else if (this.#isDue && !this.wantsBefore) this.#reader.seek()
    else this.#ask()
  }

  passed(update: Update): void {
    if (!counts(update, this.#counted, this.#place)) return
    if (this.#matcher.holds) this.#isDue = true
    else if (!this.#matcher.matches(this.#reader as Reader, update)) return
    // Of several updates at once it is not known what each of them was.
    else if (!this.wantsBefore) this.#isDue = true
    else if (update.commit) {
      this.#isDue = true
      this.#update = { value: this.#make(this.#reader as Reader, update), revision: update.revision }
    }
  }

  stands(): void {
    const wait = this.#wait
    const reader = this.#reader
    if (!wait || !reader || !this.#isDue || this.#asked > 0) return
    // An acknowledged write of this State is on its way here.
    if (reader.position < this.#place.link.own.last) return
    let newest: { value: T; revision: number }
    try {
      if (this.#matcher.holds && !this.#matcher.holds(reader)) return
      newest = this.#update ?? { value: this.#make(reader, undefined), revision: reader.position }
    } catch (error) {
      return wait.failed(error)
    }
    this.#isDue = false
    if (wait.found({ done: false, value: newest.value })) this.#place.handed(newest.revision)
  }

  failed(error: Error): void {
    this.#wait?.lost(error)
  }

  lost(error: Error): void {
    this.#error = error
    this.#wait?.lost(error)
  }

  close(): void {
    if (this.#reader) this.#place.drop(this.#reader)
  }

  /** Asks for an answer that comes behind all updates so far. */
  #ask(): void {
    const { connection } = this.#place.link
    this.#asked++
    const answered = () => {
      this.#asked--
      this.stands()
    }
    const message: [typeof Ask.ping, number, Uint8Array] = [Ask.ping, 0, new Uint8Array()]
    connection.request('watch', message, result).then(answered, answered)
  }
}
