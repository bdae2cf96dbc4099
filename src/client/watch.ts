import type { Call, Matcher } from './condition.ts'
import type { Link } from './link.ts'
import { LiveLoop } from './live.ts'
import { Loop } from './loop.ts'
import type { LoopOptions, WatchOptions } from './options.ts'
import { Place } from './place.ts'
import { type Result, Search } from './search.ts'
import { asCommand } from './traced.ts'

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

  once<T>(matcher: Matcher, options: WatchOptions, name: string, make: Result<T>): Promise<T> {
    return asCommand(this.#link, name, matcher.keys, () => this.#once(matcher, options, name, make))
  }

  async #once<T>(matcher: Matcher, options: WatchOptions, name: string, make: Result<T>): Promise<T> {
    checkOwn(matcher, options, name)
    this.#link.check()
    const place = this.#place
    const wait = place.wait<T>(options, { name, keys: matcher.keys })
    place.whenKnown(wait, () => {
      // What is live starts from now, and that is behind all that was acknowledged.
      const from = options.live ? 0 : place.base(matcher)
      const reader = options.live ? place.live() : place.buffered(from)
      const search = new Search(place, matcher, options, make, { from, isLoop: false })
      search.follow(reader, wait, options.live ? () => place.keepLive(reader) : undefined)
    })
    try {
      return await wait.promise
    } catch (error) {
      wait.retrace(this.#once)
      throw error
    }
  }

  iterate<T>(
    matcher: Matcher,
    options: LoopOptions,
    name: string,
    make: Result<T>,
  ): AsyncIterableIterator<T> {
    checkOwn(matcher, options, name)
    if (options.live && options.from !== undefined)
      throw new TypeError(`${name}: from: ${options.from} is where to begin, and live: true begins from now`)
    this.#link.check()
    const trace = {}
    Error.captureStackTrace(trace, this.iterate)
    const call: Call = { name, keys: matcher.keys, trace }
    return new (options.live ? LiveLoop : Loop)(this.#place, matcher, options, call, make)
  }

  /** Drops what is waiting: buffered watching goes on from now. */
  goLive(): void {
    this.#link.check()
    this.#place.goLive()
  }

  /** Ends all that waits: loops quietly, one-shot watchers with `error`. */
  close(error: Error): void {
    this.#link.stopWaiting(error)
    this.#place.close()
  }
}

/** Whose writes count is a question for changes alone. */
export function checkOwn(matcher: Matcher, options: WatchOptions, name: string): void {
  if (matcher.holds && options.own)
    throw new TypeError(
      `${name}: own: true is for changes; a condition is tested after this State's own writes as well`,
    )
}
