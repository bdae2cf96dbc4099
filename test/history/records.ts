import type { Call, Json } from './calls.ts'

// What is written down while a history happens. All times are milliseconds of one clock of the machine's.

export const now = (): number => Number(process.hrtime.bigint()) / 1e6

interface Timed {
  /** The State, by the name that its commits carry. */
  by: string
  /** Counts what was recorded under this name. */
  number: number
  invoked: number
  /** undefined: nothing came back before the history, or its process, ended. */
  returned?: number
}

/** `failed`: whether the error says that nothing was done, or that this is not known. */
export interface CallRecord extends Timed {
  type: 'call'
  call: Call
  result?: string
  failed?: 'none' | 'unknown'
  error?: string
}

/** A State began, at a revision that it saw between the two times. */
export interface StartRecord extends Timed {
  type: 'start'
}

export interface Watch {
  kind: 'raw' | 'change' | 'when' | 'equal' | 'notEqual' | 'none' | 'notNone' | 'available'
  keys: string[]
  exclude?: boolean
  value?: Json
  live: boolean
  duplicateOkay: boolean
  /** Of changes: the State's own count too. */
  own?: boolean
}

/** Whether it looks for a state, as against an update. */
export const isCondition = ({ kind }: Watch): boolean => kind !== 'raw' && kind !== 'change'

export interface Raw {
  revision: number
  name: string
  method: string
  time: number
  identical: boolean
  before: string
}

/** One thing that a watcher waited for. */
export interface WatchRecord extends Timed {
  type: 'watch'
  watch: Watch
  /** A step of a loop, and whether it is its first. */
  loop?: 'first' | 'next'
  /** `goLive` was called right before. */
  wentLive?: boolean
  seen?: { state: string; raw?: Raw }
  missed?: [from: number, to: number]
  late?: boolean
  error?: string
}

/** A view, as it was right after the State's last call was answered. */
export interface ViewRecord extends Timed {
  type: 'view'
  revision: number
  state: string
}

/** What came of the watchers that a State was closed under: `done` for a loop that ended quietly, or the code of the error. */
export interface EndRecord extends Timed {
  type: 'end'
  buffered?: string
  live?: string
  once?: string
}

export type Entry = CallRecord | StartRecord | WatchRecord | ViewRecord | EndRecord

/** Takes down entries: each when it begins, and again when it is complete. */
export type Recorder = (entry: Entry) => void

/** One commit, as somebody with a connection that does not fail was told of it. */
export interface Logged {
  revision: number
  name: string
  method: string
  time: number
  identical: boolean
  before: Record<string, unknown>
  after: Record<string, unknown>
}

export interface History {
  seed: number
  /** All commits, in order; the witness's word for it. */
  log: Logged[]
  entries: Entry[]
  historyLimit: number
  /** Whether there were holds: a read may then overtake a write of its own client that waits in line. */
  holds: boolean
  /** The faults that came to pass. */
  faults: number
  /** What did not end in time. */
  stuck: string[]
}
