import type { Matcher } from './condition.ts'
import type { Link } from './link.ts'
import { Loop } from './loop.ts'
import type { WatchOptions } from './options.ts'
import { Place } from './place.ts'
import { type Result, Search } from './search.ts'

/** The watching half of a State: one position on the log, and the readers that move on from it. */
export class Watcher {
  readonly #link: Link
  readonly #place: Place

  constructor(link: Link) {
    this.#link = link
    this.#place = new Place(link)
  }

  /** The newest revision that the State was handed, or started at. */
  get position(): number | undefined {
    return this.#place.position
  }

  once<T>(matcher: Matcher, options: WatchOptions, call: string, make: Result<T>): Promise<T> {
    try {
      this.#link.check()
    } catch (error) {
      return Promise.reject(error)
    }
    const place = this.#place
    const wait = place.wait<T>(options, call)
    place.whenKnown(wait, () => {
      const reader = options.live ? place.live() : place.buffered()
      const search = new Search(place, matcher, options, make, matcher.holds === undefined)
      search.follow(reader, wait, options.live ? () => place.keepLive(reader) : undefined)
    })
    return wait.promise
  }

  iterate<T>(matcher: Matcher, options: WatchOptions, call: string, make: Result<T>): Loop<T> {
    this.#link.check()
    return new Loop(this.#place, matcher, options, call, make)
  }

  /** Drops what is waiting: buffered watching goes on from now. */
  goLive(): void {
    this.#link.check()
    this.#place.goLive()
  }

  close(error: Error): void {
    this.#place.close(error)
  }
}
