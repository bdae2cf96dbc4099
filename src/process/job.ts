import type { MessagePort } from 'node:worker_threads'
import { loopTimes } from '../async/interval.ts'
import type { Watchable } from '../client/watchable.ts'
import { Packed, type Wire } from '../protocol/values.ts'
import type { TraceContext } from '../tracing/messages.ts'
import type { DerivedKey } from '../transport/key.ts'

// What the two ends of a process tell each other. A Wire crosses as `bytesOf` makes it: values stay encoded.
export type WireBytes = Exclude<Wire, Packed> | Uint8Array
export const bytesOf = (wire: Wire): WireBytes => (wire instanceof Packed ? wire.bytes : wire)
export const wireOf = (bytes: WireBytes): Wire => (bytes instanceof Uint8Array ? new Packed(bytes) : bytes)

/** One run of a target, to be done in a child. */
export interface Job {
  name: string
  /** It is what a spare child does while it waits for one. */
  isSpare?: true
  attempt: number
  parent: { name: string; pid: number }
  /** Where to be, and what the environment has gained or lost since the child was made. */
  cwd: string | undefined
  env: [name: string, value: string | undefined][]
  /** The target as `ship` made it. */
  target: Uint8Array
  /** In place of `target`: the URL of the module whose default export it is. */
  module: string | undefined
  /** What the target gets before `args`. */
  first: 'state' | 'context' | 'nothing'
  args: WireBytes[]
  /** The arguments of kwargs: none or one. */
  kwargs: WireBytes[]
  address: string
  namespace: string
  secretKey: string | undefined
  /** What that stands for, ready-made, at the servers that are known. */
  keys: DerivedKey[]
  connectTimeout: number | undefined
  /** The module with Context, for a target that gets one. */
  contextModule: string | undefined
  watch: WatchJob | undefined
  /** Where it was started, as the tracing system says; null: channels for tracing hear nothing of the target. */
  trace: TraceContext | null | undefined
}

/** Where a State, or a Context, is to join. */
export type Joining = Pick<Job, 'address' | 'namespace' | 'secretKey' | 'keys' | 'connectTimeout'>

/** The loops of a State. */
export type WatchMethod = Extract<keyof Watchable<object>, `when${string}`>

/** Run the target once for each thing that a State's iterator yields. */
export interface WatchJob {
  method: WatchMethod
  args: WireBytes[]
  /** The test of `when`, as `ship` made it. */
  test: Uint8Array | undefined
  options: { live?: boolean; own?: boolean; timeout?: number; duplicateOkay?: boolean; exclude?: boolean }
  /** The revision to watch on from; undefined: the newest. */
  from: number | undefined
  /** The revision that was handled already, if `from` is one. */
  handled: number | undefined
  /** Whether the parent wants to know how far it got. */
  told: boolean
}

/** What a thread is started with: the port on which it talks with zproc, and nothing else does. */
export interface ThreadData {
  zproc: MessagePort
}

/** To a thread, which gets no signals, or to a child on Windows, where there are none. */
export type ThreadOrder = { kind: 'job'; job: Job } | { kind: 'stop' } | { kind: 'ask' }

/** To a child process: a spare one has the time to rehearse. */
export type Order = { kind: 'rehearse'; at: Joining } | ThreadOrder

/** 'boot': before the target ran. */
export type Stage = 'boot' | 'run'

/** From the child. What comes first of the last three stands; without any, the exit code has to do. */
export type Report =
  /** A spare begins to rehearse. */
  | { kind: 'rehearsing' }
  | { kind: 'running' }
  /** The target has started a program that is to end with it, or that program has ended. */
  | { kind: 'spawned'; pid: number }
  | { kind: 'reaped'; pid: number }
  /** A watching process calls its handler with this revision, or has done that. */
  | { kind: 'at'; revision: number; done: boolean }
  /** How it is, as it was asked. */
  | { kind: 'answer'; answer: Answer }
  /** It wants to be told to stop, and to do that itself: where there are no signals. */
  | { kind: 'cooperative' }
  | { kind: 'returned'; value: WireBytes }
  /** The target returned a RemoteException with this error. */
  | { kind: 'rejected'; error: WireBytes }
  | { kind: 'failed'; stage: Stage; error: WireBytes; classes: string[]; signal: NodeJS.Signals | undefined }

/** What a child says when it is asked how it is. */
export interface Answer {
  /** Bytes: the resident set, and what of V8's heap is used. */
  rss: number
  heapUsed: number
  loop: { active: number; idle: number }
}

/** How this child is. */
export function howItIs(): Answer {
  const { rss, heapUsed } = process.memoryUsage()
  const { active, idle } = loopTimes()
  return { rss, heapUsed, loop: { active, idle } }
}
