import { soon } from '../async/interval.ts'
import { Members } from '../async/members.ts'
import { ConnectionError, MissedUpdatesError } from '../errors.ts'
import { Ask } from '../protocol/kinds-of-requests.ts'
import {
  type ClientMessage,
  type Entry,
  type FeedStart,
  type Jump,
  orOldestKept,
  type WireChange,
  type WireCommit,
} from '../protocol/messages.ts'
import type { FeedEvents } from '../store/store.ts'
import { result } from '../store/store.ts'
import { Cursor, type Update } from './cursor.ts'
import type { Link } from './link.ts'

// Bytes of updates that the server may send ahead of what is consumed.
const WINDOW = 256 << 10

/** One that waits at a reader for a certain update, while the reader moves on for those that wait. */
export interface Waiter {
  /** Nothing before this revision counts: a condition is tested on the state there, and then after each update. */
  readonly from: number
  wantsBefore?: boolean
  /** The reader is ready: looks at the state where it is. True: done. */
  begin(reader: Reader): boolean
  /** True: done, nothing more is to be offered. */
  offer(reader: Reader, update: Update): boolean
  fail(error: unknown): void
}

/** What has a reader to itself: the reader passes each update as soon as it arrives, and keeps none. */
export interface Follower {
  readonly wantsBefore?: boolean
  /** true: the next step begins with a seek, so the server need not send more until then. */
  readonly rests?: boolean
  /** The reader has moved by this update; see Update for one that stands for several. */
  passed(update: Update): void
  /** Everything that has arrived is passed. Called first when the reader has begun. */
  stands(): void
  /** Nobody answers at present. The reader goes on when a server does. */
  failed(error: Error): void
  /** The reader has ended. */
  lost(error: Error): void
}

interface ReaderOptions {
  follower?: Follower
  /** Where `from` is no longer kept, it begins at the oldest revision that is, and that is no gap. */
  orOldest?: boolean
  /** `from` is a revision that the program names: to begin anywhere else is an error. */
  isExact?: boolean
}

/** A cursor on a server's log, which moves by the updates that the server sends. */
export class Reader extends Cursor implements FeedEvents {
  /** Why it moves no more. */
  error: Error | undefined
  /** Where its State goes on when it has ended at a gap: behind that. */
  resumeAt: number | undefined
  /** The revision that it was last put at, by its start or by a seek. */
  landedAt: number | undefined
  readonly #link: Link
  readonly #id: number
  readonly #follower: Follower | undefined
  readonly #orOldest: boolean
  readonly #isExact: boolean
  // 'missed': it stands before a gap, and nobody was told yet.
  #state: 'opening' | 'open' | 'missed' | 'seeking' | 'ended' = 'opening'
  #queue: { first: number; commits: readonly WireCommit[]; next: number; bytes: number }[] = []
  #used = 0
  // What follows the queue is no longer kept by the server.
  #gap: MissedUpdatesError | undefined
  // The gap that is behind it, if what follows can be read on: whether that holds updates of others is not known yet.
  #crossing: MissedUpdatesError | undefined
  // The gap that it stands before ('missed'), and what is behind that, if it is known.
  #before: { gap: MissedUpdatesError; start: FeedStart | null } | undefined
  // What was asked and is not answered; and the newest revision that arrived.
  #opening: ClientMessage | undefined
  #seeks: ClientMessage[] = []
  #seeksAgain = false
  #arrived: number
  #retired = false
  readonly #waiters = new Members<Waiter>()

  /** Reads on from `from`; -1: from now. */
  constructor(link: Link, from: number, { follower, orOldest = false, isExact = false }: ReaderOptions = {}) {
    super(from)
    this.#link = link
    this.#follower = follower
    this.#orOldest = orOldest
    this.#isExact = isExact
    this.#arrived = from
    this.#id = link.connection.number()
    link.connection.feeds.set(this.#id, this)
    this.#ask(WINDOW)
  }

  get busy(): boolean {
    return this.#waiters.size > 0
  }

  /** Whether it has passed over nothing that comes after `revision`, or is on its way to the newest. */
  serves(revision: number): boolean {
    return this.#state === 'seeking' || this.position <= revision
  }

  /** Whether it is yet to be put somewhere, by its start or by a seek. */
  get isOnItsWay(): boolean {
    return this.#state === 'opening' || this.#state === 'seeking'
  }

  /** Whether it is on its way to the newest revision. */
  get goesLive(): boolean {
    return this.#state !== 'ended' && (this.#seeks.length > 0 || this.position < 0)
  }

  get ended(): boolean {
    return this.#state === 'ended'
  }

  wait(waiter: Waiter): void {
    if (this.error) return waiter.fail(this.error)
    if (this.#state === 'open' && waiter.begin(this)) return
    this.#waiters.add(waiter)
    if (this.#state === 'open') this.#advance()
    else if (this.#state === 'missed' && this.#before) {
      const { gap, start } = this.#before
      this.#pastGap(gap, start)
    }
  }

  /** Offers `waiter`, which is alone here, what has arrived. False: nothing of it was what it looks for. */
  catchUp(waiter: Waiter): boolean {
    if (this.#state !== 'open') return false
    for (;;) {
      const update = this.#take(waiter.wantsBefore === true)
      if (!update) return false
      if (waiter.offer(this, update)) return true
    }
  }

  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter)
    if (this.#retired && this.#waiters.size === 0) this.close()
  }

  /** Closes it once nothing waits at it. */
  retire(): void {
    this.#retired = true
    if (this.#waiters.size === 0) this.close()
  }

  /** Goes to the newest revision, past all that is waiting. */
  seek(): void {
    if (this.#state === 'ended') return
    if (this.#state !== 'opening') this.#state = 'seeking'
    if (this.#used > 0) this.#credit()
    const message: ClientMessage = [Ask.seek, 0, this.#id]
    this.#seeks.push(message)
    this.#link.connection
      .request<Jump | null>('goLive', message, result)
      .then(jump => jump && this.#jumped(jump))
      .catch(error => this.#seeks.includes(message) && this.lost(error))
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
    if (this.#follower && this.#state !== 'opening') this.#pass(this.#follower)
    else if (this.#state === 'open') this.#advance()
  }

  fellBehind(from: number, to: number): void {
    this.#gap = new MissedUpdatesError(from, to)
    if (this.#state !== 'open') return
    // A follower looks at the newest state, not at what led there.
    if (this.#follower) this.seek()
    else this.#advance()
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
    const waiters = this.#waiters.all()
    this.#waiters.clear()
    for (const waiter of waiters) waiter.fail(error)
    this.#follower?.failed(error)
    if (this.#retired) this.close()
  }

  lost(error: Error): void {
    if (this.error) return
    this.error = error
    this.#state = 'ended'
    this.#link.connection.feeds.delete(this.#id)
    const waiters = this.#waiters.all()
    this.#waiters.clear()
    for (const waiter of waiters) waiter.fail(error)
    this.#follower?.lost(error)
  }

  /** Moves by one update, if one is here. */
  #take(wantsBefore: boolean): Update | undefined {
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
      // No watcher is to blame: the reader ends as with a lost connection.
      this.#queue = []
      const { address } = this.#link.connection
      this.lost(new ConnectionError(`${address} sent an update that does not fit the state here`, { cause }))
      return undefined
    }
  }

  #ask(credit: number): void {
    const { connection, state } = this.#link
    const isFirst = this.#orOldest && this.landedAt === undefined
    const from = isFirst ? orOldestKept(this.#arrived) : this.#arrived
    const message: ClientMessage = [Ask.feed, 0, state, this.#id, from, credit]
    this.#opening = message
    connection
      .request<FeedStart | null>('watch', message, result)
      .then(start => this.#opening === message && this.#started(start))
      .catch(error => this.#opening === message && this.lost(error))
  }

  #started(start: FeedStart | null): void {
    this.#opening = undefined
    if (this.#state === 'ended') return
    // One that was open before goes on with what it has, or comes to the gap.
    if (this.#state !== 'opening') return this.#follower && this.#pass(this.#follower)
    const gap = this.#crossing ?? (start ? undefined : this.#gap)
    this.#crossing = undefined
    if (this.#isExact && this.landedAt === undefined && this.#seeks.length === 0)
      return this.#startedExactly(start, gap)
    if (this.#seeks.length > 0) {
      if (start) this.#land(start[0], null, start[1])
      this.#state = 'seeking'
    } else if (gap) this.#pastGap(gap, start)
    else if (start) this.#begin(start)
  }

  #begin(start: FeedStart): void {
    this.#land(start[0], null, start[1])
    this.#ready()
  }

  #startedExactly(start: FeedStart | null, gap: MissedUpdatesError | undefined): void {
    const from = this.position
    if (!start) return this.lost(gap as MissedUpdatesError)
    if (start[0] < from) {
      this.#link.connection.send([Ask.unfeed, this.#id])
      return this.lost(new RangeError(`from: revision ${from} is not there yet: the newest is ${start[0]}`))
    }
    if (!this.#follower) return this.#begin(start)
    this.#land(start[0], null, start[1])
    this.#state = 'open'
    // It is shown there before it moves on.
    this.#follower.stands()
    soon(() => this.#state === 'open' && this.#ready())
  }

  #jumped([revision, changes, entries]: Jump): void {
    if (this.#state === 'ended') return
    // The jump builds on all that was sent before it. What was sent after it may be here as well.
    while ((this.#queue[0]?.first ?? Number.POSITIVE_INFINITY) <= revision) {
      const update = this.#take(this.#follower?.wantsBefore === true)
      if (update) this.#follower?.passed(update)
    }
    // A follower may have passed what came behind it already.
    if (!this.#follower) this.#land(revision, changes, entries)
    else if (this.position < revision) this.#follower.passed(this.#land(revision, changes, entries))
    if (this.#gap && this.#gap.from <= revision) this.#gap = undefined
    this.#before = undefined
    this.#seeks.shift()
    if (this.#seeks.length === 0) this.#ready()
  }

  #land(revision: number, changes: WireChange[] | null, entries: Entry[] | null): Update {
    const update = this.jump(revision, changes, entries)
    this.landedAt = revision
    this.#arrived = Math.max(this.#arrived, revision)
    return update
  }

  #ready(): void {
    this.#state = 'open'
    if (this.#follower) return this.#pass(this.#follower)
    for (const waiter of this.#waiters.all()) if (waiter.begin(this)) this.#waiters.delete(waiter)
    this.#advance()
  }

  #pass(follower: Follower): void {
    while (this.#state === 'open' || this.#isNext()) {
      const update = this.#take(follower.wantsBefore === true)
      if (!update) break
      follower.passed(update)
    }
    if (this.#state !== 'open') return
    if (this.#gap) this.seek()
    else follower.stands()
  }

  /** Whether what is next in the queue follows on the state here: what was sent after a jump may be here before it. */
  #isNext(): boolean {
    const head = this.#queue[0]
    return head !== undefined && head.first + head.next === this.position + 1
  }

  #advance(): void {
    while (this.#waiters.size > 0) {
      const waiters = this.#waiters.all()
      const update = this.#take(waiters.some(({ wantsBefore }) => wantsBefore))
      // What arrived before a gap is still good.
      if (!update) return this.#gap && this.#cross(this.#gap)
      for (const waiter of waiters) if (waiter.offer(this, update)) this.#waiters.delete(waiter)
    }
    if (this.#retired) this.close()
  }

  /**
   * Asks for what follows the gap. The answer comes behind the acknowledgements of all own writes in the gap: if there is
   * nothing else in it, nothing was missed.
   */
  #cross(gap: MissedUpdatesError): void {
    this.#crossing = gap
    this.#gap = undefined
    this.#state = 'opening'
    this.#arrived = gap.to
    this.#link.connection.send([Ask.unfeed, this.#id])
    this.#ask(WINDOW)
  }

  /**
   * Goes on behind the gap with those that miss nothing there, and fails those that do. If it has no others, it ends;
   * if it has none at all, it stands before the gap, and the next one decides.
   */
  #pastGap(gap: MissedUpdatesError, start: FeedStart | null): void {
    const failed = this.#waiters.all().flatMap(waiter => {
      const error = this.#missed(gap, waiter.from)
      return error ? [{ waiter, error }] : []
    })
    const isKnown = this.#link.own.covers(gap.from, gap.to)
    const stays = !isKnown && this.#waiters.size === failed.length
    this.#before = stays ? { gap, start } : undefined
    this.#state = stays ? 'missed' : 'opening'
    if (failed.length > 0) this.resumeAt = gap.to
    for (const { waiter, error } of failed) {
      this.#waiters.delete(waiter)
      waiter.fail(error)
    }
    if (stays && failed.length > 0) {
      this.#link.connection.send([Ask.unfeed, this.#id])
      this.lost(this.#missed(gap, 0) as Error)
    } else if (stays && this.#retired) this.close()
    else if (!stays && start) this.#begin(start)
    else if (!stays) this.#cross(this.#gap ?? gap)
  }

  /** What one misses in the gap that counts from behind `from` on: updates that are not known to be its State's own. */
  #missed({ from: first, to }: MissedUpdatesError, from: number): MissedUpdatesError | undefined {
    const missed = this.#link.own.after(Math.max(first, from + 1))
    return missed > to ? undefined : new MissedUpdatesError(missed, to)
  }

  #consumed(bytes: number): void {
    this.#used += bytes
    if (this.#used < WINDOW / 2 || this.#state === 'ended' || this.#follower?.rests) return
    this.#credit()
  }

  #credit(): void {
    this.#link.connection.send([Ask.credit, this.#id, this.#used])
    this.#used = 0
  }
}
