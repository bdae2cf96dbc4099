import { step } from '../async/debug.ts'
import { after, cancel, monotonic } from '../async/interval.ts'
import type { EndDescription, ProcessDescription, Vitals } from '../protocol/description.ts'
import type { Assignment, Reached } from './assignment.ts'
import type { Attempt, Failure, Outcome } from './attempt.ts'
import { currentProcess } from './current.ts'
import type { Happening, InnerOptions } from './inner.ts'
import type { Job } from './job.ts'
import { begin, launch } from './launch.ts'
import { Output } from './lines.ts'
import type { ProcessOptions } from './options.ts'
import type { Pulse } from './pulse.ts'
import { reportCrash } from './report.ts'
import { Restarts } from './restarts.ts'
import { RetryPolicy } from './retry.ts'

type Phase = 'new' | 'running' | 'retrying' | 'stopping' | 'ended'

/** What a description says of the attempts. */
export type Told = Vitals &
  Pick<ProcessDescription, 'pid' | 'state' | 'since' | 'attempt' | 'recentRestarts' | 'end'>

const NOTHING: Vitals = { memory: null, eventLoop: null, silent: null }

export interface AttemptsEvents {
  happened(what: Happening): void
  /** The target said something. */
  message(message: unknown): void
  /** No more attempts. `asked`: it was told to stop while it ran. */
  over(outcome: Outcome, asked: boolean): void
  /** Whether they are to keep this process alive. */
  needed(): boolean
}

/** The life of a process: one child after the other runs the target, until one returns or there is no other to come. */
export class Attempts {
  readonly output: Output
  /** The current child's; the last one's after the end. */
  pid: number | undefined
  /** How many were begun. */
  count = 0
  exitCode: number | null = null
  /** Errors of the attempts so far. */
  readonly causes: unknown[] = []
  // Let go of at the end, as the assignment: a process may be kept for its value long after.
  #options: ProcessOptions | undefined
  readonly #inner: Pick<InnerOptions<never>, 'tied' | 'spares' | 'ready' | 'keepsStderr' | 'logger'>
  readonly #events: AttemptsEvents
  #assignment: Assignment | undefined
  #trace: Job['trace']
  #policy: RetryPolicy | undefined
  #phase: Phase = 'new'
  // When that began; how the attempts before have ended, and when.
  #since = monotonic()
  readonly #restarts = new Restarts()
  #end: EndDescription | undefined
  #attempt: Attempt | undefined
  #reached: Reached | undefined
  #retryTimer: NodeJS.Timeout | undefined

  constructor(
    assignment: Assignment,
    options: ProcessOptions,
    inner: Pick<InnerOptions<never>, 'tied' | 'spares' | 'ready' | 'keepsStderr' | 'logger'>,
    events: AttemptsEvents,
  ) {
    this.#assignment = assignment
    this.#options = options
    this.#inner = inner
    this.#events = events
    this.#policy = new RetryPolicy(options)
    this.output = new Output(assignment.name, options, inner.keepsStderr)
  }

  get isNew(): boolean {
    return this.#phase === 'new'
  }

  get isOver(): boolean {
    return this.#phase === 'ended'
  }

  /** Begins the first one. `trace`: see Job. */
  begin(trace: Job['trace']): void {
    this.#trace = trace
    this.#run()
  }

  /** Begins the next one. */
  #run(): void {
    const assignment = this.#assignment as Assignment
    this.#enter('running')
    if (this.count > 0) this.#restarts.add()
    this.count++
    this.#reached = this.#attempt?.reached ?? this.#reached
    const { tied = true, spares, ready } = this.#inner
    const attempt = launch(this.#options ?? {}, {
      name: assignment.name,
      tied,
      spares,
      stdio: this.output.stdio,
    })
    this.#attempt = attempt
    attempt.onMessage = message => this.#events.message(message)
    this.pid = attempt.pid
    this.keepAlive()
    this.output.read(attempt)
    this.#step('begins')
    this.#events.happened({ type: 'started' })
    const from = { parent: currentProcess(), trace: this.#trace }
    const began = begin(attempt, assignment.job(this.count, from, this.#reached), ready)
    void attempt.outcome.then(async outcome => {
      await this.output.drained(attempt)
      this.#ended((await began) ?? outcome)
    })
  }

  /**
   * Asks the current one to end. The function that comes back kills it, if it has not; there is none when nothing ran:
   * then this was the end.
   */
  stop(): (() => void) | undefined {
    const before = this.#phase
    if (before === 'ended') return undefined
    if (before === 'new' || before === 'retrying') {
      cancel(this.#retryTimer)
      const when = before === 'new' ? 'before it was started' : 'while it waited to be retried'
      this.#finish({ kind: 'failed', exitCode: this.exitCode, ...stopped(`was stopped ${when}`) })
      return undefined
    }
    this.#enter('stopping')
    const attempt = this.#attempt
    attempt?.end()
    return () => attempt?.kill()
  }

  /** Asks the target how it is; undefined: none runs. */
  get pulse(): Pulse | undefined {
    return this.#isRunning ? this.#attempt?.pulse : undefined
  }

  /** What there is to say, in milliseconds that have passed in place of times. */
  describe(): Told {
    const vitals = (this.#isRunning && this.#attempt?.vitals()) || NOTHING
    const state = this.#phase === 'running' && !this.#isRunning ? 'starting' : this.#phase
    return {
      pid: this.pid ?? null,
      state,
      since: monotonic() - this.#since,
      attempt: this.count,
      recentRestarts: this.#restarts.recent,
      end: this.#end ? { ...this.#end, time: monotonic() - this.#end.time } : null,
      ...vitals,
    }
  }

  /** Whether a target runs, and so can answer. */
  get #isRunning(): boolean {
    return (this.#phase === 'running' || this.#phase === 'stopping') && this.#attempt?.ran === true
  }

  #enter(phase: Phase): void {
    this.#phase = phase
    this.#since = monotonic()
  }

  /** To the target; false: none runs at present. */
  send(message: unknown): boolean {
    return this.#attempt?.send(message) ?? false
  }

  /** Looks again whether the child, or the timer of the next one, keeps this process alive. */
  keepAlive(): void {
    const alive = this.#events.needed()
    this.#attempt?.keepAlive(alive && !this.isOver)
    if (alive) this.#retryTimer?.ref()
    else this.#retryTimer?.unref()
  }

  #ended(outcome: Outcome): void {
    this.exitCode = outcome.exitCode
    this.#end = endOf(outcome)
    this.#step(`has ended: ${outcome.kind}, exit code ${outcome.exitCode}`)
    if (outcome.kind === 'failed') {
      this.causes.push(outcome.error)
      const delay = this.#phase === 'running' ? this.#next(outcome) : undefined
      if (delay !== undefined) return this.#retry(outcome, delay)
    }
    this.#finish(outcome)
  }

  #step(words: string): void {
    const { name = '' } = this.#assignment ?? {}
    const details = { process: name, childPid: this.pid, attempt: this.count }
    step(this.#inner.logger, details, `process '${name}' (pid ${this.pid}), attempt ${this.count}, ${words}`)
  }

  #next(failure: Failure): number | undefined {
    try {
      return this.#policy?.next(failure)
    } catch (error) {
      // The user's own function of the delay failed: that is what the process ends with.
      failure.error = error
      failure.words = `${failure.words}; then its retryDelay failed`
      return undefined
    }
  }

  #retry(failure: Failure, delay: number): void {
    const { name } = this.#assignment as Assignment
    this.#enter('retrying')
    reportCrash(this.#inner.logger, name, this.pid, this.count, failure, delay)
    this.#events.happened({ type: 'retrying', reason: failure.words, error: failure.error, delay })
    this.#retryTimer = after(delay, () => {
      this.exitCode = null
      this.#run()
    })
    this.keepAlive()
  }

  #finish(outcome: Outcome): void {
    const asked = this.#phase === 'stopping'
    this.#enter('ended')
    this.output.end()
    this.#events.over(outcome, asked)
    this.#attempt = undefined
    this.#assignment = undefined
    this.#options = undefined
    this.#policy = undefined
  }
}

function endOf(outcome: Outcome): EndDescription {
  const { exitCode } = outcome
  const failure = outcome.kind === 'failed' ? outcome : undefined
  const error = failure?.reason === 'error' || failure?.reason === 'boot' ? failure.classes[0] : undefined
  return { time: monotonic(), reason: failure?.reason ?? 'returned', exitCode, error: error ?? '' }
}

const stopped = (words: string): Failure => ({
  reason: 'signal',
  error: undefined,
  classes: [],
  signal: undefined,
  words,
})
