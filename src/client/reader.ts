import { ConnectionError, MissedUpdatesError } from '../errors.ts'
import {
  Ask,
  type ClientMessage,
  type Entry,
  type FeedStart,
  type Jump,
  type WireChange,
  type WireCommit,
} from '../protocol/messages.ts'
import type { FeedEvents } from '../store/store.ts'
import { result } from '../store/store.ts'
import { Cursor, type Update } from './cursor.ts'
import type { Link } from './link.ts'

// Bytes of updates that the server may send ahead of what is consumed.
const WINDOW = 256 << 10

/** Somebody who waits for a reader to come to a certain update. */
export interface Waiter {
  wantsBefore?: boolean
  /** The reader is ready: looks at the state where it is. True: done. */
  begin(reader: Reader): boolean
  /** True: done, nothing more is to be offered. */
  offer(reader: Reader, update: Update): boolean
  fail(error: unknown): void
}

/** A cursor that moves by itself: what the server sends it is kept until somebody comes for it. */
export class Reader extends Cursor implements FeedEvents {
  /** Why it moves no more. */
  error: Error | undefined
  /** Where its State goes on when it has ended: behind a gap, if it met one. */
  resumeAt: number | undefined
  /** Called at each update that arrives, instead of keeping it for waiters. */
  onArrival: (() => void) | undefined
  /** Called when what comes next will take a while, or never come. */
  onFailure: (() => void) | undefined
  readonly #link: Link
  readonly #id: number
  // 'missed': it begins with a gap, and nobody has been told yet.
  #state: 'opening' | 'open' | 'missed' | 'seeking' | 'ended' = 'opening'
  #queue: { first: number; commits: readonly WireCommit[]; next: number; bytes: number }[] = []
  #used = 0
  // What follows the queue is no longer kept by the server: whoever has read the queue is told.
  #gap: MissedUpdatesError | undefined
  // What was asked and is not answered; and the newest revision that arrived.
  #opening: ClientMessage | undefined
  #seeks: ClientMessage[] = []
  #seeksAgain = false
  #arrived: number
  readonly #waiters = new Set<Waiter>()

  /** Reads on from `from`; -1: from now. */
  constructor(link: Link, from: number) {
    super(from)
    this.#link = link
    this.#arrived = from
    this.#id = link.connection.number()
    link.connection.feeds.set(this.#id, this)
    this.#ask(WINDOW)
  }

  get busy(): boolean {
    return this.#waiters.size > 0
  }

  get open(): boolean {
    return this.#state === 'open'
  }

  wait(waiter: Waiter): void {
    if (this.error) return waiter.fail(this.error)
    if (this.#state === 'open' && waiter.begin(this)) return
    this.#waiters.add(waiter)
    if (this.#state === 'open') this.#advance()
    else if (this.#state === 'missed') this.#fall(this.#gap as MissedUpdatesError)
  }

  /** Offers `waiter`, who is alone here, what has arrived. False: nothing of it was what it looks for. */
  catchUp(waiter: Waiter): boolean {
    if (this.#state !== 'open') return false
    for (;;) {
      const update = this.take(waiter.wantsBefore === true)
      if (!update) return false
      if (waiter.offer(this, update)) return true
    }
  }

  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter)
  }

  /** Passes over everything up to `revision` without offering it to anybody. */
  skipTo(revision: number): void {
    while (this.position < revision && this.take(false));
  }

  /** Goes to the newest revision, past all that is waiting. */
  seek(): void {
    if (this.#state === 'ended') return
    if (this.#state !== 'opening') this.#state = 'seeking'
    const message: ClientMessage = [Ask.seek, 0, this.#id]
    this.#seeks.push(message)
    this.#link.connection
      .request<Jump | null>('goLive', message, result)
      .then(jump => jump && this.#jumped(jump))
      .catch(error => this.#seeks.includes(message) && this.lost(error))
  }

  /** Moves by one update, if one is here. */
  take(wantsBefore: boolean): Update | undefined {
    const head = this.#queue[0]
    if (!head) return undefined
    const commit = head.commits[head.next++] as WireCommit
    if (head.next === head.commits.length) {
      this.#queue.shift()
      this.#consumed(head.bytes)
    }
    try {
      return this.move(commit, wantsBefore)
    } catch (cause) {
      // Whoever happens to be reading is not to blame: it ends as a lost connection does.
      this.#queue = []
      const { address } = this.#link.connection
      this.lost(new ConnectionError(`${address} sent an update that does not fit the state here`, { cause }))
      return undefined
    }
  }

  close(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#link.connection.feeds.delete(this.#id)
    this.#link.connection.send([Ask.unfeed, this.#id])
  }

  updates(first: number, commits: readonly WireCommit[], bytes: number): void {
    this.#arrived = first + commits.length - 1
    this.#queue.push({ first, commits, next: 0, bytes })
    if (this.#state === 'open') this.#proceed()
  }

  fellBehind(from: number, to: number): void {
    this.#gap = new MissedUpdatesError(from, to)
    if (this.#state === 'open') this.#proceed()
  }

  reopen(hasLeft: (id: number) => boolean): void {
    const kept = this.#seeks.filter(([, id]) => !hasLeft(id as number))
    const seeks = this.#seeksAgain || kept.length < this.#seeks.length
    this.#seeksAgain = false
    this.#seeks = kept
    if (!this.#opening || hasLeft(this.#opening[1] as number)) {
      let waiting = 0
      for (const { bytes } of this.#queue) waiting += bytes
      this.#used = 0
      this.#ask(WINDOW - waiting)
    }
    if (seeks) this.seek()
  }

  failed(error: Error): void {
    // What was asked will be asked again, see `reopen`.
    this.#opening = undefined
    if (this.#seeks.length > 0) this.#seeksAgain = true
    this.#seeks = []
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const waiter of waiters) waiter.fail(error)
    this.onFailure?.()
  }

  #ask(credit: number): void {
    const { connection, state } = this.#link
    const message: ClientMessage = [Ask.feed, 0, state, this.#id, this.#arrived, credit]
    this.#opening = message
    connection
      .request<FeedStart | null>('watch', message, result)
      .then(start => this.#opening === message && this.#started(start))
      .catch(error => this.#opening === message && this.lost(error))
  }

  #fall(gap: MissedUpdatesError): void {
    this.resumeAt = gap.to
    this.#link.connection.send([Ask.unfeed, this.#id])
    this.lost(gap)
  }

  lost(error: Error): void {
    if (this.error) return
    this.error = error
    this.#state = 'ended'
    this.#link.connection.feeds.delete(this.#id)
    this.failed(error)
    this.onArrival?.()
  }

  #started(start: FeedStart | null): void {
    if (this.#state === 'ended') return
    // What was open before goes on with what it has, or comes to the gap.
    if (this.#state !== 'opening') return
    if (start) this.#land(start[0], null, start[1])
    if (this.#seeks.length > 0) this.#state = 'seeking'
    else if (start) this.#ready()
    else if (this.#waiters.size > 0 || this.onArrival) this.#fall(this.#gap as MissedUpdatesError)
    else this.#state = 'missed'
  }

  #jumped([revision, changes, entries]: Jump): void {
    if (this.#state === 'ended') return
    // The jump builds on all that was sent before it. What was sent after it may be here as well.
    while ((this.#queue[0]?.first ?? Number.POSITIVE_INFINITY) <= revision) this.take(false)
    this.#land(revision, changes, entries)
    if (this.#gap && this.#gap.from <= revision) this.#gap = undefined
    this.#seeks.shift()
    if (this.#seeks.length === 0) this.#ready()
  }

  #land(revision: number, changes: WireChange[] | null, entries: Entry[] | null): void {
    this.jump(revision, changes, entries)
    this.#arrived = Math.max(this.#arrived, revision)
  }

  #ready(): void {
    this.#state = 'open'
    for (const waiter of [...this.#waiters]) if (waiter.begin(this)) this.#waiters.delete(waiter)
    this.#proceed()
  }

  #proceed(): void {
    if (!this.onArrival) return this.#advance()
    this.onArrival()
    if (this.#gap && this.#state === 'open') this.#fall(this.#gap)
  }

  #advance(): void {
    while (this.#waiters.size > 0) {
      let wantsBefore = false
      for (const waiter of this.#waiters) if (waiter.wantsBefore) wantsBefore = true
      const update = this.take(wantsBefore)
      // What arrived before a gap is still good: only whoever has read all of it is told.
      if (!update) return this.#gap && this.#fall(this.#gap)
      for (const waiter of [...this.#waiters]) if (waiter.offer(this, update)) this.#waiters.delete(waiter)
    }
  }

  #consumed(bytes: number): void {
    this.#used += bytes
    if (this.#used < WINDOW / 2 || this.#state === 'ended') return
    this.#link.connection.send([Ask.credit, this.#id, this.#used])
    this.#used = 0
  }
}
