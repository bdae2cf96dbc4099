import { deferred } from '../../async/deferred.ts'
import { nextTick, sleep, soon, wallClock } from '../../async/interval.ts'
import { type Entry, unchangedAt } from '../../protocol/messages.ts'
import type { Slot } from '../../store/commit.ts'
import { keptOf } from '../../store/mail.ts'
import { Batch, type Order, targetOf } from './batch.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'
import { type Reading, Readings } from './readings.ts'
import { Replica, revisionOf, type StreamEntry } from './replica.ts'
import * as scripts from './scripts.ts'
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

/** The newest id and the commits since the one that was known; or the state; or neither, where that is large, or another. */
type News = [head: Buffer, entries: StreamEntry[] | null, keys?: Buffer[], values?: Buffer[][]]
type Wait = Extract<Reply, { status: 'wait' }>
type Reply =
  | { status: 'ok'; head: string; before: string }
  | { status: 'conflict'; news: News }
  | { status: 'wait'; ms: number; held: boolean }
  | { status: 'lost' }

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
  /** The state that functions run on; made when the first one is called. */
  replica: Replica | undefined

  constructor(connection: RedisConnection, keys: Keys, name: string, writer: string, clerk: Clerk) {
    this.#connection = connection
    this.#readings = new Readings(connection)
    this.#keys = keys
    this.#name = name
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
    if (Buffer.isBuffer(reply)) {
      if (!batch.isEmpty && this.#connection.address.settings.minReplicas > 0)
        await this.#connection.replicated(this.#keys.log, call)
      const text = reply.toString('latin1')
      const [first, second] = [text.indexOf(' '), text.lastIndexOf(' ')]
      return { status: 'ok', head: text.slice(first + 1, second), before: text.slice(second + 1) }
    }
    const [status, ...more] = reply as [number, ...unknown[]]
    if (status === scripts.Status.lost) return { status: 'lost' }
    if (status === scripts.Status.wait)
      return { status: 'wait', ms: more[0] as number, held: more[1] !== null }
    return { status: 'conflict', news: more as News }
  }

  /** Asks again and again to be the one who may write, until it is so: the state is then the newest. */
  async take(writer: string, ms: number, call: string): Promise<Replica> {
    this.#stuck = true
    try {
      await this.#take(writer, ms, call)
      return await this.#current(call)
    } catch (error) {
      this.#stuck = false
      throw error
    }
  }

  async #take(writer: string, ms: number, call: string): Promise<void> {
    for (;;) {
      const expected = this.replica?.head ?? ''
      const reply = await this.commit(this.batch({ writer, number: 0, expected, hold: ms }), call)
      if (reply.status === 'conflict') this.#follow(reply.news)
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
          this.replica = undefined
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
    for (const write of together) {
      if (write.ready) await write.ready.catch(() => {})
      if (!write.blind) isBlind = false
    }
    const number = this.number()
    for (let done: boolean | Wait = false; done !== true; ) {
      this.#stuck = false
      await this.#readings.answered()
      done = await (isBlind ? this.#blindly(together, number) : this.#onReplica(together, number))
      if (typeof done === 'object') await this.#turn(done)
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
    const { replica } = this
    if (replica && replica.head === reply.before) {
      for (const write of together) write.run(replica.space)
      replica.head = reply.head
    }
    let revision = revisionOf(reply.head) - together.length
    for (const write of together) this.#clerk.done(write, ++revision, undefined)
    expect(together)
    return true
  }

  async #onReplica(together: Write[], number: number): Promise<boolean> {
    const session = await sessionOf(together)
    const replica = await this.#current('commit')
    const trial = replica.trial()
    const results = together.map(write => {
      try {
        return { result: write.run(trial), at: trial.revision }
      } catch (error) {
        return { error }
      }
    })
    const must = trial.commits.length > 0 && session
    const batch = this.batch({ writer: this.#writer, number, expected: replica.head, must })
    for (const commit of trial.commits) batch.made(commit, session)
    const reply = await this.#commit(batch)
    if (reply.status !== 'ok') {
      if (reply.status === 'lost') lost(together, session)
      else if (reply.status === 'conflict') this.#follow(reply.news)
      else if (reply.status === 'wait') {
        await this.#turn(reply)
        await this.#take(this.#writer, scripts.SLICE, 'commit')
      }
      this.#sliceUntil = wallClock() + scripts.SLICE
      return false
    }
    replica.accept(trial, reply.head)
    const base = revisionOf(reply.head) - trial.revision
    let before = 0
    for (const [i, write] of together.entries()) {
      const done = results[i] as { result: Slot | Entry; at: number } | { error: unknown }
      // Whatever was thrown, undefined included.
      if ('error' in done) this.#clerk.failed(write, done.error)
      else {
        const revision = base + done.at
        this.#clerk.done(write, done.at === before ? unchangedAt(revision) : revision, done.result)
        before = done.at
      }
    }
    expect(together)
    return true
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

  #follow([head, entries, keys, values]: News): void {
    if (keys && values) this.replica = new Replica(this.#name, head, keys, values)
    else if (!entries || !this.replica?.follow(entries)) this.replica = undefined
  }

  async #current(call: string): Promise<Replica> {
    if (this.replica) return this.replica
    const state = await this.#connection.run(scripts.state, this.#keys.log, [''], call)
    const [head, keys, chunks] = state as [Buffer, Buffer[], Buffer[][]]
    this.replica = new Replica(this.#name, head, keys, chunks)
    return this.replica
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

/** The session that the writes need, which are then one; '': none. */
async function sessionOf([write]: Write[]): Promise<string> {
  return (write?.lease?.[0] && (await write.presence?.session('commit'))) || ''
}

function lost([write]: Write[], session: string): void {
  write?.presence?.lost(session)
}

/** Keys that have got a time to live are to be deleted in time. */
function expect(together: Write[]): void {
  for (const { lease, presence } of together) if (lease && lease[1] !== null) presence?.expects(lease[1])
}
