import type { Readable } from 'node:stream'
import type { InspectOptionsStylized } from 'node:util'
import { onAbort } from '../async/aborted.ts'
import { Broadcast } from '../async/broadcast.ts'
import { after, cancel, wallClock } from '../async/interval.ts'
import { SHOWN, shown } from '../async/shown.ts'
import { checkHome } from '../engines/engines.ts'
import type { OutputReport, ProcessReport } from '../protocol/context-report.ts'
import { readOptions } from '../protocol/options.ts'
import { inject } from '../tracing/carried.ts'
import { isTraced, processes } from '../tracing/channels.ts'
import { assign, type Target } from './assignment.ts'
import type { Outcome } from './attempt.ts'
import { Attempts } from './attempts.ts'
import { whenAskedToStop } from './current.ts'
import { Ending } from './ending.ts'
import type { EventOf, Happening, InnerOptions } from './inner.ts'
import {
  type ProcessOptions,
  readProcessOptions,
  type StopOptions,
  stopFields,
  type WaitOptions,
} from './options.ts'
import type { Pulse } from './pulse.ts'
import { reportFailure, waitError } from './report.ts'
import { TracedProcess } from './traced.ts'

/** What happened to a process: an attempt was started, is tried again, or the process has ended. See `ctx.events()`. */
export type ProcessEvent = EventOf<Process>

/** @internal */
export type InnerProcessOptions = InnerOptions<Process>

// Lines of stderr that an error about the end of a worker shows.
const TAIL_LINES = 5

/** @internal The last lines that a process wrote to stderr, if it was made to keep them. */
export let stderrTailOf: (process: Process) => string
/** @internal Looks again whether a process keeps this one alive. */
export let refreshKeepAlive: (process: Process) => void

/** @internal Asks the target of a process how it is; undefined: none runs. */
export let pulseOf: (process: Process) => Pulse | undefined
/** @internal The number of a process among those that this program has made. */
export let idOf: (process: Process) => number
/** @internal What there is to say of a process, in milliseconds that have passed in place of times. */
export let reportOf: (process: Process) => ProcessReport
/** @internal The last lines that it has printed, where this program reads them. */
export let outputOf: (process: Process) => OutputReport

/** @internal Whether a process has ended and somebody's `wait()` has told it. */
export let isDealtWith: (process: Process) => boolean

// How many there were.
let count = 0

/**
 * A function, the target, that runs in a process of its own.
 *
 *     const process = new Process(async (state, n) => state.set('n', n), address, { args: [5] })
 *     await process.wait()
 */
export class Process<R = unknown> {
  /** The function that it runs, or the URL of a module whose default export it runs. */
  readonly target: Target<R>
  /** The option `name`, or the target's name. */
  readonly name: string
  /** The namespace of the State that the target gets. */
  readonly namespace: string
  /** The address of the server that the target's State uses. */
  readonly serverAddress: string
  readonly #number = ++count
  readonly #backend: 'process' | 'thread'
  readonly #inner: InnerProcessOptions
  readonly #attempts: Attempts
  readonly #ending: Ending<R>
  readonly #messages = new Broadcast<unknown>(() => this.#attempts.keepAlive())
  #calledOff: (() => void)[] = []
  #traced: TracedProcess | undefined

  static {
    stderrTailOf = process => {
      const lines = process.#attempts.output.stderrTail.trimEnd().split('\n')
      return lines.slice(-TAIL_LINES).join('\n')
    }
    isDealtWith = process => process.#attempts.isOver && process.#ending.told
    refreshKeepAlive = process => process.#attempts.keepAlive()
    pulseOf = process => process.#attempts.pulse
    idOf = process => process.#number
    outputOf = process => process.#attempts.output.report()
    reportOf = process => ({
      id: process.#number,
      name: process.name,
      target: targetName(process.target),
      backend: process.#backend,
      ...process.#attempts.describe(),
    })
  }

  /**
   * Starts a process for `target`, unless `start: false`, and returns at once. Throws TypeError or RangeError for a wrong
   * argument, `ZPROC_SHIPPING` for a target that cannot be sent.
   */
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
    given: ProcessOptions = {},
    inner: InnerProcessOptions = {},
  ) {
    const { call = 'new Process' } = inner
    const options = readProcessOptions(given, call)
    const address = checkHome(serverAddress, options.secretKey, call)
    const assignment = assign(target, address, options, inner.watch, inner.contextModule, call)
    this.#inner = inner
    this.#backend = options.backend ?? 'process'
    this.target = target
    this.name = assignment.name
    this.namespace = assignment.namespace
    this.serverAddress = address
    this.#ending = new Ending(this.name, () => this.#attempts.keepAlive())
    this.#attempts = new Attempts(assignment, options, inner, {
      happened: what => this.#observe(what),
      message: message => this.#messages.add(message),
      over: (outcome, asked) => this.#over(outcome, asked),
      // While its end or a message of its is awaited, or its context has a reason.
      needed: () => this.#ending.awaited || this.#messages.awaited || inner.hold?.() === true,
    })
    const { signal } = options
    if (signal?.aborted) void this.stop()
    else if (options.start !== false) this.start()
    if (signal && !signal.aborted) this.#calledOff.push(onAbort(signal, () => void this.stop()))
  }

  /** The process id of the running child; after the end that of the last one; undefined before the start. */
  get pid(): number | undefined {
    return this.#attempts.pid
  }

  /** Whether it was started and has not ended for good: between two attempts too. */
  get isAlive(): boolean {
    return !this.#attempts.isNew && !this.#attempts.isOver
  }

  /** Whether it was not started yet. */
  get isNew(): boolean {
    return this.#attempts.isNew
  }

  /** The exit code; null until it has ended; minus the number of the signal that ended it, such as -15. */
  get exitCode(): number | null {
    return this.#attempts.exitCode
  }

  /** What it prints, with `stdio: 'pipe'`, over all attempts; else null. */
  get stdout(): Readable | null {
    return this.#attempts.output.stdout
  }

  /** What it writes to stderr, with `stdio: 'pipe'`, over all attempts; else null. */
  get stderr(): Readable | null {
    return this.#attempts.output.stderr
  }

  /** @internal */
  [SHOWN](depth: number, options: InspectOptionsStylized): string {
    const { name, pid, namespace, serverAddress, isAlive, exitCode } = this
    const ended = isAlive || this.isNew ? undefined : exitCode
    const fields = { name, pid, isAlive, exitCode: ended, namespace, serverAddress }
    return shown('Process', fields, depth, options)
  }

  /** Starts it and returns its pid. A second start throws. */
  start(): number {
    if (!this.isNew) {
      const why = this.#attempts.isOver ? 'has ended' : 'was started'
      throw new Error(
        `process.start: '${this.name}' ${why} already; make a new Process to run the target again`,
      )
    }
    this.#calledOff.push(whenAskedToStop(() => void this.stop()))
    this.#begin()
    return this.pid ?? 0
  }

  /**
   * Resolves with what the target returned, when the process is gone. Rejects with `ZPROC_PROCESS_WAIT` when it failed, with
   * `ZPROC_TIMEOUT` after `timeout` milliseconds (a later wait still works), or with the error of a returned RemoteException.
   */
  wait(options: WaitOptions = {}): Promise<R> {
    return this.#ending.wait(options)
  }

  /**
   * What the target sends with `process.send(message)`, or `parentPort.postMessage(message)` in a thread, from this call
   * on and over all attempts. Ends when the process has ended.
   *
   *     for await (const message of p.messages()) if (message === 'ready') break
   */
  messages(): AsyncIterableIterator<unknown> {
    return this.#messages.iterate()
  }

  /**
   * Gives the target a message: its event 'message' of `process`, or of `parentPort` in a thread. false: the target does
   * not run at present. Throws for what cannot be copied, such as a function.
   */
  send(message: unknown): boolean {
    return this.#attempts.send(message)
  }

  /**
   * Sends SIGTERM, and SIGKILL `killAfter` (default 5000) milliseconds later. Resolves with the exit code when the process is
   * gone.
   * A process that waits for its next attempt stops waiting.
   */
  async stop(options: StopOptions = {}): Promise<number | null> {
    const { killAfter = 5000 } = readOptions(stopFields, options, 'process.stop')
    const kill = this.#attempts.stop()
    if (!kill) return this.exitCode
    // The earliest of several deadlines counts.
    const timer = after(killAfter, kill)
    try {
      await this.#ending.gone()
    } finally {
      cancel(timer)
    }
    return this.exitCode
  }

  #begin(): void {
    const begin = () => this.#attempts.begin(this.#inner.isOwn ? null : inject())
    if (this.#inner.isOwn || !isTraced(processes)) return begin()
    this.#traced = new TracedProcess(this, this.#backend, begin)
  }

  #over(outcome: Outcome, asked: boolean): void {
    const { count, causes } = this.#attempts
    for (const callOff of this.#calledOff) callOff()
    const failed = outcome.kind === 'failed' ? outcome : undefined
    if (failed && !this.#ending.awaited && !asked && count > 0)
      reportFailure(this.#inner.logger, this.name, this.pid, failed)
    this.#observe({
      type: 'exited',
      reason: failed?.words ?? 'returned',
      error: outcome.kind === 'returned' ? undefined : outcome.error,
      exitCode: outcome.exitCode,
    })
    this.#messages.end()
    if (outcome.kind === 'returned') {
      this.#ending.resolve(outcome.value as R)
      this.#traced?.end(undefined)
    } else {
      const error = outcome.kind === 'rejected' ? outcome.error : waitError(this, count, outcome, causes)
      this.#ending.reject(error)
      // To be stopped is no failure.
      this.#traced?.end(asked ? undefined : { error })
    }
  }

  #observe(what: Happening): void {
    this.#traced?.look(this.#attempts.count)
    this.#inner.observe?.({
      process: this,
      name: this.name,
      pid: this.pid,
      attempt: this.#attempts.count,
      time: wallClock(),
      ...what,
    })
  }
}

const targetName = (target: Target): string =>
  target instanceof URL ? target.pathname : target.name || '(anonymous)'
