import { monotonic } from '../async/interval.ts'
import { pulseOf } from '../process/process.ts'
import type { Chunk } from './chunk.ts'
import type { Job } from './job.ts'
import type { PoolMessage } from './messages.ts'
import type { WorkerHandle } from './workers.ts'

/** A chunk that a worker holds. */
export interface Assigned {
  number: number
  job: Job
  chunk: Chunk
  timer: NodeJS.Timeout | undefined
}

/** What a pool knows of one worker. */
export class Slot {
  readonly worker: WorkerHandle
  /** The job that the worker was started for, if that wants workers of its own. */
  madeFor: Job | undefined
  /** The chunks that the worker holds: it runs the first, the others wait. A Map that is emptied at each call costs much more. */
  readonly queue: Assigned[] = []
  /** The jobs that the worker knows. */
  readonly jobs = new Set<Job>()
  /** Items that it was given, without those handed back. */
  items = 0
  /** The chunk that it runs takes longer than expected: nothing should wait behind it. */
  isOverdue = false
  /** It gets nothing more and ends when it has nothing left. */
  isRetiring = false
  idle: NodeJS.Timeout | undefined
  /** Since when it has had what it has in hand, as `look` saw it. */
  hasCurrentSince: number | undefined
  #seen: Assigned | undefined
  #seenFirst = 0

  constructor(worker: WorkerHandle, madeFor: Job | undefined) {
    this.worker = worker
    this.madeFor = madeFor
  }

  get canTake(): boolean {
    return this.worker.channel !== undefined && !this.isOverdue && !this.isRetiring
  }

  holds(job: Job): boolean {
    return this.queue.some(assigned => assigned.job === job)
  }

  /** The number of items that it may still be given of a job. */
  allowance({ settings }: Job): number {
    return (settings.maxItemsPerWorker ?? Number.POSITIVE_INFINITY) - this.items
  }

  tell(message: PoolMessage): void {
    this.worker.channel?.send(message)
  }

  /** The number of the chunk that it runs. */
  get current(): number | undefined {
    return this.queue[0]?.number
  }

  /**
   * To be called every second: what it has in hand is the same as the last time, or is another. A worker that has the same is asked
   * how it is, so that it is known since when it does not answer. An item costs nothing of this.
   */
  look(): void {
    const [current] = this.queue
    if (current === this.#seen && current?.chunk.first === this.#seenFirst) {
      const { process } = this.worker
      if (current && process) void pulseOf(process)?.ask()
      return
    }
    this.#seen = current
    this.#seenFirst = current?.chunk.first ?? 0
    this.hasCurrentSince = current && monotonic()
  }

  held(number: number): Assigned | undefined {
    return this.queue.find(assigned => assigned.number === number)
  }

  take(number: number): Assigned | undefined {
    const at = this.queue.findIndex(assigned => assigned.number === number)
    return at < 0 ? undefined : this.queue.splice(at, 1)[0]
  }
}
