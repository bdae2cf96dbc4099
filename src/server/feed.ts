import { encode } from '../protocol/frames.ts'
import type { Jump, WireChange } from '../protocol/messages.ts'
import { wireCommit } from '../store/commit.ts'
import type { Namespace } from '../store/namespace.ts'

// Commits that are sent together, at most.
const CHUNK = 256

/** Who reads: a session, as far as its feeds are concerned. */
export interface Listener {
  /** Whether it takes less than it is sent: its feeds pause. */
  readonly congested: boolean
  tellUpdates(feed: number, first: number, chunk: Uint8Array): void
  tellFellBehind(feed: number, from: number, to: number): void
}

/** One client's reading of a log: everything up to `position` was sent. */
export interface Feed {
  session: Listener
  id: number
  position: number
  /** Bytes that may be sent before the client says that it has used some. */
  credit: number
}

/** Everybody who reads one namespace's log. What is new is encoded once, for all who have read everything before. */
export class Feeds {
  readonly #space: Namespace
  readonly #all = new Set<Feed>()
  /** The feeds that were sent everything up to `#sent`, and can take more. */
  readonly #current = new Set<Feed>()
  #sent: number
  readonly #schedule: () => void

  constructor(space: Namespace, schedule: () => void) {
    this.#space = space
    this.#schedule = schedule
    this.#sent = space.revision
    space.onCommit = this.#committed
  }

  add(feed: Feed): void {
    this.#all.add(feed)
    this.resume(feed)
  }

  remove(feed: Feed): void {
    this.#all.delete(feed)
    this.#current.delete(feed)
  }

  /** Sends what is new to everybody who is up to date; the end of each turn calls it. */
  distribute(): void {
    const { revision } = this.#space
    if (this.#sent === revision) return
    if (this.#current.size > 0) {
      if (this.#sent + 1 < this.#space.first) {
        for (const feed of this.#current) this.#fellBehind(feed)
      } else {
        const first = this.#sent + 1
        const chunk = this.#chunk(first, revision)
        for (const feed of this.#current) {
          feed.session.tellUpdates(feed.id, first, chunk)
          this.#took(feed, revision, chunk.length)
          if (!ready(feed)) this.#current.delete(feed)
        }
      }
    }
    this.#sent = revision
  }

  /** Goes on with a feed that was paused, or is new. */
  resume(feed: Feed): void {
    if (this.#current.has(feed) || !this.#all.has(feed)) return
    this.distribute()
    while (ready(feed)) {
      if (feed.position === this.#sent) {
        this.#current.add(feed)
        return
      }
      const first = feed.position + 1
      if (first < this.#space.first) return this.#fellBehind(feed)
      const last = Math.min(this.#sent, first + CHUNK - 1)
      const chunk = this.#chunk(first, last)
      feed.session.tellUpdates(feed.id, first, chunk)
      this.#took(feed, last, chunk.length)
    }
  }

  /** Takes a feed, be it one that fell behind, to the newest revision; says what differs there. */
  seek(feed: Feed): Jump {
    this.distribute()
    const space = this.#space
    const jump = difference(space, feed.position)
    feed.position = space.revision
    this.add(feed)
    return jump
  }

  readonly #committed = (): void => {
    if (this.#all.size === 0) this.#sent = this.#space.revision
    else if (this.#space.revision - this.#sent >= Math.min(CHUNK, this.#space.historyLimit)) this.distribute()
    else this.#schedule()
  }

  #took(feed: Feed, position: number, bytes: number): void {
    feed.position = position
    feed.credit -= bytes
  }

  #chunk(first: number, last: number): Uint8Array {
    const commits = []
    for (let r = first; r <= last; r++) commits.push(wireCommit(this.#space.at(r)))
    return encode(commits)
  }

  #fellBehind(feed: Feed): void {
    this.remove(feed)
    feed.session.tellFellBehind(feed.id, feed.position + 1, this.#space.first - 1)
  }
}

const ready = (feed: Feed): boolean => feed.credit > 0 && !feed.session.congested

function difference(space: Namespace, from: number): Jump {
  const { revision } = space
  const everything = (): Jump => [revision, null, [...space.values]]
  if (from + 1 < space.first) return everything()
  const keys = new Set<string>()
  for (let r = from + 1; r <= revision; r++) {
    for (const { key } of space.at(r).changes) {
      if (key === null) return everything()
      keys.add(key)
    }
  }
  const changes = [...keys].map(
    (key): WireChange => (space.values.has(key) ? [key, space.values.get(key)] : [key]),
  )
  return [revision, changes, null]
}
