import { availableParallelism } from 'node:os'
import { after, cancel, soon } from '../async/interval.ts'
import { ClosedError, TimeoutError } from '../errors.ts'
import type { Process } from '../process/process.ts'
import type { PoolReport } from '../protocol/context-report.ts'
import { errorFromWire } from '../protocol/values.ts'
import { describePool } from './describe.ts'
import { jobToStartFor } from './growth.ts'
import type { Job } from './job.ts'
import { JobList } from './job-list.ts'
import { FromWorker, ToWorker, type WorkerEnd, type WorkerMessage } from './messages.ts'
import { Slot } from './slot.ts'
import { SlotWatch } from './slot-watch.ts'
import type { WorkerHandle, Workers, WorkersEvents } from './workers.ts'

// A worker that is not needed ends after this many milliseconds; a cancelled item that has not ended costs its worker.
const IDLE_MS = 5_000
const GRACE_MS = 1000
// Workers that a call starts itself: further ones are started one in each turn.
const STARTED_AT_ONCE = 4

/** The workers of a context, which all its jobs share: gives chunks to workers, and starts, replaces and ends workers. */
export class Pool {
  readonly #workers: Workers
  readonly #cores = availableParallelism()
  readonly #slots = new Map<WorkerHandle, Slot>()
  readonly #jobs = new JobList(job => this.add(job))
  readonly #watch = new SlotWatch(() => this.#slots.values())
  #numbers = 0
  #chunks = 0
  #awaited = 0
  #isGrowing = false
  #isClosed = false

  constructor(workersFor: (events: WorkersEvents) => Workers) {
    this.#workers = workersFor({
      joined: worker => {
        if (!this.#slots.has(worker)) this.#slots.set(worker, new Slot(worker, undefined))
      },
      heard: (worker, message) => {
        const slot = this.#slots.get(worker)
        if (slot) this.#heard(slot, message)
      },
      heardAll: () => this.dispatch(),
      gone: (worker, end) => {
        const slot = this.#slots.get(worker)
        if (slot) this.#gone(slot, end)
      },
      failed: error => {
        for (const job of this.#jobs) {
          job.stop(error)
          if (job.isIdle) this.#idled(job)
        }
      },
    })
  }

  get processes(): Process[] {
    return [...this.#slots.values()].flatMap(({ worker }) => worker.process ?? [])
  }

  describe(kind: 'own' | 'shared'): PoolReport | undefined {
    return describePool(kind, [...this.#slots.values()], [...this.#jobs])
  }

  nextNumber(): number {
    return ++this.#numbers
  }

  /** Begins a job at the end of this turn: until then it may still be told how it is read. */
  begin(job: Job): void {
    if (job.isDone || this.#isClosed) return this.add(job)
    this.#jobs.add(job)
    this.#workers.open()
    this.#grow()
    this.addSoon(job)
  }

  /** Begins a job, or goes on with one that was idle. */
  add(job: Job): void {
    if (job.isDone) return
    if (this.#isClosed) return job.stop(closedBefore(job))
    this.#jobs.add(job)
    job.onWork = () => this.dispatch()
    this.#workers.open()
    this.dispatch()
  }

  /** As `add`, at the end of this turn: what is added until then begins together. */
  addSoon(job: Job): void {
    this.#jobs.addSoon(job)
  }

  /** Ends a job. What runs of it is told; an item that has not ended a second later costs its worker. */
  finish(job: Job): void {
    this.#jobs.remove(job)
    for (const slot of this.#slots.values()) {
      if (slot.madeFor === job) slot.madeFor = undefined
      if (!slot.jobs.delete(job)) continue
      const mine = slot.queue.filter(assigned => assigned.job === job)
      if (mine.length > 0) {
        slot.tell([ToWorker.cancel, job.number])
        // What waits behind another job's chunk is dropped when its turn comes; only what runs has to be ended.
        const late = () => {
          if (mine.some(({ number }) => number === slot.current)) this.#kill(slot)
        }
        if (!this.#isClosed) after(GRACE_MS, late)?.unref()
      }
      slot.tell([ToWorker.forget, job.number])
    }
    if (this.#jobs.size === 0) this.#workers.rest?.()
    this.dispatch()
  }

  /** Gives work to every worker that can take some: one chunk to each, then a second one where chunks are short. */
  dispatch(): void {
    if (this.#isClosed) return
    if (this.#hasWork) this.#giveAll()
    for (const slot of this.#slots.values())
      if (slot.queue.length === 0 && slot.worker.channel) this.#rest(slot)
    this.#grow()
    for (const job of this.#jobs) if (job.isIdle) this.#idled(job)
  }

  /** While a result is awaited, the program goes on. */
  awaiting(change: 1 | -1): void {
    this.#awaited += change
    if (this.#awaited === (change === 1 ? 1 : 0)) this.#workers.keepAlive(change === 1)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#watch.end()
    for (const job of this.#jobs) job.stop(closedBefore(job))
    await this.#workers.close()
    this.#slots.clear()
  }

  get #hasWork(): boolean {
    for (const job of this.#jobs) if (job.hasWork) return true
    return false
  }

  #giveAll(): void {
    for (const depth of [1, 2])
      for (const slot of this.#slots.values()) if (slot.queue.length < depth && slot.canTake) this.#give(slot)
  }

  #give(slot: Slot): void {
    const jobs = this.#jobs.size > 1 ? [...this.#jobs].sort((a, b) => a.running - b.running) : this.#jobs
    for (const job of jobs) {
      if (!this.#mayUse(job, slot)) continue
      const chunk = job.next(slot.allowance(job))
      if (!chunk) continue
      cancel(slot.idle)
      slot.idle = undefined
      if (!slot.jobs.has(job)) {
        slot.jobs.add(job)
        const { target, shape, copy } = job.settings
        slot.tell([ToWorker.job, job.number, target, shape, copy])
      }
      const number = ++this.#chunks
      slot.queue.push({ number, job, chunk, timer: undefined })
      slot.items += chunk.count
      this.#watch.begin()
      return slot.worker.channel?.sendNow([ToWorker.chunk, job.number, number, chunk.payload])
    }
  }

  #mayUse(job: Job, slot: Slot): boolean {
    const { fresh, limit } = job.settings
    if (slot.madeFor !== (fresh ? job : undefined)) return false
    if (slot.allowance(job) <= 0) return false
    // Nothing may wait behind an item that can take long.
    for (const { job: other } of slot.queue) if (other.depth === 1 || other.isOver) return false
    if (slot.queue.length >= job.depth) return false
    if (job.running < limit || slot.holds(job)) return true
    let workers = 0
    for (const other of this.#slots.values()) if (other.holds(job)) workers++
    return workers < limit
  }

  /** Starts workers for the work that the others cannot take. */
  #grow(): void {
    if (this.#isGrowing || !this.#workers.start || !this.#hasWork) return
    for (let started = 0; started < STARTED_AT_ONCE; started++) {
      const job = jobToStartFor([...this.#slots.values()], this.#jobs)
      if (!job) return
      this.#start(job.settings.fresh ? job : undefined)
    }
    this.#isGrowing = true
    soon(() => {
      this.#isGrowing = false
      if (!this.#isClosed) this.#grow()
    })
  }

  #start(madeFor: Job | undefined): void {
    const worker = this.#workers.start?.()
    if (worker) this.#slots.set(worker, new Slot(worker, madeFor))
  }

  #heard(slot: Slot, message: WorkerMessage): void {
    const [kind] = message
    if (kind === FromWorker.joined || kind === FromWorker.gone) return
    if (kind === FromWorker.full) {
      slot.isRetiring = true
      return
    }
    const number = message[1]
    const assigned = slot.held(number)
    if (!assigned) return
    const { job, chunk } = assigned
    if (kind === FromWorker.begun) {
      // One turn after the time is up: an answer that had come by then has been read.
      assigned.timer = after(job.settings.timeout, () => soon(() => this.#late(slot, number)))
      return
    }
    if (kind === FromWorker.results) {
      const [, , count, results, failures, ms, kept, awaited] = message
      slot.items -= chunk.count - count - kept
      if (kept > 0) slot.isOverdue = true
      else this.#unassign(slot, number)
      job.reported(chunk, { count, results, failures, ms, kept, awaited })
    } else {
      this.#unassign(slot, number)
      if (kind === FromWorker.failed) job.failed(chunk, message[2], message[3], errorFromWire(message[4]))
      else job.dropped()
    }
    if (job.isIdle) this.#idled(job)
  }

  #unassign(slot: Slot, number: number): void {
    if (slot.current === number) slot.isOverdue = false
    cancel(slot.take(number)?.timer)
  }

  #idled(job: Job): void {
    if (job.isDone) this.finish(job)
    else this.#jobs.remove(job)
  }

  #late(slot: Slot, number: number): void {
    const assigned = slot.take(number)
    if (!assigned) return
    const { job, chunk } = assigned
    const { call, timeout } = job.settings
    this.#kill(slot)
    job.late(chunk, new TimeoutError(`${call}: item ${chunk.first} took more than ${timeout} ms`))
    if (job.isIdle) this.#idled(job)
  }

  #kill(slot: Slot): void {
    slot.worker.kill()
    this.#gone(slot, undefined)
  }

  // A worker that died is replaced; what it held is given to another.
  #gone(slot: Slot, end: WorkerEnd | undefined): void {
    if (!this.#slots.delete(slot.worker)) return
    cancel(slot.idle)
    if (this.#isClosed) return
    const wanted = Math.max(0, ...[...this.#jobs].map(({ settings }) => settings.limit))
    if (slot.madeFor || !end || this.#slots.size < wanted) this.#start(slot.madeFor)
    let cause = end
    for (const { job, chunk, timer } of slot.queue.splice(0)) {
      cancel(timer)
      job.lost(chunk, cause)
      cause = undefined
      if (job.isIdle) this.#idled(job)
    }
    this.dispatch()
  }

  #rest(slot: Slot): void {
    if (!this.#workers.release) return
    if (slot.isRetiring || !this.#mayTake(slot)) return this.#release(slot)
    if (slot.idle || !this.#isSurplus(slot)) return
    slot.idle = after(IDLE_MS, () => {
      slot.idle = undefined
      if (this.#isSurplus(slot)) this.#release(slot)
    })
    slot.idle?.unref()
  }

  #mayTake(slot: Slot): boolean {
    for (const job of this.#jobs) if (slot.allowance(job) <= 0) return false
    return true
  }

  #isSurplus({ madeFor }: Slot): boolean {
    return this.#slots.size > this.#cores && !madeFor
  }

  #release(slot: Slot): void {
    cancel(slot.idle)
    this.#slots.delete(slot.worker)
    this.#workers.release?.(slot.worker)
  }
}

const closedBefore = ({ settings }: Job): ClosedError =>
  new ClosedError(`${settings.call}: its Context was closed before the ${settings.unit} was at its end`)
