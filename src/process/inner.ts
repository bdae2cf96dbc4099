import type { WatchAssignment } from './assignment.ts'
import type { Spares } from './spares.ts'

export type Happening =
  | { type: 'started' }
  /** `reason` in words, `error` as thrown in the child, the next attempt in `delay` milliseconds. */
  | { type: 'retrying'; reason: string; error: unknown; delay: number }
  | { type: 'exited'; reason: string; error: unknown; exitCode: number | null }

export type EventOf<P> = {
  process: P
  name: string
  pid: number | undefined
  attempt: number
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
  /** The call, for messages. Default 'new Process'. */
  call?: string
  observe?(event: EventOf<P>): void
}
