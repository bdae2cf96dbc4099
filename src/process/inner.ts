import type { Logger } from '../async/logger.ts'
import type { WatchAssignment } from './assignment.ts'
import type { Spares } from './spares.ts'

/** What happened to a process. */
export type Happening =
  | {
      /** `'started'`: an attempt begins; `'retrying'`: it failed, and another follows; `'exited'`: the process has ended. */
      type: 'started'
    }
  | {
      /** `'started'`: an attempt begins; `'retrying'`: it failed, and another follows; `'exited'`: the process has ended. */
      type: 'retrying'
      /** How it ended, in words. */
      reason: string
      /** What the target threw; undefined if nothing. */
      error: unknown
      /** Milliseconds until the next attempt. */
      delay: number
    }
  | {
      /** `'started'`: an attempt begins; `'retrying'`: it failed, and another follows; `'exited'`: the process has ended. */
      type: 'exited'
      /** How it ended, in words. */
      reason: string
      /** What the target threw; undefined if nothing. */
      error: unknown
      /** The exit code; minus the number of the signal that ended it. */
      exitCode: number | null
    }

/** What happened to a process, and to which one. */
export type EventOf<P> = {
  /** The process that the event is about. */
  process: P
  /** The name of that process. */
  name: string
  /** The process id of the child that runs or ran; undefined before the start. */
  pid: number | undefined
  /** The number of the attempt: 1 at first. */
  attempt: number
  /** Milliseconds since the epoch. */
  time: number
} & Happening

/** What a Context says of a process besides its options. */
export interface InnerOptions<P> {
  /** The server is being started. */
  ready?: Promise<unknown>
  watch?: WatchAssignment
  contextModule?: string
  /** false: it survives this process. */
  tied?: boolean
  /** Whether it keeps this process alive while it runs. */
  hold?(): boolean
  spares?: Spares
  /** Whether the last lines of its stderr are kept, see `stderrTailOf`. What it writes appears on stderr as before. */
  keepsStderr?: boolean
  /** It is a part of zproc's own, such as a worker: the channels for tracing hear nothing of it. */
  isOwn?: boolean
  /** The call, for messages. Default 'new Process'. */
  call?: string
  /** Gets what is said of failures in place of stderr. */
  logger?: Logger | undefined
  observe?(event: EventOf<P>): void
}
