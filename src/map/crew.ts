import type { Process } from '../process/process.ts'
import type { PoolMessage, WorkerMessage } from './messages.ts'

/** Where one worker sits: how its pool reaches it. */
export interface Desk {
  readonly number: number
  /** Where it is a process of this program. */
  readonly process?: Process
  /** undefined until it has joined. */
  readonly channel: { send(message: PoolMessage): void; flush(): void } | undefined
  /** Ends it at once; nothing more is heard of it. */
  kill(): void
}

/** The workers of a pool: those that this program starts, or those that have joined from wherever they are. */
export interface Crew {
  /** A map begins. */
  begin(): void
  /** One more worker, where workers are started here. */
  start?(): Desk
  /** Lets a worker go that has nothing to do. */
  release?(desk: Desk): void
  /** There is no map at present. */
  rest?(): void
  /** While somebody awaits a map, the program goes on. */
  awaiting(isAwaited: boolean): void
  close(): Promise<void>
}

/** What a pool hears of its crew. */
export interface CrewEvents {
  joined(desk: Desk): void
  heard(desk: Desk, message: WorkerMessage): void
  /** All that came at once was handed over. */
  heardAll(): void
  /** `guilty`: it died while at what it has in hand first. */
  gone(desk: Desk, guilty: boolean): void
  /** No map can go on. */
  failed(error: Error): void
}
