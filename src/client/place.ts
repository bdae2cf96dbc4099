import type { Call, Matcher } from './condition.ts'
import type { Update } from './cursor.ts'
import type { Link } from './link.ts'
import type { WatchOptions } from './options.ts'
import { type Follower, Reader } from './reader.ts'
import { Wait } from './wait.ts'

/** Where a State is on its namespace's log, and the readers that move on from there. */
export class Place {
  readonly #link: Link
  // The newest revision that a watcher of this State handed out, or that the State started at.
  #position: number | undefined
  // The reader that stands ready for the next call; a loop borrows it.
  #idle: Reader | undefined
  #idleLive: Reader | undefined
  readonly #buffered = new Set<Reader>()
  readonly #live = new Set<Reader>()
  // Readers that decide where the State is once they are where they go.
  readonly #deciding = new Set<Reader>()
  // Before the first reader of this State has begun, no update can be missed.
  #hasBegun: boolean

  constructor(link: Link) {
    this.#link = link
    this.#hasBegun = link.isPlaced
    // What waits is failed by its reader.
    link.onOtherLog = () => {
      this.#position = undefined
      this.#hasBegun = false
      this.#idle = this.#idleLive = undefined
      this.#buffered.clear()
      this.#live.clear()
      this.#deciding.clear()
    }
  }

  /** The newest revision that this State was handed, or that it started at. */
  get position(): number | undefined {
    this.#decide()
    return this.#position
  }

  get link(): Link {
    return this.#link
  }

  /** Why nothing is waited for any more, if so. */
  get closing(): Error | undefined {
    return this.#link.closing
  }

  /** Begins a wait. `atClose`: what it comes to when the State is closed, instead of an error. */
  wait<T>(options: WatchOptions, call: Call, atClose?: T): Wait<T> {
    return new Wait<T>(this.#link, options, call, atClose)
  }

  /** Calls `go` once the State's position is known, if the wait is not over by then. */
  whenKnown<T>(wait: Wait<T>, go: () => void): void {
    if (wait.over) return
    if (this.#position !== undefined) return go()
    this.#link.start.then(
      revision => {
        this.#position ??= revision
        if (!wait.over) go()
      },
      error => wait.lost(error),
    )
  }

  /** The revision from which a watcher that begins now looks: conditions never go back behind an acknowledged write. */
  base(matcher: Matcher): number {
    const position = this.position as number
    return matcher.holds ? Math.max(position, this.#link.own.last) : position
  }

  isOwn({ commit, first, revision }: Update): boolean {
    const { connection, state, own } = this.#link
    if (!commit) return own.covers(first, revision)
    return commit[0] === connection.session && commit[1] === state
  }

  /** The State goes on behind `revision`: a watcher, buffered or live, has handed out the state there, or met a gap. */
  handed(revision: number): void {
    this.#hasBegun = true
    if (revision > (this.#position ?? 0)) this.#position = revision
  }

  /** A reader at the State's position, for one that needs it once. */
  buffered(base: number): Reader {
    this.forgetEnded()
    const idle = this.#idle
    if (idle?.serves(base)) return idle
    // It has passed over updates that others may look for.
    idle?.retire()
    this.#idle = this.#reader()
    return this.#idle
  }

  /** A reader for a loop alone, which gives it back. */
  borrow(base: number): Reader {
    const reader = this.buffered(base)
    if (reader.busy) return this.#reader()
    this.#idle = undefined
    return reader
  }

  /** A reader for a loop alone, from a revision that the program names. */
  replay(from: number): Reader {
    const reader = new Reader(this.#link, from, { isExact: true })
    this.#buffered.add(reader)
    return reader
  }

  giveBack(reader: Reader): void {
    this.forgetEnded()
    if (!reader.error && !this.#idle && reader.serves(this.position ?? 0)) this.#idle = reader
    else this.drop(reader)
  }

  /** A reader on its way to now, for one alone, which gives it back with `keepLive`. */
  live(): Reader {
    const reader = this.#idleLive
    this.#idleLive = undefined
    if (reader && !reader.error) {
      reader.seek()
      return reader
    }
    const fresh = new Reader(this.#link, -1)
    this.#live.add(fresh)
    return fresh
  }

  keepLive(reader: Reader): void {
    if (reader.error || this.#idleLive) this.drop(reader)
    else this.#idleLive = reader
  }

  /** A reader from now on for `follower` alone, which drops it. */
  follow(follower: Follower): Reader {
    const reader = new Reader(this.#link, -1, { follower })
    this.#live.add(reader)
    return reader
  }

  drop(reader: Reader): void {
    // It may have decided where the State is, and nobody asked since.
    this.#decide()
    reader.close()
    this.#buffered.delete(reader)
    this.#live.delete(reader)
    this.#deciding.delete(reader)
  }

  /** The State goes on behind the gaps that its readers have met. */
  forgetEnded(): void {
    for (const reader of this.#buffered) {
      if (reader.resumeAt !== undefined) this.handed(reader.resumeAt)
      if (!reader.ended) continue
      this.#buffered.delete(reader)
      if (this.#idle === reader) this.#idle = undefined
    }
  }

  /** All buffered watching goes on from now. */
  goLive(): void {
    this.forgetEnded()
    for (const reader of this.#buffered) {
      reader.seek()
      this.#deciding.add(reader)
    }
    // Loops have the others: the next one-shot watcher starts from now as well.
    if (this.#idle) return
    this.#idle = new Reader(this.#link, -1)
    this.#buffered.add(this.#idle)
    this.#deciding.add(this.#idle)
  }

  close(): void {
    for (const reader of [...this.#buffered, ...this.#live]) this.drop(reader)
  }

  /** The State is where the readers that decide that have come to. */
  #decide(): void {
    for (const reader of this.#deciding) {
      if (reader.isOnItsWay) continue
      this.#deciding.delete(reader)
      if (reader.landedAt !== undefined) this.handed(reader.landedAt)
    }
  }

  #reader(): Reader {
    const position = this.position as number
    // Where the State goes is not known yet: this was asked for later, so it comes after that.
    const goesLive = [...this.#deciding].some(reader => reader.goesLive)
    const reader = new Reader(this.#link, goesLive ? -1 : position, { orOldest: !this.#hasBegun })
    this.#buffered.add(reader)
    if (goesLive || !this.#hasBegun) this.#deciding.add(reader)
    return reader
  }
}
