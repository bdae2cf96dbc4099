import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import type { Vitals } from '../protocol/description.ts'
import { wordsOf } from '../protocol/thrown.ts'
import { errorFromWire, fromWire } from '../protocol/values.ts'
import type { Reached } from './assignment.ts'
import { classesOf } from './classes.ts'
import { type Job, type Report, type Stage, wireOf } from './job.ts'
import type { Pulse } from './pulse.ts'

/** One child that runs a target: a process or a thread. */
export interface Attempt {
  readonly pid: number | undefined
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  /** Resolves when the child is gone and all that it said is here. */
  readonly outcome: Promise<Outcome>
  /** How far a process that watches got, if it told. */
  readonly reached: Reached | undefined
  /** Whether the target has begun. */
  readonly ran: boolean
  /** Asks the child how it is; see `vitals`. */
  readonly pulse: Pulse
  vitals(): Vitals
  give(job: Job): void
  /** Called with what the target sends. */
  onMessage: (message: unknown) => void
  /** To the target; false: it is gone. */
  send(message: unknown): boolean
  /** Asks it to end: SIGTERM, or what that is for a thread. */
  end(): void
  kill(): void
  /** Whether it keeps this process alive. A new one does not. */
  keepAlive(alive: boolean): void
}

export type Outcome = { exitCode: number | null } & (
  | { kind: 'returned'; value: unknown }
  | { kind: 'rejected'; error: unknown }
  | ({ kind: 'failed' } & Failure)
)

export interface Failure {
  /**
   * 'boot': it failed before the target ran; 'error': the target threw; 'memory': the heap grew over its limit;
   * 'exit': it ended with an exit code of its own; 'signal': a signal ended it.
   */
  reason: 'boot' | 'error' | 'memory' | 'exit' | 'signal'
  /** What was thrown, if that is known. */
  error: unknown
  /** The names of the error's class and its ancestors. */
  classes: readonly string[]
  signal: NodeJS.Signals | undefined
  /** In words: `ended with exit code 3`. */
  words: string
}

/** How a child ended, as its backend sees it. */
export interface End {
  code: number | null
  signal: NodeJS.Signals | null
  /** What the backend knows by itself: a child that could not be made, a thread out of memory. */
  error?: unknown
  memory?: boolean
}

/** Makes one outcome of what a child reported and how it ended. A value that was returned is never lost to an exit code. */
export function outcomeOf(
  report: Report | undefined,
  ran: boolean,
  end: End,
  memoryLimit: number | undefined,
): Outcome {
  const exitCode = end.signal ? -constants.signals[end.signal] : end.code
  if (report?.kind === 'returned')
    return { kind: 'returned', value: fromWire(wireOf(report.value)), exitCode }
  if (report?.kind === 'rejected')
    return { kind: 'rejected', error: errorFromWire(wireOf(report.error)), exitCode }
  if (report?.kind === 'failed') {
    const error = errorFromWire(wireOf(report.error))
    const { stage, classes, signal } = report
    return { kind: 'failed', exitCode, ...thrown(stage, error, classes, signal) }
  }
  if (end.error !== undefined && !end.memory)
    return {
      kind: 'failed',
      exitCode,
      ...thrown(ran ? 'run' : 'boot', end.error, classesOf(end.error), undefined),
    }
  const memory = end.memory === true || (memoryLimit !== undefined && end.signal === 'SIGABRT')
  if (!memory && end.code === 0 && ran) return { kind: 'returned', value: undefined, exitCode }
  return { kind: 'failed', exitCode, ...ended(ran, end, memory, memoryLimit) }
}

function thrown(
  stage: Stage,
  error: unknown,
  classes: readonly string[],
  signal: NodeJS.Signals | undefined,
): Failure {
  const words = wordsOf(error)
  return stage === 'boot'
    ? { reason: 'boot', error, classes, signal, words: `failed before its target ran: ${words}` }
    : { reason: 'error', error, classes, signal, words: `failed: ${words}` }
}

function ended(ran: boolean, end: End, memory: boolean, memoryLimit: number | undefined): Failure {
  const how = end.signal ? `was ended by ${end.signal}` : `ended with exit code ${end.code}`
  const base = { error: undefined, signal: end.signal ?? undefined }
  if (memory) {
    const words =
      memoryLimit === undefined ? 'ran out of memory' : `ran out of memory (memoryLimit: ${memoryLimit} MB)`
    return { ...base, reason: 'memory', classes: crash, words }
  }
  if (!ran && !end.signal)
    return { ...base, reason: 'boot', classes: crash, words: `failed before its target ran: it ${how}` }
  if (end.signal)
    return { ...base, reason: 'signal', classes: crashes.has(end.signal) ? crash : [], words: how }
  return { ...base, reason: 'exit', classes: ['ProcessExit', 'ZprocError', 'Error'], words: how }
}

// Signals by which a program's own fault ends it: they count as errors. The others are somebody's wish.
const crashes = new Set<NodeJS.Signals>(['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP'])
const crash = ['Error']
