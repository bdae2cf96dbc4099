import type { OutputLine, ServerDescription } from '../protocol/description.ts'

// What the page and the inspector say to each other. Each call is a POST of JSON to /api/<name>, answered with JSON; `stream` is
// answered with lines of JSON, without end. Nothing in here runs: the page is compiled with these types as well.

/** Where a part lies in its parent: the name of a field, or the index of an element or of an entry. */
export type PathStep = string | number

/** What a value is, as the page tells it by colour. */
export type ValueKind =
  | 'string'
  | 'number'
  | 'bigint'
  | 'boolean'
  | 'nothing'
  | 'date'
  | 'object'
  | 'list'
  | 'other'
  | 'redacted'

/** A key of the state, or a part of its value: one line of the tree. */
export interface TreeRow {
  key: string
  /** `[]`: the key itself. */
  path: PathStep[]
  label: string
  kind: ValueKind
  /** The value in one line, cut where it is long. */
  text: string
  /** Parts that it has; null: it cannot be opened. */
  parts: number | null
  isOpen: boolean
  /** Of a key: the newest commit known to have written it; 0: none is known. */
  revision: number
}

/** The lines of the tree from a place on. */
export interface TreeWindow {
  revision: number
  /** Lines in all, and keys. */
  total: number
  keys: number
  from: number
  rows: TreeRow[]
}

export interface TreeQuery {
  namespace: string
  /** Which state; null: the newest. */
  revision: number | null
  from: number
  count: number
  /** Only keys that contain this text, whatever the case; '': all. */
  filter: string
  /** `'put'`: in the order in which they were put; `'name'`; `'changed'`: those written last come first. */
  order: 'put' | 'name' | 'changed'
  /** What is open: keys (`path: []`), and parts of their values. */
  open: { key: string; path: PathStep[] }[]
}

/** What a commit did, in a line. */
export interface LogChange {
  key: string
  text: string
}

/** A commit: one line of the log. */
export interface LogRow {
  revision: number
  time: number
  pid: number
  name: string
  method: string
  isIdentical: boolean
  /** The first changes, and how many more there are. */
  changes: LogChange[]
  more: number
}

/** The commits `from` to `to`, the oldest first. */
export interface LogQuery {
  namespace: string
  from: number
  to: number
}

/** Looks through commits from `before` on backwards, `until` at the earliest, for some that fit. */
export interface SearchQuery {
  namespace: string
  /** Texts that the name of a key, the process (`name` or pid) and the method contain; '': any. */
  key: string
  process: string
  method: string
  /** null: the newest. */
  before: number | null
  until: number
}

export interface Found {
  /** The newest first. */
  rows: LogRow[]
  /** What was looked through ends here; at `oldest` there is no more. */
  reached: number
  newest: number
  oldest: number
}

/** A part that a commit changed: of which key, and where in its value. null: it was not there. */
export interface PartDiff {
  key: string
  /** `'.jobs[3].state'`; `''`: the whole value. */
  path: string
  before: string | null
  after: string | null
}

/** A commit with what it changed. */
export interface CommitShown extends LogRow {
  diffs: PartDiff[]
  /** Whether it may have changed more than those. */
  isCut: boolean
}

/** A whole value, as far as it is not too long to be shown. */
export interface ValueShown {
  revision: number
  /** null: there is no such key. */
  text: string | null
  isCut: boolean
  /** The value as JSON, to be changed: if JSON can say it, it may be shown and written, and it is not too long for that. */
  json: string | null
  /** What ends the key. */
  lease: { pid: number; name: string; isEphemeral: boolean; expires: number | null } | null
}

/** The processes of programs as they were at a time. */
export interface ProcessesShown {
  /** null: that is not known. */
  processes: Pick<ServerDescription, 'time' | 'asker' | 'sessions' | 'processes' | 'pools' | 'leftOut'> | null
  /** Since when they are kept: when the inspector began, or an hour ago; null: nothing is. */
  since: number | null
}

/** The last lines that a process has printed. */
export interface OutputShown {
  /** What of its output is read by the program that has started it; `'redacted'`: it is not shown; `'gone'`: nothing was told. */
  seen: 'all' | 'stderr' | 'nothing' | 'redacted' | 'gone'
  lines: OutputLine[]
}

/** Figures of one second. */
export interface Sample {
  time: number
  /** Commits a second in all namespaces. */
  commits: number
  /** Bytes a second over all connections, in both directions. */
  bytes: number
  /** The part of the time in which the server's thread has worked, 0 to 1. */
  busy: number
  rss: number
  heap: number
  /** Milliseconds until the server has answered. */
  answer: number
}

/** What the page is told first. */
export interface Facts {
  type: 'facts'
  address: string
  namespace: string
  canWrite: boolean
  /** Whether any values are redacted. */
  redacts: boolean
}

/** The state of the namespace that the page shows has changed. */
export interface Tick {
  type: 'tick'
  namespace: string
  /** Of the log that is followed: in another one revisions begin anew. */
  logId: number
  /** The newest commit; -1: nothing is known of the namespace yet. */
  revision: number
  keys: number
  /** The oldest commit that is kept. */
  oldest: number
  /** Why the namespace is not being followed at present. */
  error: string | null
}

/** What the server says of itself, each second. */
export interface Status {
  type: 'status'
  time: number
  description: ServerDescription | null
  /** What is stuck, in words. */
  verdicts: string[]
  /** Why there is no description. */
  error: string | null
  /** Samples that the page has not got yet. */
  samples: Sample[]
}

export type StreamLine = Facts | Tick | Status
