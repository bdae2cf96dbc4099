import { deferred } from '../../async/deferred.ts'
import { after, cancel, every, wallClock } from '../../async/interval.ts'
import { AtomicTimeoutError } from '../../errors.ts'
import { type Grant, unchangedAt, type WireChange } from '../../protocol/messages.ts'
import type { Author } from '../../store/commit.ts'
import { changesFromWire } from '../../store/methods.ts'
import type { Lane } from './lane.ts'
import { type Replica, revisionOf } from './replica.ts'

// Milliseconds after which the hold of somebody who is dead ends; who lives renews it.
const LEASE = 2000

interface Held {
  lane: Lane
  writer: string
  number: number
  replica: Replica
  /** Lets those who wait in this process go on. */
  over(): void
  timers: (NodeJS.Timeout | undefined)[]
}

/** The holds of this process: a lease in Redis each, which ends with its time, or soon after its owner. */
export class Holds {
  readonly #session: string
  readonly #timeout: number
  readonly #ended: (hold: number, why: number | Error) => void
  readonly #held = new Map<number, Held>()
  #count = 0

  constructor(session: string, timeout: number, ended: (hold: number, why: number | Error) => void) {
    this.#session = session
    this.#timeout = timeout
    this.#ended = ended
  }

  /** Takes the hold, tells of it, and resolves when it is over. */
  async run(lane: Lane, label: string, granted: (grant: Grant) => void): Promise<void> {
    const hold = ++this.#count
    const writer = `${this.#session}.${hold}`
    const replica = await lane.take(writer, Math.min(this.#timeout, LEASE), label)
    const over = deferred<void>()
    const until = wallClock() + this.#timeout
    const held: Held = { lane, writer, number: lane.number(), replica, over: over.resolve, timers: [] }
    this.#held.set(hold, held)
    held.timers.push(
      after(this.#timeout, () => {
        this.#ended(hold, this.#timeout)
        this.#end(hold)
      }),
    )
    if (this.#timeout > LEASE) held.timers.push(every(LEASE / 3, () => this.#renew(hold, until)))
    granted([hold, revisionOf(replica.head), [...replica.space.values]])
    await over.promise
  }

  /** Ends a hold with a commit, or with none; resolves with the revision, as Tell.committed says it. */
  async release(hold: number, author: Author, changes: WireChange[] | null): Promise<number> {
    const held = this.#held.get(hold)
    if (!held) throw this.#late()
    const { lane, writer, number, replica } = held
    if (!changes) {
      this.#end(hold)
      return unchangedAt(revisionOf(replica.head))
    }
    const trial = replica.trial()
    try {
      trial.commit(author, 'atomic', changesFromWire(trial, changes))
    } catch (error) {
      this.#end(hold)
      throw error
    }
    // The time is not up while Redis is asked: whether it was, it says.
    for (const timer of held.timers) cancel(timer)
    const batch = lane.batch({ writer, number, expected: replica.head, must: true, hold: -1 })
    for (const commit of trial.commits) batch.made(commit)
    try {
      const reply = await lane.commit(batch, 'atomic')
      if (reply.status !== 'ok') throw this.#late()
      lane.kept.madeOnAll(replica, trial, reply.head)
      return revisionOf(reply.head)
    } catch (error) {
      lane.kept.drop()
      throw error
    } finally {
      this.#held.delete(hold)
      held.over()
    }
  }

  /** Ends all holds, or tells those who have them why they lost them. */
  async end(why?: Error): Promise<void> {
    await Promise.all(
      [...this.#held.keys()].map(hold => {
        if (why) this.#ended(hold, why)
        return this.#end(hold)
      }),
    )
  }

  async #end(hold: number): Promise<void> {
    const held = this.#held.get(hold)
    if (!held) return
    this.#held.delete(hold)
    for (const timer of held.timers) cancel(timer)
    const { lane, writer } = held
    const batch = lane.batch({ writer, number: 0, expected: '', must: true, hold: -1 })
    await lane.commit(batch, 'atomic').catch(() => {})
    held.over()
  }

  #renew(hold: number, until: number): void {
    const held = this.#held.get(hold)
    if (!held) return
    const ms = Math.min(LEASE, until - wallClock())
    if (ms < 1) return
    const { lane, writer } = held
    const batch = lane.batch({ writer, number: 0, expected: '', must: true, hold: ms })
    lane.commit(batch, 'atomic').then(
      reply => {
        if (reply.status !== 'lost' || !this.#held.delete(hold)) return
        for (const timer of held.timers) cancel(timer)
        this.#ended(hold, this.#late())
        held.over()
      },
      () => {},
    )
  }

  #late(): AtomicTimeoutError {
    return new AtomicTimeoutError(
      `the hold had ended, after ${this.#timeout} ms at most; nothing was changed`,
    )
  }
}
