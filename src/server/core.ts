import { randomBytes, randomInt } from 'node:crypto'
import { after, cancel, type Timer, wallClock } from '../async/interval.ts'
import type { StorageError } from '../errors.ts'
import type { Doing } from '../lifeline/watchdog.ts'
import { FunctionCache } from '../shipping/compiled.ts'
import type { KeptAnswer } from '../storage/records.ts'
import type { Author } from '../store/commit.ts'
import { Forgotten } from '../store/forgotten.ts'
import { isMail, keptBytesOf, keptOf } from '../store/mail.ts'
import { Namespace } from '../store/namespace.ts'
import { Expiry } from './expiry.ts'
import { Feeds } from './feed.ts'
import { Exclusive } from './hold.ts'
import { Keeper } from './keeper.ts'
import type { ServerLog } from './log.ts'
import type { KeepOptions, Limits } from './options.ts'
import { Traffic } from './traffic.ts'
import { Turn } from './turn.ts'

// Milliseconds after which it is tried again to delete keys, where the log could not be written.
const RETRY = 1000
// More sessions than begin between two commits of a log.
const SESSIONS = 2 ** 20

/** A session that an earlier server had, and its answers that the client may not have. */
export interface Returning {
  number: number
  answers: Map<number, KeptAnswer>
}

/** A namespace with those who read it and those who wait to write it. */
export interface Room {
  space: Namespace
  feeds: Feeds
  exclusive: Exclusive
  expiry: Expiry
  /** How many States are there. */
  states: number
  /** The sessions that may have ephemeral keys there, as what each of them keeps of it. */
  tied: Set<Map<Room, Author>>
}

/** What all sessions of one server, of type S, share. */
export class Core<S = unknown> {
  readonly limits: Limits
  /** Names the log that begins with this server: who comes back to another one finds nothing of what was before. */
  log = randomBytes(12).toString('hex')
  /** Its address, if nobody else will ever listen there. */
  home: string | undefined
  readonly start = randomBytes(12).toString('hex')
  /** Where the server listens, and when it began: milliseconds since 1970. */
  address = ''
  started = wallClock()
  /** The bytes of its connections. */
  traffic = new Traffic()
  /** Keeps the namespaces on disk, if the server has a folder for that. */
  keeper: Keeper | undefined
  /** Sessions from before the server was started again, by their tokens: they may come back. */
  readonly returning = new Map<string, Returning>()
  /** By their tokens; those without a connection included. */
  readonly sessions = new Map<string, S>()
  readonly functions = new FunctionCache()
  /** What leaves together. */
  readonly turn = new Turn()
  readonly #rooms = new Map<string, Room>()
  #forgotten = new Forgotten()
  #sessions = 0
  readonly #timers = new Set<Timer | undefined>()
  // Begins anywhere: a hold of another server's is none of this one.
  #holds = randomInt(2 ** 40)

  /** Where it is written down which function runs, for who watches this thread. */
  readonly doing: Doing | undefined
  /** What there is to say to whoever runs the server. */
  readonly operator: ServerLog

  constructor(limits: Limits, doing: Doing | undefined, operator: ServerLog) {
    this.limits = limits
    this.doing = doing
    this.operator = operator
  }

  /** The namespaces that have keys or States. */
  get rooms(): Iterable<Room> {
    return this.#rooms.values()
  }

  nextSession(): number {
    return ++this.#sessions
  }

  /** Whether there has been a session of this number. */
  wasSession(number: number): boolean {
    return number > 0 && number <= this.#sessions
  }

  nextHold(): number {
    return ++this.#holds
  }

  /** Another State has come to a namespace. */
  enter(name: string): Room {
    let room = this.#rooms.get(name)
    if (!room) {
      room = this.#open(this.#space(name, this.#forgotten.begin(name)))
      this.keeper?.add(room.space)
    }
    room.states++
    return room
  }

  /** Opens the log of its namespaces, which goes on where an earlier server's ended. */
  async open(
    options: KeepOptions,
    events: { failed(error: StorageError): void; repaired(line: string): void },
  ): Promise<void> {
    const { keeper, replay } = await Keeper.open(
      options,
      this.log,
      (name, revision) => this.#space(name, revision),
      { ...events, said: (kind, line) => this.operator.client(kind, line) },
    )
    this.keeper = keeper
    this.log = keeper.log
    // Sessions that only read left no trace: none of theirs gets a number again.
    this.#sessions = replay.lastSession + SESSIONS
    this.#forgotten = replay.forgotten
    for (const space of replay.spaces.values()) this.#open(space)
    for (const [number, { token, answers }] of replay.sessions)
      this.returning.set(Buffer.from(token).toString('hex'), { number, answers: answers.byRequest() })
    this.#timers.add(after(this.limits.graceTime, () => this.#expireReturning())?.unref())
  }

  /** Sessions that did not come back within the grace time are over. */
  #expireReturning(): void {
    for (const { number } of this.returning.values()) {
      this.expire(number)
      this.keeper?.ended(number)
    }
    this.returning.clear()
  }

  /** Deletes the keys that are tied to a session that an earlier server had. */
  expire(session: number): void {
    for (const room of this.#rooms.values()) this.expireIn(room, { session, state: 0, pid: 0, name: '' })
  }

  /** Deletes the keys of a namespace that are tied to the author's session: as soon as the namespace can be written. */
  expireIn(room: Room, author: Author, done?: () => void): void {
    room.exclusive.enter(() => {
      if (!room.space.isWritable) {
        const timer = after(RETRY, () => this.expireIn(room, author, done))?.unref()
        this.#timers.add(timer)
        return
      }
      room.space.expire(author)
      done?.()
      this.tidy(room)
    })
  }

  #space(name: string, revision: number): Namespace {
    const { historyLimit, historyBytes, maxDepth } = this.limits
    return new Namespace(name, keptOf(name, historyLimit), {
      maxDepth,
      historyBytes: keptBytesOf(name, historyBytes),
      revision,
      // What the peers of a pool write to each other is no commit of a program.
      isTraced: !isMail(name),
    })
  }

  #open(space: Namespace): Room {
    const archive = isMail(space.name) ? undefined : this.keeper?.archive
    const feeds: Feeds = new Feeds(
      space,
      archive,
      () => this.turn.addFeeds(feeds),
      line => this.operator.client('archive', line),
    )
    const exclusive = new Exclusive(() => this.tidy(room))
    const expiry = new Expiry(space, exclusive, () => this.tidy(room))
    const room: Room = { space, feeds, exclusive, expiry, states: 0, tied: new Set() }
    this.#rooms.set(space.name, room)
    return room
  }

  leave(room: Room): void {
    room.states--
    this.tidy(room)
  }

  /** Forgets a namespace that no State is in and that is empty, or that nobody misses. */
  tidy(room: Room): void {
    const { space, exclusive, expiry, states, tied } = room
    if (states > 0 || exclusive.held || (space.values.size > 0 && !isMail(space.name))) return
    if (this.#rooms.get(space.name) !== room) return
    this.#forgotten.add(space.name, space.revision)
    this.#rooms.delete(space.name)
    this.keeper?.forget(space)
    expiry.end()
    for (const rooms of tied) rooms.delete(room)
  }

  /** The server stops. */
  end(): void {
    for (const { expiry } of this.#rooms.values()) expiry.end()
    for (const timer of this.#timers) cancel(timer)
  }
}
