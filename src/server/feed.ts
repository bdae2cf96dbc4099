import { wallClock } from '../async/interval.ts'
import { MissedUpdatesError } from '../errors.ts'
import { encode, weigh } from '../protocol/frames.ts'
import type { Jump, WireChange, WireCommit, WireCommits } from '../protocol/messages.ts'
import type { Page } from '../storage/rewind.ts'
import { wireCommit } from '../store/commit.ts'
import type { Namespace } from '../store/namespace.ts'
import type { Archive } from './archive.ts'

// Commits that are sent together, at most; and about how many bytes of them, unless a single one has more.
const CHUNK = 256
const CHUNK_BYTES = 64 << 10
// For so many feeds at most, a commit that comes by itself is encoded in the frame of each: to encode it for itself first, and to
// take that apart at the other end, takes longer.
const FEW = 4

/** Who reads: a session, as far as its feeds are concerned. */
export interface Listener {
  /** Whether it takes what it is sent. If not, its feeds pause: it resumes them when it does. */
  hasRoom(): boolean
  /** `bytes`: how many the commits take at most. */
  tellUpdates(feed: number, first: number, commits: WireCommits, bytes: number): void
  tellFellBehind(feed: number, from: number, to: number): void
}

/** One client's reading of a log: everything up to `position` was sent. */
export interface Feed {
  session: Listener
  id: number
  position: number
  /** Bytes that may be sent before the client says that it has used some. */
  credit: number
  /** What it began with of that. */
  readonly window: number
  /** Since when it reads, and since when it takes no more, if so: milliseconds since 1970. */
  readonly opened: number
  paused: number | undefined
  /** What comes next is being read from disk. */
  isRead?: boolean
}

/** Everybody who reads one namespace's log. What is new is encoded once, for all who have read everything before. */
export class Feeds {
  readonly #space: Namespace
  /** Where the commits are that are no longer in memory. */
  readonly archive: Archive | undefined
  readonly #all = new Set<Feed>()
  /** The feeds that were sent everything up to `#sent`, and can take more. */
  readonly #current = new Set<Feed>()
  #sent: number
  readonly #schedule: () => void
  readonly #failed: (words: string) => void

  /** `failed`: what is on disk could not be read. */
  constructor(
    space: Namespace,
    archive: Archive | undefined,
    schedule: () => void,
    failed: (words: string) => void,
  ) {
    this.#space = space
    this.archive = archive
    this.#schedule = schedule
    this.#failed = failed
    this.#sent = space.revision
    space.onCommit = this.#committed
  }

  add(feed: Feed): void {
    this.#all.add(feed)
    this.resume(feed)
  }

  has(feed: Feed): boolean {
    return this.#all.has(feed)
  }

  remove(feed: Feed): void {
    this.#all.delete(feed)
    this.#current.delete(feed)
  }

  /** Sends what is new to everybody who is up to date; the end of each turn calls it. */
  distribute(): void {
    const { revision, first: oldest } = this.#space
    if (this.#sent + 1 < oldest) for (const feed of this.#current) this.#behind(feed)
    while (this.#sent < revision && this.#current.size > 0) {
      const first = this.#sent + 1
      const isOne = first === revision && this.#current.size <= FEW
      const chunk = isOne ? single(this.#space, revision) : chunkOf(this.#space, first, revision)
      for (const feed of this.#current) {
        tell(feed, chunk)
        if (ready(feed)) continue
        this.#current.delete(feed)
        feed.paused = wallClock()
      }
      this.#sent = chunk.last
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
        feed.paused = undefined
        return
      }
      const first = feed.position + 1
      if (first < this.#space.first) return this.#behind(feed)
      tell(feed, chunkOf(this.#space, first, this.#sent))
    }
    feed.paused ??= wallClock()
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

  /** What the feed is sent next is no longer in memory. */
  #behind(feed: Feed): void {
    if (!this.archive) return this.#fellBehind(feed)
    this.#current.delete(feed)
    if (feed.isRead) return
    feed.isRead = true
    feed.paused ??= wallClock()
    const first = feed.position + 1
    this.archive.page(this.#space.name, first, this.#sent, false).then(
      page => this.#wasRead(feed, first, page),
      error => {
        if (!(error instanceof MissedUpdatesError)) this.#failed(error.message)
        feed.isRead = false
        if (this.#all.has(feed)) this.#fellBehind(feed, error.to)
      },
    )
  }

  #wasRead(feed: Feed, first: number, { first: begins, commits, count }: Page): void {
    feed.isRead = false
    if (!this.#all.has(feed)) return
    // It may have gone elsewhere meanwhile.
    if (feed.position + 1 === first) {
      if (begins !== first || count === 0) return this.#fellBehind(feed)
      tell(feed, { first, last: first + count - 1, commits, bytes: commits.length })
    }
    this.resume(feed)
  }

  #fellBehind(feed: Feed, to = this.#space.first - 1): void {
    this.remove(feed)
    feed.session.tellFellBehind(feed.id, feed.position + 1, to)
  }
}

/** Commits from `first` on, up to `newest` at most, as many as go together. */
export function chunkOf(space: Namespace, first: number, newest: number): Encoded {
  const commits: WireCommit[] = []
  let bytes = 0
  for (let r = first; r <= newest && commits.length < CHUNK && bytes < CHUNK_BYTES; r++) {
    const commit = wireCommit(space.at(r))
    bytes += weigh(commit)
    commits.push(commit)
  }
  const encoded = encode(commits)
  return { first, last: first + commits.length - 1, commits: encoded, bytes: encoded.length }
}

function single(space: Namespace, revision: number): Chunk {
  const commit = wireCommit(space.at(revision))
  return { first: revision, last: revision, commits: [commit], bytes: weigh(commit) }
}

interface Chunk {
  first: number
  last: number
  commits: WireCommits
  bytes: number
}

interface Encoded extends Chunk {
  commits: Uint8Array
}

function tell(feed: Feed, { first, last, commits, bytes }: Chunk): void {
  feed.session.tellUpdates(feed.id, first, commits, bytes)
  feed.position = last
  feed.credit -= bytes
}

const ready = (feed: Feed): boolean => feed.credit > 0 && feed.session.hasRoom()

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
