import { wallClock } from '../async/interval.ts'
import { inPieces } from '../async/pieces.ts'
import { MissedUpdatesError } from '../errors.ts'
import type { ReaderDescription } from '../protocol/description.ts'
import { decode } from '../protocol/frames.ts'
import {
  type Entry,
  type FeedStart,
  feedStart,
  type Jump,
  type ServerMessage,
  Tell,
  type WireCommits,
} from '../protocol/messages.ts'
import { stateAt } from '../store/earlier.ts'
import type { Channel } from '../transport/channel.ts'
import type { Archive } from './archive.ts'
import type { Core, Room } from './core.ts'
import type { Feed, Listener } from './feed.ts'
import type { Sender } from './turn.ts'

type OpenFeed = Feed & { room: Room }

/** The session that reads. */
export interface Reader extends Sender {
  readonly number: number
  /** It is sent an update by another session. */
  updated(): void
}

/** What a feed waits for. */
function waited(feed: OpenFeed): ReaderDescription['waitsFor'] {
  const { space, feeds } = feed.room
  if (feed.isRead) return 'disk'
  if (!feeds.has(feed) || (feed.position + 1 < space.first && !feeds.archive)) return 'nothing'
  if (feed.position === space.revision) return 'commits'
  return feed.credit <= 0 ? 'reader' : 'connection'
}

/** All that one client reads of logs: its feeds, by the numbers that it gave them. */
export class Reading implements Listener {
  readonly #core: Core
  readonly #channel: Channel
  readonly #session: Reader
  readonly #feeds = new Map<number, OpenFeed>()
  // What is being sent in this turn: feeds that are sent the same are named together.
  #last: [typeof Tell.updates, number[], number, WireCommits] | undefined
  // Whether the session is among those that have updates to send at the end of this turn.
  #isAdded = false

  constructor(core: Core, channel: Channel, session: Reader) {
    this.#core = core
    this.#channel = channel
    this.#session = session
  }

  hasRoom(): boolean {
    return this.#channel.hasRoom()
  }

  /** Begins to read; `begun` sends the state that updates build on, or null, before the first of them. */
  open(
    number: number,
    room: Room,
    from: number,
    credit: number,
    begun: (start: FeedStart | null) => void,
  ): void | Promise<void> {
    const { space, feeds } = room
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(credit) || this.#feeds.has(number))
      throw new TypeError('a feed begins at a revision, with some credit, once')
    const oldest = feeds.archive ? 0 : space.first - 1
    const position = feedStart(from, oldest, space.revision)
    const opened = wallClock()
    const feed: OpenFeed = {
      session: this,
      id: number,
      position,
      credit,
      window: credit,
      opened,
      paused: undefined,
      room,
    }
    this.#feeds.set(number, feed)
    if (position + 1 < space.first) {
      if (feeds.archive) return this.#openOld(feed, feeds.archive, from < 0, begun)
      this.tellFellBehind(number, position + 1, space.first - 1)
      return begun(null)
    }
    if (position < space.revision) return this.#openEarlier(feed, begun)
    begun([position, [...space.values]])
    feeds.add(feed)
  }

  /** Begins to read where the log is in memory. */
  async #openEarlier(feed: OpenFeed, begun: (start: FeedStart | null) => void): Promise<void> {
    const { id, position, room } = feed
    const state = await inPieces(stateAt(room.space, position))
    if (this.#feeds.get(id) !== feed) return begun(null)
    if (state) {
      begun([position, state.flat()])
      return room.feeds.add(feed)
    }
    // Memory has no longer what comes next.
    if (room.feeds.archive) return this.#openOld(feed, room.feeds.archive, false, begun)
    this.tellFellBehind(id, position + 1, room.space.first - 1)
    begun(null)
  }

  /** Begins to read where the log is on disk only. `orOldest`: or at the oldest revision that is kept there. */
  async #openOld(
    feed: OpenFeed,
    archive: Archive,
    orOldest: boolean,
    begun: (start: FeedStart | null) => void,
  ): Promise<void> {
    const { id, room } = feed
    feed.isRead = true
    try {
      const { first, state } = await archive
        .page(room.space.name, feed.position + 1, feed.position, true)
        .catch(error => {
          if (!orOldest || !(error instanceof MissedUpdatesError)) throw error
          return archive.page(room.space.name, 0, 0, true)
        })
      if (this.#feeds.get(id) !== feed) return begun(null)
      feed.position = first - 1
      feed.isRead = false
      begun([feed.position, (state ?? []).flatMap(part => decode(part) as Entry[])])
      room.feeds.add(feed)
    } catch (error) {
      feed.isRead = false
      if (!(error instanceof MissedUpdatesError)) throw error
      if (this.#feeds.get(id) === feed) this.tellFellBehind(id, error.from, error.to)
      begun(null)
    }
  }

  /** The client has used so many bytes. */
  credit(number: number, bytes: number): void {
    const feed = this.#feeds.get(number)
    if (!feed || !Number.isSafeInteger(bytes)) return
    feed.credit += bytes
    feed.room.feeds.resume(feed)
  }

  seek(number: number): Jump | null {
    const feed = this.#feeds.get(number)
    return feed ? feed.room.feeds.seek(feed) : null
  }

  end(number: number): void {
    const feed = this.#feeds.get(number)
    if (feed) feed.room.feeds.remove(feed)
    this.#feeds.delete(number)
  }

  /** The client takes what it is sent again. */
  resume(): void {
    for (const feed of this.#feeds.values()) feed.room.feeds.resume(feed)
  }

  /** What is read, as it stands. */
  describe(): Omit<ReaderDescription, 'session' | 'pid' | 'name'>[] {
    return Array.from(this.#feeds.values(), feed => {
      const { space } = feed.room
      const waitsFor = waited(feed)
      const newest = space.first <= space.revision ? space.timeAt(space.revision) : 0
      return {
        namespace: space.name,
        behind: space.revision - feed.position,
        unread: Math.max(0, feed.window - feed.credit),
        waitsFor,
        since: (waitsFor === 'commits' ? undefined : feed.paused) ?? Math.max(feed.opened, newest),
      }
    })
  }

  /** The turn is over: what comes now is sent by itself. */
  turn(): void {
    this.#last = undefined
    this.#isAdded = false
  }

  close(): void {
    for (const feed of this.#feeds.values()) feed.room.feeds.remove(feed)
    this.#feeds.clear()
  }

  tellUpdates(feed: number, first: number, commits: WireCommits, bytes: number): void {
    const last = this.#last
    if (last && last[3] === commits) {
      last[1].push(feed)
      return
    }
    this.#last = [Tell.updates, [feed], first, commits]
    // Of what is encoded, some may be by others.
    if (commits instanceof Uint8Array || commits[0][0] !== this.#session.number) this.#session.updated()
    // A session that has answers to send as well sends both together, see Sender.sendAnswers.
    if (!this.#channel.scheduled && !this.#isAdded) {
      this.#isAdded = true
      this.#core.turn.addUpdates(this.#session)
    }
    this.#channel.queue(this.#last, bytes)
  }

  tellFellBehind(feed: number, from: number, to: number): void {
    this.#channel.send([Tell.fellBehind, feed, from, to] satisfies ServerMessage, 50)
  }
}
