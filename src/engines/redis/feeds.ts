import { microtask } from '../../async/interval.ts'
import { ConnectionError } from '../../errors.ts'
import { decode } from '../../protocol/frames.ts'
import type { FeedStart, Jump, WireChange, WireCommit } from '../../protocol/messages.ts'
import { keptOf } from '../../store/mail.ts'
import type { FeedEvents } from '../../store/store.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'
import { idBefore, idOf, Replica, revisionOf, type StreamEntry } from './replica.ts'
import * as scripts from './scripts.ts'
import type { Following, Tail } from './tail.ts'

// Commits that are read together.
export const CHUNK = 256

/** One reading of a log. */
interface Feed {
  number: number
  events: FeedEvents
  /** The id of the newest commit that it was given. */
  id: string
  /** Bytes that it may be given before it says that it has used some. */
  credit: number
  /** opening and seeking: it is given nothing before that is answered. catching: it reads on from where it is, by itself. */
  mode: 'opening' | 'seeking' | 'catching' | 'paused' | 'fallen' | 'live' | 'ended'
}

/** Everybody in this process who reads one namespace's log. */
export class Feeds {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #name: string
  readonly #tail: Tail
  readonly #otherLog: () => void
  readonly #feeds = new Map<number, Feed>()
  readonly #live = new Set<Feed>()
  // What the log is known by, see scripts.ts; '': it has no commits. undefined: nothing of it was read yet.
  #identity: string | undefined
  #following: Following | undefined
  #reached: { revision: number; resolve: () => void }[] = []

  /** `otherLog`: called when the log is another than it was, before those who read it are told. */
  constructor(connection: RedisConnection, keys: Keys, name: string, tail: Tail, otherLog: () => void) {
    this.#connection = connection
    this.#keys = keys
    this.#name = name
    this.#tail = tail
    this.#otherLog = otherLog
  }

  has(number: number): boolean {
    return this.#feeds.has(number)
  }

  /** A State begins: learns which log its revisions are of. */
  async learn(call: string): Promise<void> {
    this.#check(await this.#connection.call(call, 'hget', this.#keys.log, 'l'))
  }

  /** Begins to read after revision `from`; -1: after the newest. */
  async open(number: number, from: number, credit: number, events: FeedEvents): Promise<FeedStart | null> {
    const feed: Feed = { number, events, id: `${from}-0`, credit, mode: 'opening' }
    this.#feeds.set(number, feed)
    const [id, keys, chunks, entries, identity] = await this.#script<
      [Buffer | null, Buffer[], Buffer[][], StreamEntry[], Buffer | null]
    >(scripts.begin, from)
    this.#check(identity)
    if (!id) {
      this.#fellBehind(feed, Number(keys))
      return null
    }
    const [first] = entries
    const replica = new Replica(this.#name, first ? Buffer.from(idBefore(first)) : id, keys, chunks)
    replica.follow(entries)
    feed.id = replica.head
    microtask(() => feed.mode === 'opening' && this.#go(feed, true))
    return [revisionOf(feed.id), [...replica.space.values]]
  }

  credit(number: number, bytes: number): void {
    const feed = this.#feeds.get(number)
    if (!feed) return
    feed.credit += bytes
    if (feed.mode === 'paused' && feed.credit > 0) this.#go(feed)
  }

  /** Takes a feed to the newest revision. */
  async seek(number: number): Promise<Jump | null> {
    const feed = this.#feeds.get(number)
    if (!feed) return null
    this.#live.delete(feed)
    feed.mode = 'seeking'
    // Asked for at once, so that it stands where it does among the writes of this process.
    const asked = this.#script<[Buffer, StreamEntry[] | null, Buffer[], Buffer[][], Buffer | null]>(
      scripts.jump,
      revisionOf(feed.id),
    )
    const [id, entries, keys, chunks, identity] = await asked
    this.#check(identity)
    let head = feed.id
    feed.id = id.toString()
    microtask(() => feed.mode === 'seeking' && this.#go(feed, true))
    if (!entries)
      return [revisionOf(feed.id), null, [...new Replica(this.#name, id, keys, chunks).space.values]]
    const changes: WireChange[] = []
    for (const entry of entries) {
      if (idBefore(entry) !== head) break
      changes.push(...(decode(entry[1][1]) as WireCommit)[7])
      head = idOf(entry)
    }
    if (head !== feed.id) throw this.#another()
    return [revisionOf(feed.id), changes, null]
  }

  close(number: number): boolean {
    const feed = this.#feeds.get(number)
    if (!feed) return false
    feed.mode = 'ended'
    this.#feeds.delete(number)
    this.#live.delete(feed)
    this.#look()
    return true
  }

  /** Resolves when those who read along have been given everything up to now. */
  async settled(): Promise<void> {
    if (!this.#following) return
    const head = await this.#connection.call('ping', 'hget', this.#keys.log, 'h')
    const revision = revisionOf(String(head ?? '0-0'))
    if (!this.#following || revisionOf(this.#following.id) >= revision) return
    await new Promise<void>(resolve => this.#reached.push({ revision, resolve }))
  }

  /** Gives a feed what comes after what it has; it waits for what is new with the others. */
  #go(feed: Feed, isCurrent = false): void {
    if (this.#feeds.get(feed.number) !== feed) return
    feed.mode = 'catching'
    void this.#catchUp(feed, isCurrent).catch(error => this.#lost(feed, error as Error))
  }

  async #catchUp(feed: Feed, isCurrent: boolean): Promise<void> {
    while (feed.mode === 'catching') {
      if (feed.credit <= 0) {
        feed.mode = 'paused'
        return
      }
      if (isCurrent && !this.#following) this.#follow(feed.id)
      if (this.#following && revisionOf(feed.id) >= revisionOf(this.#following.id)) {
        feed.mode = 'live'
        this.#live.add(feed)
        return
      }
      const [id, entries] = await this.#since(revisionOf(feed.id), CHUNK)
      if (feed.mode !== 'catching') return
      if (!id) return this.#fellBehind(feed, Number(entries))
      if (entries.length === 0 && id.toString() !== feed.id) throw this.#another()
      if (entries.length > 0 && !this.#give(feed, entries)) throw this.#another()
      isCurrent = entries.length === 0
    }
  }

  #follow(id: string): void {
    const lost = (error: Error) => {
      if (this.#following !== following) return
      this.#unfollow()
      for (const feed of [...this.#feeds.values()]) this.#lost(feed, error)
    }
    const following: Following = {
      key: this.#keys.stream,
      id,
      entries: entries => this.#news(following, entries),
      check: () => void this.#verify(following).catch(lost),
      lost,
    }
    this.#following = following
    this.#tail.follow(following)
  }

  /** Throws if what was read last is no part of the log any more. */
  async #verify(following: Following): Promise<void> {
    const { id } = following
    const [head, entries] = await this.#since(revisionOf(id), 1)
    // A feed that is behind a gap is told when it comes to that.
    if (!head || this.#following !== following) return
    const [next] = entries
    if (next ? idBefore(next) !== id : head.toString() !== id) throw this.#another()
  }

  /** Throws if the log that was just read is another one than before. */
  #check(read: unknown): void {
    const identity = String(read ?? '')
    const known = this.#identity
    this.#identity = identity
    if (known && known !== identity) throw this.#another()
  }

  #news(following: Following, entries: StreamEntry[]): void {
    const followsOn = idBefore(entries[0] as StreamEntry) === following.id
    following.id = idOf(entries[entries.length - 1] as StreamEntry)
    // What was between is not kept any more, or this is another log: each feed finds that out where it stands.
    if (!followsOn) {
      for (const feed of [...this.#live]) {
        this.#live.delete(feed)
        this.#go(feed)
      }
      return
    }
    for (const feed of [...this.#live]) {
      // Whoever is not here yet, or met a gap, reads for itself what it lacks, or that it is gone.
      if (!this.#give(feed, entries)) {
        this.#live.delete(feed)
        this.#go(feed)
      } else if (feed.credit <= 0) {
        this.#live.delete(feed)
        feed.mode = 'paused'
      }
    }
    this.#wake(revisionOf(idOf(entries[entries.length - 1] as StreamEntry)))
    this.#look()
  }

  /** False: these entries do not follow on what the feed has. */
  #give(feed: Feed, entries: StreamEntry[]): boolean {
    const next = revisionOf(feed.id) + 1
    const first = revisionOf(idOf(entries[0] as StreamEntry))
    if (first > next) return false
    const known = entries[next - 1 - first]
    if (known && idOf(known) !== feed.id) return false
    const fresh = first === next ? entries : entries.slice(next - first)
    const [head] = fresh
    if (!head) return true
    if (idBefore(head) !== feed.id) return false
    const chunk = chunkOf(fresh)
    feed.id = idOf(fresh[fresh.length - 1] as StreamEntry)
    feed.credit -= chunk.length
    feed.events.updates(next, decode(chunk) as WireCommit[], chunk.length)
    return true
  }

  #fellBehind(feed: Feed, first: number): void {
    feed.mode = 'fallen'
    feed.events.fellBehind(revisionOf(feed.id) + 1, first - 1)
  }

  #lost(feed: Feed, error: Error): void {
    if (this.#feeds.get(feed.number) !== feed) return
    this.close(feed.number)
    feed.events.lost(error)
  }

  #another(): ConnectionError {
    const error = new ConnectionError(
      `watch: the log of namespace '${this.#name}' at ${this.#connection.address.shown} is another one now: ` +
        'Redis came back without its newest commits, or without any',
    )
    const feeds = [...this.#feeds.values()]
    this.#unfollow()
    this.#otherLog()
    for (const feed of feeds) this.#lost(feed, error)
    return error
  }

  /** With nobody left, nothing is read. */
  #look(): void {
    if (this.#live.size > 0 || !this.#following) return
    for (const { mode } of this.#feeds.values()) if (mode === 'catching' || mode === 'opening') return
    this.#unfollow()
  }

  #unfollow(): void {
    if (this.#following) this.#tail.leave(this.#following)
    this.#following = undefined
    this.#wake(Number.POSITIVE_INFINITY)
  }

  #wake(revision: number): void {
    const waiting = this.#reached
    this.#reached = []
    for (const waiter of waiting)
      if (waiter.revision <= revision) waiter.resolve()
      else this.#reached.push(waiter)
  }

  async #since(revision: number, count: number): Promise<[id: Buffer | null, entries: StreamEntry[]]> {
    const [id, entries, identity] = await this.#script<[Buffer | null, StreamEntry[], Buffer | null]>(
      scripts.since,
      revision,
      count,
    )
    this.#check(identity)
    return [id, entries]
  }

  async #script<T>(script: scripts.Script, revision: number, ...more: number[]): Promise<T> {
    const limit = keptHere(this.#connection, this.#name)
    return (await this.#connection.run(script, this.#keys.log, [revision, limit, ...more], 'watch')) as T
  }
}

/** How many commits of a namespace are kept, as scripts are given it. */
export function keptHere({ address }: RedisConnection, name: string): number {
  const limit = keptOf(name, address.settings.historyLimit)
  return Number.isFinite(limit) ? limit : Number.MAX_SAFE_INTEGER
}

/** The entries as a server sends them: a msgpack array of WireCommits, which they are. */
export function chunkOf(entries: StreamEntry[]): Uint8Array {
  const head = Buffer.allocUnsafe(5)
  head[0] = 0xdd
  head.writeUInt32BE(entries.length, 1)
  return Buffer.concat([head, ...entries.map(([, [, commit]]) => commit)])
}
