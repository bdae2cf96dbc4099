import type { Readable } from 'node:stream'
import { type Deferred, deferred } from '../async/deferred.ts'
import { interruptible } from '../async/interrupt.ts'
import { after, checkTime } from '../async/interval.ts'
import { ProcessWaitError, TimeoutError } from '../errors.ts'
import { parseAddress } from '../protocol/address.ts'
import { describe } from '../protocol/values.ts'
import { type Assignment, assign, type Reached, type Target, type WatchAssignment } from './assignment.ts'
import type { Attempt, Failure, Outcome } from './attempt.ts'
import { Child } from './child.ts'
import { currentProcess, whenAskedToStop } from './current.ts'
import { Output } from './lines.ts'
import { checkProcessOptions, type ProcessOptions } from './options.ts'
import { reportCrash, reportFailure } from './report.ts'
import { RetryPolicy } from './retry.ts'
import type { Spares } from './spares.ts'
import { Thread } from './thread.ts'

/** What happened to a process: see `ctx.events()`. */
export type ProcessEvent = {
  process: Process
  name: string
  pid: number | undefined
  attempt: number
  time: number
} & (
  | { type: 'started' }
  /** `reason` in words, `error` as thrown in the child, the next attempt in `delay` milliseconds. */
  | { type: 'retrying'; reason: string; error: unknown; delay: number }
  | { type: 'exited'; reason: string; error: unknown; exitCode: number | null }
)

/** @internal What a Context says besides. */
export interface InnerProcessOptions {
  /** The server is being started. */
  ready?: Promise<unknown>
  watch?: WatchAssignment
  contextModule?: string
  /** false: it survives this process. */
  tied?: boolean
  /** Whether it keeps this process alive while it runs. */
  hold?(): boolean
  spares?: Spares
  /** The call, for messages. Default 'new Process'. */
  call?: string
  observe?(event: ProcessEvent): void
}

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
  readonly #ended: Deferred<R> = deferred()
  readonly #gone: Deferred<void> = deferred()
  #phase: Phase = 'new'
  #attempt: Attempt | undefined
  #pid: number | undefined
  #count = 0
  #reached: Reached | undefined
  #exitCode: number | null = null
  /** Errors of the attempts so far. */
  readonly #causes: unknown[] = []
  /** How many calls wait for its end: they keep this process alive. */
  #waiting = 0
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
    parseAddress(serverAddress, call)
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
    // Whoever waits hears of a failure; see also #finish.
    this.#ended.promise.catch(() => {})
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
  async wait(options: { timeout?: number } = {}): Promise<R> {
    if (typeof options !== 'object' || options === null)
      throw new TypeError(`process.wait: the options must be an object, got ${describe(options)}`)
    const { timeout } = options
    checkTime(timeout, 'process.wait', 'timeout')
    this.#waiting++
    this.#keepAlive()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = after(timeout, () =>
        reject(new TimeoutError(`process.wait: '${this.name}' has not ended within ${timeout} ms`)),
      )
    })
    try {
      return await interruptible(() => Promise.race([this.#ended.promise, late]))
    } finally {
      clearTimeout(timer)
      this.#waiting--
      this.#keepAlive()
    }
  }

  /**
   * SIGTERM, then SIGKILL `killAfter` milliseconds later. Resolves with the exit code when the process is gone.
   * A process that waits for its next attempt stops waiting.
   */
  async stop(options: { killAfter?: number } = {}): Promise<number | null> {
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
    this.#waiting++
    this.#keepAlive()
    try {
      await this.#gone.promise
    } finally {
      clearTimeout(timer)
      this.#waiting--
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
    const attempt = this.#launch()
    this.#attempt = attempt
    this.#pid = attempt.pid
    this.#keepAlive()
    this.#output.read(attempt)
    this.#observe({ type: 'started' })
    const began = this.#give(attempt)
    void attempt.outcome.then(async outcome => {
      await this.#output.drained(attempt)
      this.#over((await began) ?? outcome)
    })
  }

  #launch(): Attempt {
    const { backend, execArgv = [], env, memoryLimit } = this.#options
    const { tied = true, spares } = this.#inner
    const stdio = this.#output.stdio
    const settings = { tied, execArgv, env, memoryLimit, stdio }
    if (backend === 'thread') return new Thread(settings)
    return spares?.take(settings) ?? new Child(settings)
  }

  /** Gives the child its job. Resolves with an outcome, if there is none to be given. */
  async #give(attempt: Attempt): Promise<Outcome | undefined> {
    const { ready } = this.#inner
    const job = (this.#assignment as Assignment).job(this.#count, currentProcess(), this.#reached)
    if (!ready && !(job instanceof Promise)) {
      attempt.give(job)
      return undefined
    }
    try {
      await ready
      attempt.give(await job)
      return undefined
    } catch (error) {
      attempt.kill()
      const words = `failed before its target ran: ${error instanceof Error ? error.message : String(error)}`
      const failure: Failure = { reason: 'boot', error, classes: [], signal: undefined, words }
      return { kind: 'failed', exitCode: null, ...failure }
    }
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
    if (outcome.kind === 'returned') this.#ended.resolve(outcome.value as R)
    else if (outcome.kind === 'rejected') this.#ended.reject(outcome.error)
    else {
      if (this.#waiting === 0 && !asked && this.#count > 0) reportFailure(this.name, this.pid, outcome)
      this.#ended.reject(this.#waitError(outcome))
    }
    const failed = outcome.kind === 'failed' ? outcome : undefined
    this.#observe({
      type: 'exited',
      reason: failed?.words ?? 'returned',
      error: outcome.kind === 'returned' ? undefined : outcome.error,
      exitCode: outcome.exitCode,
    })
    this.#gone.resolve()
    this.#attempt = undefined
    this.#assignment = undefined
  }

  #waitError(failure: Failure & { exitCode: number | null }): ProcessWaitError {
    const where = this.pid === undefined ? '' : ` (pid ${this.pid})`
    const times = this.#count > 1 ? `, in attempt ${this.#count} as in those before` : ''
    return new ProcessWaitError(
      `process '${this.name}'${where} ${failure.words}${times}`,
      failure.exitCode,
      this,
      {
        cause: failure.error,
        causes: this.#causes,
      },
    )
  }

  // While somebody waits for it, or its context does, its child, or its next attempt, keeps this process alive.
  #keepAlive(): void {
    const alive = this.#waiting > 0 || this.#inner.hold?.() === true
    this.#attempt?.keepAlive(alive && this.#phase !== 'ended')
    if (alive) this.#retryTimer?.ref()
    else this.#retryTimer?.unref()
  }

  #observe(
    what:
      | { type: 'started' }
      | { type: 'retrying'; reason: string; error: unknown; delay: number }
      | { type: 'exited'; reason: string; error: unknown; exitCode: number | null },
  ): void {
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
