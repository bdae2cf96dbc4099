import { randomBytes, randomInt } from 'node:crypto'
import { after, cancel, soon, type Timer, wallClock } from '../async/interval.ts'
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

// Milliseconds after which it is tried again to delete keys, where the log could not be written.
const RETRY = 1000
// How many commits in a row are handed out as soon as the session that made them has been heard, if it was the only one in its
// turn: first, and at most, where it was the only one each time that this was looked at.
const FIRST_ALONE = 4
const MOST_ALONE = 256
// Then a turn has begun of which it is not known how many sessions it has: the next one tells.
const BEGUN = -1
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

/** A session, as far as the end of a turn is concerned. */
export interface Sender {
  /** Sends the updates of this turn. */
  sendUpdates(): void
  /** Sends answers. `hasUpdates`: there are updates of this turn for sessions. */
  sendAnswers(hasUpdates: boolean): void
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
  /** Keeps the namespaces on disk, if the server has a folder for that. */
  keeper: Keeper | undefined
  /** Sessions from before the server was started again, by their tokens: they may come back. */
  readonly returning = new Map<string, Returning>()
  /** By their tokens; those without a connection included. */
  readonly sessions = new Map<string, S>()
  readonly functions = new FunctionCache()
  readonly #rooms = new Map<string, Room>()
  #forgotten = new Forgotten()
  // The sessions that have updates to send at the end of this turn, and those that have answers.
  #updated: Sender[] = []
  #answered: Sender[] = []
  #dirty = new Set<Feeds>()
  // Whether something is to be handed out; whether that is done at the end of this turn of the event loop; see `heard`.
  #scheduled = false
  #isTurn = false
  #isHearing = false
  #alone = 0
  #nextAlone = FIRST_ALONE
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
    })
  }

  #open(space: Namespace): Room {
    const archive = isMail(space.name) ? undefined : this.keeper?.archive
    const feeds: Feeds = new Feeds(
      space,
      archive,
      () => {
        this.#dirty.add(feeds)
        this.#schedule()
      },
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

  /** Hands this turn's commits to the sessions that read them, before anything else leaves. */
  readonly distribute = (): void => {
    const dirty = this.#dirty
    // Each channel asks for it before it sends: mostly all has been handed out.
    if (dirty.size === 0 && this.#updated.length === 0 && this.#answered.length === 0) {
      this.#scheduled = false
      return
    }
    if (dirty.size > 0) this.#dirty = new Set()
    // What this adds is sent below: it needs no turn of its own.
    this.#scheduled = true
    for (const feeds of dirty) feeds.distribute()
    this.#scheduled = false
    const updated = this.#updated
    const answered = this.#answered
    this.#updated = []
    this.#answered = []
    // The answer first: who wrote goes on while those who watch are sent what it wrote, however many they are.
    for (const session of answered) session.sendAnswers(updated.length > 0)
    for (const session of updated) session.sendUpdates()
  }

  /** This session has updates to send; it is named once in a turn. */
  addUpdates(session: Sender): void {
    this.#updated.push(session)
    this.#schedule()
  }

  /** A session's requests are being carried out: `heard` follows. */
  hears(): void {
    this.#isHearing = true
  }

  /**
   * All that a session has sent at once is carried out. Its answers leave with what is handed out in this turn, or at once if
   * nothing is. What several sessions commit in one turn is handed out together, at its end; where one session commits alone, to
   * wait for that end would cost more than the rest, so every few commits it is seen whether it still does.
   */
  heard(session: Sender, hasAnswers: boolean): void {
    this.#isHearing = false
    if (!this.#scheduled) {
      if (hasAnswers) session.sendAnswers(false)
      return
    }
    if (hasAnswers) this.#answered.push(session)
    if (this.#isTurn) return
    if (--this.#alone === 0) this.#alone = BEGUN
    this.distribute()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    if (this.#isTurn || (this.#isHearing && this.#alone > 0)) return
    this.#isTurn = true
    soon(this.#endTurn)
  }

  readonly #endTurn = (): void => {
    this.#isTurn = false
    const isKnown = this.#alone !== BEGUN
    this.#alone = 0
    if (isKnown && this.#answered.length === 1) {
      this.#alone = this.#nextAlone
      this.#nextAlone = Math.min(2 * this.#nextAlone, MOST_ALONE)
    } else if (isKnown) this.#nextAlone = FIRST_ALONE
    this.distribute()
  }
}
