import type { WireCommit } from '../protocol/messages.ts'
import type { Link } from './link.ts'
import type { WatchOptions } from './options.ts'
import { Reader } from './reader.ts'
import { Wait } from './wait.ts'

/** Where a State is on its namespace's log, and the readers that move on from there. */
export class Place {
  readonly #link: Link
  /** The newest revision that this State was handed, or started at. */
  position: number | undefined
  /** The newest revision that it was handed by any watcher, a live one included. */
  seen = 0
  // The reader that stands ready for the next call; a loop borrows it.
  #idle: Reader | undefined
  #idleLive: Reader | undefined
  readonly #buffered = new Set<Reader>()
  readonly #live = new Set<Reader>()

  constructor(link: Link) {
    this.#link = link
    // Who waits is told by the readers.
    link.onOtherLog = () => {
      this.position = undefined
      this.seen = 0
      this.#idle = this.#idleLive = undefined
      this.#buffered.clear()
      this.#live.clear()
    }
  }

  /** Begins a wait. */
  wait<T>(options: WatchOptions, call: string): Wait<T> {
    return new Wait<T>(this.#link.connection, options, call)
  }

  /** Calls `go` once the State's position is known, if the wait is not over by then. */
  whenKnown<T>(wait: Wait<T>, go: () => void): void {
    if (wait.over) return
    if (this.position !== undefined) return go()
    this.#link.start.then(
      revision => {
        this.position ??= revision
        if (!wait.over) go()
      },
      error => wait.failed(error),
    )
  }

  isOwn(commit: WireCommit): boolean {
    const { connection, state } = this.#link
    return commit[0] === connection.session && commit[1] === state
  }

  reached(revision: number, live: boolean): void {
    if (revision > this.seen) this.seen = revision
    if (!live && revision > (this.position ?? 0)) this.position = revision
  }

  /** A reader at the State's position, for who needs it once. */
  buffered(): Reader {
    this.forgetEnded()
    if (!this.#idle) this.#idle = this.#reader(this.position as number)
    else if (this.#idle.open) this.#idle.skipTo(this.position as number)
    return this.#idle
  }

  /** A reader for a loop alone, which gives it back. */
  borrow(): Reader {
    const idle = this.buffered()
    if (idle.busy) return this.#reader(this.position as number)
    this.#idle = undefined
    return idle
  }

  giveBack(reader: Reader): void {
    this.forgetEnded()
    if (!reader.error && !this.#idle) this.#idle = reader
    else {
      reader.close()
      this.#buffered.delete(reader)
    }
  }

  /** A reader on its way to now, for one alone, who gives it back with `keepLive`. */
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
    if (!reader.error && !this.#idleLive) {
      this.#idleLive = reader
      return
    }
    reader.close()
    this.#live.delete(reader)
  }

  // A reader that fell behind has gone to the end of the gap: the State goes on from there.
  forgetEnded(): void {
    for (const reader of this.#buffered) {
      if (!reader.error) continue
      this.#buffered.delete(reader)
      if (this.#idle === reader) this.#idle = undefined
      this.position = Math.max(this.position ?? 0, reader.resumeAt ?? reader.position)
    }
  }

  /** All buffered watching goes on from now. */
  goLive(): void {
    this.forgetEnded()
    for (const reader of this.#buffered) reader.seek()
    // Loops have the others: the next one-shot watcher starts from now as well.
    this.#idle ??= this.#reader(-1)
  }

  close(error: Error): void {
    for (const reader of [...this.#buffered, ...this.#live]) {
      reader.close()
      reader.lost(error)
    }
  }

  #reader(from: number): Reader {
    const reader = new Reader(this.#link, from)
    this.#buffered.add(reader)
    return reader
  }
}
