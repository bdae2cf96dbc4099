import type { Readable } from 'node:stream'
import { after, checkTime } from '../async/interval.ts'
import { checkHome } from '../engines/engines.ts'
import { checkOptions } from '../protocol/options.ts'
import { type Assignment, assign, type Reached, type Target } from './assignment.ts'
import type { Attempt, Failure, Outcome } from './attempt.ts'
import { currentProcess, whenAskedToStop } from './current.ts'
import { Ending } from './ending.ts'
import type { EventOf, Happening, InnerOptions } from './inner.ts'
import { begin, launch } from './launch.ts'
import { Output } from './lines.ts'
import { checkProcessOptions, type ProcessOptions } from './options.ts'
import { reportCrash, reportFailure, waitError } from './report.ts'
import { RetryPolicy } from './retry.ts'

/** What happened to a process: see `ctx.events()`. */
export type ProcessEvent = EventOf<Process>

/** @internal */
export type InnerProcessOptions = InnerOptions<Process>

type Phase = 'new' | 'running' | 'retrying' | 'stopping' | 'ended'

/** @internal Looks again whether a process keeps this one alive. */
export let refreshKeepAlive: (process: Process) => void

/**
 * A function that runs in a process of its own.
 *
 *     const process = new Process(async (state, n) => state.set('n', n), address, { args: [5] })
 *     await process.wait()
 */
export class Process<R = unknown> {
  readonly target: Target<R>
  readonly name: string
  readonly namespace: string
  readonly serverAddress: string
  readonly #options: ProcessOptions
  readonly #inner: InnerProcessOptions
  // Let go of at the end: a Context keeps its processes.
  #assignment: Assignment | undefined
  readonly #policy: RetryPolicy
  readonly #output: Output
  readonly #ending: Ending<R>
  #phase: Phase = 'new'
  #attempt: Attempt | undefined
  #pid: number | undefined
  #count = 0
  #reached: Reached | undefined
  #exitCode: number | null = null
  /** Errors of the attempts so far. */
  readonly #causes: unknown[] = []
  #retryTimer: NodeJS.Timeout | undefined
  #calledOff: (() => void)[] = []

  static {
    refreshKeepAlive = process => process.#keepAlive()
  }

  constructor(target: Target<R>, serverAddress: string, options?: ProcessOptions)
  /** @internal */
  constructor(
    target: Target<R>,
    serverAddress: string,
    options: ProcessOptions | undefined,
    inner: InnerProcessOptions,
  )
  constructor(
    target: Target<R>,
    serverAddress: string,
    options: ProcessOptions = {},
    inner: InnerProcessOptions = {},
  ) {
    const { call = 'new Process' } = inner
    checkProcessOptions(options, call)
    checkHome(serverAddress, options.secretKey, call)
    const assignment = assign(target, serverAddress, options, inner.watch, inner.contextModule, call)
    this.#options = options
    this.#inner = inner
    this.#policy = new RetryPolicy(options)
    this.target = target
    this.#assignment = assignment
    this.name = assignment.name
    this.namespace = assignment.namespace
    this.serverAddress = serverAddress
    this.#output = new Output(this.name, options)
    this.#ending = new Ending(this.name, () => this.#keepAlive())
    const { signal } = options
    if (signal?.aborted) void this.stop()
    else if (options.start !== false) this.start()
    if (signal && !signal.aborted) this.#stopOn(signal)
  }

  /** The current child's; the last one's after the end. */
  get pid(): number | undefined {
    return this.#pid
  }

  /** Whether it was started and has not ended for good: between two attempts too. */
  get isAlive(): boolean {
    return this.#phase !== 'new' && this.#phase !== 'ended'
  }

  /** Whether it was not started yet. */
  get isNew(): boolean {
    return this.#phase === 'new'
  }

  /** null until it has ended; -15: a signal, number 15, ended it. */
  get exitCode(): number | null {
    return this.#exitCode
  }

  /** What it prints, with `stdio: 'pipe'`, over all attempts. */
  get stdout(): Readable | null {
    return this.#output.stdout
  }

  get stderr(): Readable | null {
    return this.#output.stderr
  }

  /** Starts it and returns its pid. A second start throws. */
  start(): number {
    if (this.#phase !== 'new') {
      const why = this.#phase === 'ended' ? 'has ended' : 'was started'
      throw new Error(
        `process.start: '${this.name}' ${why} already; make a new Process to run the target again`,
      )
    }
    this.#calledOff.push(whenAskedToStop(() => void this.stop()))
    this.#run()
    return this.pid ?? 0
  }

  /**
   * Resolves with what the target returned, when the process is gone. Rejects with ProcessWaitError when it failed,
   * TimeoutError after `timeout` milliseconds (a later wait still works), or the error of a returned RemoteException.
   */
  wait(options: { timeout?: number } = {}): Promise<R> {
    return this.#ending.wait(options)
  }

  /**
   * SIGTERM, then SIGKILL `killAfter` milliseconds later. Resolves with the exit code when the process is gone.
   * A process that waits for its next attempt stops waiting.
   */
  async stop(options: { killAfter?: number } = {}): Promise<number | null> {
    checkOptions(options, 'process.stop')
    const { killAfter = 5000 } = options
    checkTime(killAfter, 'process.stop', 'killAfter')
    if (this.#phase === 'new' || this.#phase === 'retrying') {
      clearTimeout(this.#retryTimer)
      const words =
        this.#phase === 'new'
          ? 'was stopped before it was started'
          : 'was stopped while it waited to be retried'
      this.#finish({ kind: 'failed', exitCode: this.#exitCode, ...stopped(words) })
    }
    if (this.#phase === 'ended') return this.#exitCode
    this.#phase = 'stopping'
    const attempt = this.#attempt
    attempt?.end()
    // The earliest of several deadlines counts.
    const timer = setTimeout(() => attempt?.kill(), killAfter)
    try {
      await this.#ending.gone()
    } finally {
      clearTimeout(timer)
    }
    return this.#exitCode
  }

  #stopOn(signal: AbortSignal): void {
    const aborted = () => void this.stop()
    signal.addEventListener('abort', aborted, { once: true })
    this.#calledOff.push(() => signal.removeEventListener('abort', aborted))
  }

  #run(): void {
    this.#phase = 'running'
    this.#count++
    const reached = this.#attempt?.reached ?? this.#reached
    this.#reached = reached
    const { tied = true, spares, ready } = this.#inner
    const attempt = launch(this.#options, { tied, spares, stdio: this.#output.stdio })
    this.#attempt = attempt
    this.#pid = attempt.pid
    this.#keepAlive()
    this.#output.read(attempt)
    this.#observe({ type: 'started' })
    const job = (this.#assignment as Assignment).job(this.#count, currentProcess(), reached)
    const began = begin(attempt, job, ready)
    void attempt.outcome.then(async outcome => {
      await this.#output.drained(attempt)
      this.#over((await began) ?? outcome)
    })
  }

  #over(outcome: Outcome): void {
    this.#exitCode = outcome.exitCode
    if (outcome.kind === 'failed') {
      this.#causes.push(outcome.error)
      const delay = this.#phase === 'running' ? this.#nextAttempt(outcome) : undefined
      if (delay !== undefined) return this.#retry(outcome, delay)
    }
    this.#finish(outcome)
  }

  #nextAttempt(failure: Failure): number | undefined {
    try {
      return this.#policy.next(failure)
    } catch (error) {
      // The user's own function of the delay failed: that is what the process ends with.
      failure.error = error
      failure.words = `${failure.words}; then its retryDelay failed`
      return undefined
    }
  }

  #retry(failure: Failure, delay: number): void {
    this.#phase = 'retrying'
    reportCrash(this.name, this.pid, this.#count, failure, delay)
    this.#observe({ type: 'retrying', reason: failure.words, error: failure.error, delay })
    this.#retryTimer = after(delay, () => {
      this.#exitCode = null
      this.#run()
    })
    this.#keepAlive()
  }

  #finish(outcome: Outcome): void {
    const asked = this.#phase === 'stopping'
    this.#phase = 'ended'
    for (const callOff of this.#calledOff) callOff()
    this.#output.end()
    if (outcome.kind === 'failed' && !this.#ending.awaited && !asked && this.#count > 0)
      reportFailure(this.name, this.pid, outcome)
    const failed = outcome.kind === 'failed' ? outcome : undefined
    this.#observe({
      type: 'exited',
      reason: failed?.words ?? 'returned',
      error: outcome.kind === 'returned' ? undefined : outcome.error,
      exitCode: outcome.exitCode,
    })
    if (outcome.kind === 'returned') this.#ending.resolve(outcome.value as R)
    else if (outcome.kind === 'rejected') this.#ending.reject(outcome.error)
    else this.#ending.reject(waitError(this, this.#count, outcome, this.#causes))
    this.#attempt = undefined
    this.#assignment = undefined
  }

  // While somebody waits for it, or its context does, its child, or its next attempt, keeps this process alive.
  #keepAlive(): void {
    const alive = this.#ending.awaited || this.#inner.hold?.() === true
    this.#attempt?.keepAlive(alive && this.#phase !== 'ended')
    if (alive) this.#retryTimer?.ref()
    else this.#retryTimer?.unref()
  }

  #observe(what: Happening): void {
    this.#inner.observe?.({
      process: this,
      name: this.name,
      pid: this.pid,
      attempt: this.#count,
      time: Date.now(),
      ...what,
    })
  }
}

const stopped = (words: string): Failure => ({
  reason: 'signal',
  error: undefined,
  classes: [],
  signal: undefined,
  words,
})
