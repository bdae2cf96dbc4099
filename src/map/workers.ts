import type { Process } from '../process/process.ts'
import type { PoolMessage, WorkerEnd, WorkerMessage } from './messages.ts'

/** Messages to a worker. */
export interface WorkerChannel {
  /** The message leaves at the end of this turn, or with the next one that is sent now. */
  send(message: PoolMessage): void
  sendNow(message: PoolMessage): void
  flush(): void
}

/** How a pool reaches one worker. */
export interface WorkerHandle {
  readonly number: number
  /** Set if the worker is a process of this program. */
  readonly process?: Process
  /** undefined while the worker boots, and after its end. */
  readonly channel: WorkerChannel | undefined
  /** Ends it at once, without further events. */
  kill(): void
}

/** Where the workers of a pool come from: processes of this program, or those that joined from other machines. */
export interface Workers {
  /** Called when a job begins. */
  open(): void
  /** Starts one more worker, where workers are started by this program. */
  start?(): WorkerHandle
  /** Lets a worker end that has nothing to do. */
  release?(worker: WorkerHandle): void
  /** Called when no job is left. */
  rest?(): void
  /** Keeps the program alive, or no longer. */
  keepAlive(isNeeded: boolean): void
  close(): Promise<void>
}

export interface WorkersEvents {
  joined(worker: WorkerHandle): void
  heard(worker: WorkerHandle, message: WorkerMessage): void
  /** Called after all messages that arrived together. */
  heardAll(): void
  /** `end`: set if it died by itself, which counts against the chunk that it ran. */
  gone(worker: WorkerHandle, end: WorkerEnd | undefined): void
  /** No job can go on. */
  failed(error: Error): void
}
