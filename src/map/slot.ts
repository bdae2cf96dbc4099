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

  held(number: number): Assigned | undefined {
    return this.queue.find(assigned => assigned.number === number)
  }

  take(number: number): Assigned | undefined {
    const at = this.queue.findIndex(assigned => assigned.number === number)
    return at < 0 ? undefined : this.queue.splice(at, 1)[0]
  }
}
