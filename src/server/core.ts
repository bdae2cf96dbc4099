import { randomBytes, randomInt } from 'node:crypto'
import { soon } from '../async/interval.ts'
import type { Doing } from '../lifeline/watchdog.ts'
import { FunctionCache } from '../shipping/compiled.ts'
import type { Author } from '../store/commit.ts'
import { isMail, keptBytesOf, keptOf } from '../store/mail.ts'
import { Namespace } from '../store/namespace.ts'
import { Expiry } from './expiry.ts'
import { Feeds } from './feed.ts'
import { Forgotten } from './forgotten.ts'
import { Exclusive } from './hold.ts'
import type { Limits } from './options.ts'

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
  readonly log = randomBytes(12).toString('hex')
  /** Its address, if nobody else will ever listen there. */
  home: string | undefined
  /** By their tokens; those without a connection included. */
  readonly sessions = new Map<string, S>()
  readonly functions = new FunctionCache()
  readonly #rooms = new Map<string, Room>()
  readonly #forgotten = new Forgotten()
  /** Sessions that were told of updates in this turn. */
  #told: { flush(): void }[] = []
  #hasTold = false
  #dirty = new Set<Feeds>()
  #scheduled = false
  #sessions = 0
  // Begins anywhere: a hold of another server's is none of this one.
  #holds = randomInt(2 ** 40)

  /** Where it is written down which function runs, for who watches this thread. */
  readonly doing: Doing | undefined

  constructor(limits: Limits, doing: Doing | undefined) {
    this.limits = limits
    this.doing = doing
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
      const { historyLimit, historyBytes, maxDepth } = this.limits
      const space = new Namespace(name, keptOf(name, historyLimit), {
        maxDepth,
        historyBytes: keptBytesOf(name, historyBytes),
        revision: this.#forgotten.begin(name),
      })
      const feeds: Feeds = new Feeds(space, () => this.#schedule(feeds))
      const exclusive = new Exclusive(() => this.tidy(made))
      const expiry = new Expiry(space, exclusive, () => this.tidy(made))
      const made: Room = { space, feeds, exclusive, expiry, states: 0, tied: new Set() }
      this.#rooms.set(name, made)
      room = made
    }
    room.states++
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
    expiry.end()
    for (const rooms of tied) rooms.delete(room)
  }

  /** The server stops. */
  end(): void {
    for (const { expiry } of this.#rooms.values()) expiry.end()
  }

  /** Hands this turn's commits to the sessions that read them, before anything else leaves. */
  readonly distribute = (): void => {
    this.#scheduled = false
    if (this.#dirty.size === 0) return
    const dirty = this.#dirty
    this.#dirty = new Set()
    for (const feeds of dirty) feeds.distribute()
    const told = this.#told
    if (told.length === 0) return
    this.#told = []
    this.#hasTold = true
    // Sessions that wait for an update get it before the sessions that wrote get their answers.
    for (const session of told) session.flush()
  }

  /** This session has updates to be sent; it is named once in a turn. */
  tell(session: { flush(): void }): void {
    this.#told.push(session)
  }

  /**
   * Sends the answers to a session's writes, behind this turn's updates. Where those went to other sessions, what these
   * write in return is read first: where two processes wake each other, the answer to the one and the update by the other
   * are then one frame, and wake it once.
   */
  answer(flush: () => void): void {
    if (!this.#scheduled) return flush()
    this.#hasTold = false
    soon(() => (this.#hasTold ? soon(flush) : flush()))
  }

  #schedule(feeds: Feeds): void {
    this.#dirty.add(feeds)
    if (this.#scheduled) return
    this.#scheduled = true
    soon(this.distribute)
  }
}
