import { deferred } from '../../async/deferred.ts'
import { nextTick, sleep, soon, wallClock } from '../../async/interval.ts'
import { type Entry, unchangedAt } from '../../protocol/messages.ts'
import type { Slot } from '../../store/commit.ts'
import { keptOf } from '../../store/mail.ts'
import { Batch, type Order, targetOf } from './batch.ts'
import type { RedisConnection } from './connection.ts'
import { Kept } from './kept.ts'
import type { Keys } from './keys.ts'
import { expect, lost, type Outcome, outcomeOf, sessionOf } from './outcome.ts'
import { type Reading, Readings } from './readings.ts'
import type { Reads } from './reads.ts'
import { type Replica, revisionOf, Trial } from './replica.ts'
import { type Reply, replyOf, type Wait } from './reply.ts'
import * as scripts from './scripts.ts'
import { Touched } from './touched.ts'
import type { Write } from './write.ts'

// Commits that are made together, at most, and about how many bytes of them.
const TOGETHER = 1000
const BYTES = 4 << 20
// Milliseconds between two attempts to get a turn, at most; and by how many a timer may be late.
const LONGEST = 8
const LATE = 1

/**
 * What waits in a lane: a write, a reading that comes after the writes before it, or a hold that keeps all that follows
 * waiting. Of a reading that was sent along with a write it is known later whether it counts: else it is asked for again,
 * unless it does something `once`, which has to wait.
 */
export type Item = { kind: 'write'; write: Write } | Reading | { kind: 'hold'; run(): Promise<void> }

/** Whom a lane tells what became of its writes. */
export interface Clerk {
  done(write: Write, revision: number, result: Slot | Entry): void
  failed(write: Write, error: unknown): void
}

/** Attempts that may find other values than were read; for the next ones the writer has the keys to itself. */
const FREE = 1
/** Times that keys are fetched for one round: what asks for more is given the whole state. */
const FETCHES = 32
/** Keys that are read for one round, more or less; and at most, of one call: for more it depends on the whole state. */
const READS = 1000
const MOST_READS = 3500

/** What was done for one round: attempts to commit, how often keys were fetched, and which. */
interface Tries {
  made: number
  fetches: number
  fetched: Set<string> | undefined
}

/** The writes of this process to one namespace, in their order: one round trip at a time, with all that has come together. */
export class Lane {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #name: string
  readonly #writer: string
  readonly #clerk: Clerk
  readonly #target: string
  readonly #limit: string
  #queue: Item[] = []
  #busy = false
  // Writes wait for a hold, of this process or another: readings need not.
  #stuck = false
  readonly #readings: Readings
  #numbers = 0
  #sliceUntil = 0
  /** The state that functions run on. */
  readonly kept: Kept

  constructor(connection: RedisConnection, keys: Keys, name: string, writer: string, clerk: Clerk) {
    this.#connection = connection
    this.#readings = new Readings(connection)
    this.#keys = keys
    this.#name = name
    this.kept = new Kept(connection, keys, name)
    this.#writer = writer
    this.#clerk = clerk
    this.#target = targetOf(scripts.commit.sha, keys.log)
    const kept = keptOf(name, connection.address.settings.historyLimit)
    this.#limit = `${Number.isFinite(kept) ? kept : Number.MAX_SAFE_INTEGER}`
  }

  add(item: Item): void {
    if (item.kind === 'read' && (!this.#busy || this.#stuck)) return this.#readings.ask(item)
    this.#queue.push(item)
    if (this.#busy) return
    this.#busy = true
    nextTick(() => void this.#drain())
  }

  number(): number {
    return ++this.#numbers
  }

  /** A batch for this namespace, to be filled. */
  batch(order: Order): Batch {
    return new Batch(order, this.#limit, this.#target)
  }

  /** Runs the commit script. */
  async commit(batch: Batch, call: string): Promise<Reply> {
    const outcome = batch.isEmpty ? 'none' : 'unknown'
    const reply = await this.#connection.send(scripts.commit, this.#keys.log, batch.done(), call, outcome)
    const read = replyOf(reply)
    if (read.status === 'ok' && !batch.isEmpty && this.#connection.address.settings.minReplicas > 0)
      await this.#connection.replicated(this.#keys.log, call)
    return read
  }

  /** Asks again and again to be the one who may write, until it is so: the state is then the newest. */
  async take(writer: string, ms: number, call: string): Promise<Replica> {
    this.#stuck = true
    try {
      await this.#take(writer, ms, call)
      return await this.kept.current(call)
    } catch (error) {
      this.#stuck = false
      throw error
    }
  }

  /** `reads`: of these keys alone. */
  async #take(writer: string, ms: number, call: string, reads?: Reads): Promise<void> {
    for (;;) {
      const expected = reads ? '' : (this.kept.replica?.head ?? '')
      const reply = await this.commit(this.batch({ writer, number: 0, expected, reads, hold: ms }), call)
      if (reply.status === 'conflict') this.kept.follow(reply.news)
      if (reply.status === 'differs' && reads) this.kept.correct(reads, reply)
      if (reply.status !== 'wait') return
      await this.#turn(reply)
    }
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const [first] = this.#queue as [Item]
      if (first.kind === 'read') {
        this.#queue.shift()
        this.#readings.ask(first)
      } else if (first.kind === 'hold') {
        this.#queue.shift()
        await this.#readings.answered()
        this.#stuck = true
        this.#pass()
        await first.run()
        this.#stuck = false
      } else {
        const together = this.#together()
        try {
          await this.#round(together)
        } catch (error) {
          this.kept.drop()
          for (const write of together) this.#clerk.failed(write, error)
        }
        this.#stuck = false
      }
    }
    this.#busy = false
    if (this.#sliceUntil > wallClock()) soon(() => this.#leave())
  }

  /** What can be committed in one round. */
  #together(): Write[] {
    const together: Write[] = []
    let bytes = 0
    for (const item of this.#queue) {
      if (item.kind !== 'write' || together.length === TOGETHER || bytes > BYTES) break
      if (item.write.alone && together.length > 0) break
      together.push(item.write)
      bytes += item.write.bytes
      if (item.write.alone) break
    }
    this.#queue = together.length === this.#queue.length ? [] : this.#queue.slice(together.length)
    return together
  }

  async #round(together: Write[]): Promise<void> {
    let isBlind = true
    for (const { ready, blind } of together) {
      if (ready) await ready.catch(() => {})
      if (!blind) isBlind = false
    }
    let readsAll = !isBlind && together.some(write => write.readsAll)
    let number = 0
    const tries: Tries = { made: 0, fetches: 0, fetched: undefined }
    for (let done: boolean | 'all' | Wait = false; done !== true; ) {
      this.#stuck = false
      await this.#readings.answered()
      if (isBlind || readsAll) number ||= this.number()
      if (isBlind) done = await this.#blindly(together, number)
      else done = await (readsAll ? this.#onAll(together, number) : this.#onKept(together, tries))
      if (done === 'all') readsAll = true
      else if (typeof done === 'object') await this.#turn(done)
    }
  }

  /** true: done; false: to be tried again; else not now. */
  async #blindly(together: Write[], number: number): Promise<boolean | Wait> {
    const session = await sessionOf(together)
    const batch = this.batch({ writer: this.#writer, number, expected: '', must: session })
    for (const { author, blind } of together) if (blind) batch.blind(author, blind, session)
    const reply = await this.#commit(batch)
    if (reply.status === 'wait') return reply
    if (reply.status === 'lost') lost(together, session)
    if (reply.status !== 'ok') return false
    this.kept.madeBlindly(together, reply.before, reply.head)
    let revision = revisionOf(reply.head) - together.length
    for (const write of together) this.#clerk.done(write, ++revision, undefined)
    expect(together)
    return true
  }

  /** On what is kept of the state; 'all': that does not do. */
  async #onKept(together: Write[], tries: Tries): Promise<boolean | 'all'> {
    const session = await sessionOf(together)
    const touched = new Touched(this.kept)
    const { reads } = touched
    const trial = new Trial(this.#name, touched, () => touched.keys().next().value)
    const outcomes: Outcome[] = []
    for (const write of together) {
      if (outcomes.length > 0 && reads.all.length + (reads.missing?.size ?? 0) >= READS) break
      outcomes.push(outcomeOf(write, trial))
      if (!reads.isAll) continue
      write.hasRead(true)
      return 'all'
    }
    this.#putBack(together.splice(outcomes.length))
    if (reads.all.length > MOST_READS) return 'all'
    if (reads.missing) {
      if (++tries.fetches > FETCHES) return 'all'
      // Those that were fetched before are so again: all of them are of one revision then.
      tries.fetched ??= new Set()
      for (const key of reads.missing) tries.fetched.add(key)
      await this.kept.fetch(tries.fetched, 'commit')
      return false
    }
    const must = trial.commits.length > 0 && session
    const number = trial.commits.length > 0 ? this.number() : 0
    const isAlone = this.kept.isAlone(reads)
    if (!isAlone) tries.made++
    const hold = tries.made > FREE ? scripts.SLICE : 0
    const batch = this.batch({
      writer: this.#writer,
      number,
      expected: this.kept.headOf(reads),
      reads,
      isAlone,
      must,
      hold,
    })
    for (const commit of trial.commits) batch.made(commit, session)
    const reply = await this.#commit(batch)
    if (reply.status === 'lost') lost(together, session)
    else if (reply.status === 'differs') this.kept.correct(reads, reply)
    else if (reply.status === 'wait') {
      await this.#turn(reply)
      await this.#take(this.#writer, scripts.SLICE, 'commit', reads)
    }
    if (hold > 0 || reply.status === 'wait') this.#sliceUntil = wallClock() + scripts.SLICE
    if (reply.status !== 'ok') return false
    this.kept.made(trial, touched, reply.before, reply.head)
    this.#made(together, outcomes, reply.head, trial)
    return true
  }

  /** On the whole state: nobody else may have committed since. */
  async #onAll(together: Write[], number: number): Promise<boolean> {
    const session = await sessionOf(together)
    const replica = await this.kept.current('commit')
    const trial = replica.trial()
    const outcomes = together.map(write => outcomeOf(write, trial))
    const must = trial.commits.length > 0 && session
    const batch = this.batch({ writer: this.#writer, number, expected: replica.head, must })
    for (const commit of trial.commits) batch.made(commit, session)
    const reply = await this.#commit(batch)
    if (reply.status !== 'ok') {
      if (reply.status === 'lost') lost(together, session)
      else if (reply.status === 'conflict') this.kept.follow(reply.news)
      else if (reply.status === 'wait') {
        await this.#turn(reply)
        await this.#take(this.#writer, scripts.SLICE, 'commit')
      }
      this.#sliceUntil = wallClock() + scripts.SLICE
      return false
    }
    this.kept.madeOnAll(replica, trial, reply.head)
    this.#made(together, outcomes, reply.head, trial)
    return true
  }

  #made(together: Write[], outcomes: Outcome[], head: string, trial: Trial): void {
    const base = revisionOf(head) - trial.revision
    let before = 0
    for (const [i, write] of together.entries()) {
      const done = outcomes[i] as Outcome
      // Whatever was thrown, undefined included.
      if ('error' in done) this.#clerk.failed(write, done.error)
      else {
        const revision = base + done.at
        this.#clerk.done(write, done.at === before ? unchangedAt(revision) : revision, done.result)
        before = done.at
      }
    }
    expect(together)
  }

  /** Redis answers in order: the readings that are next can go at once, and see these writes, unless these are refused or come later. */
  async #commit(batch: Batch): Promise<Reply> {
    const { repeated } = this.#connection
    const asked = this.commit(batch, 'commit')
    if (this.#queue[0]?.kind !== 'read') return asked
    const counts = deferred<boolean>()
    const passed = this.#pass(true, counts.promise)
    const reply = await asked.catch(error => {
      counts.resolve(true)
      throw error
    })
    const inOrder = reply.status === 'ok' && this.#connection.repeated === repeated
    const isHeld = reply.status === 'wait' && reply.held
    counts.resolve(inOrder || isHeld)
    if (!(inOrder || isHeld)) this.#queue.unshift(...passed)
    return reply
  }

  #putBack(writes: Write[]): void {
    if (writes.length === 0) return
    this.#queue = [...writes.map(write => ({ kind: 'write' as const, write })), ...this.#queue]
  }

  // Somebody else has the namespace to itself, or was here before. Who comes late to its turn keeps the others waiting.
  async #turn({ ms, held }: Wait): Promise<void> {
    if (held) {
      this.#stuck = true
      this.#pass()
    }
    if (ms > LATE) await sleep(Math.min(LONGEST, ms - LATE))
    else await new Promise<void>(soon)
  }

  /** Lets readings go: all of them, or those that are next and can be asked for again. */
  #pass(next = false, sent?: Promise<boolean>): Item[] {
    const queue = this.#queue
    const found = queue.findIndex(item => item.kind !== 'read' || item.once)
    const end = next && found >= 0 ? found : queue.length
    const reads = queue.slice(0, end).filter(item => item.kind === 'read')
    if (reads.length === 0) return []
    this.#queue = queue.filter((item, i) => i >= end || item.kind !== 'read')
    for (const item of reads) this.#readings.ask(item, sent)
    return reads
  }

  #leave(): void {
    if (this.#busy || this.#sliceUntil < wallClock()) return
    this.#sliceUntil = 0
    const batch = this.batch({ writer: this.#writer, number: 0, expected: '', hold: -1 })
    this.commit(batch, 'commit').catch(() => {})
  }
}
