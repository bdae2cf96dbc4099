import { onAbort } from '../async/aborted.ts'
import type { Deferred } from '../async/deferred.ts'
import { onInterrupt, takeInterrupt } from '../async/interrupt.ts'
import { after, cancel, type Timer } from '../async/interval.ts'
import {
  AuthenticationError,
  ClosedError,
  ConnectionError,
  MissedUpdatesError,
  TimeoutError,
} from '../errors.ts'
import type { Call } from './condition.ts'
import type { Link } from './link.ts'
import type { WatchOptions } from './options.ts'

/** What is told how a search ends. */
export interface Outcome<T> {
  /** False: the wait was over, and `value` is handed to nobody. */
  found(value: T): boolean
  /** By an error that is passed on as it is. */
  failed(error: unknown): void
  /** By an error that all watchers of the connection share. */
  lost(error: unknown): void
}

/** One wait, and all that can end it: what it waits for, an error, its timeout, its signal, an interruption, a close. */
export class Wait<T> implements Outcome<T> {
  over = false
  /** Called when it is over. */
  leave: (() => void) | undefined
  readonly #link: Link
  readonly #call: Call
  readonly #atClose: T | undefined
  readonly promise: Promise<T>
  #resolve!: Deferred<T>['resolve']
  #reject!: Deferred<T>['reject']
  // What is called when it is over: many waits are begun at each update, so each of these is one function at most.
  #release: (() => void) | undefined
  #callOff: (() => void) | undefined
  #unlisten: (() => void) | undefined
  #timer: Timer | undefined
  // The error that was made for this wait alone.
  #error: Error | undefined

  /** `atClose`: what it comes to when the State is closed. */
  constructor(link: Link, { timeout, signal }: WatchOptions, call: Call, atClose?: T) {
    this.#link = link
    this.#call = call
    this.#atClose = atClose
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const early = signal?.aborted ? signal.reason : takeInterrupt()
    if (early !== undefined) {
      this.failed(early)
      return
    }
    link.waits.add(this)
    this.#release = link.connection.keepAwaited()
    this.#callOff = onInterrupt(this.#interrupted)
    if (timeout !== undefined) this.#endAfter(timeout)
    if (signal) this.#endWith(signal)
  }

  readonly #interrupted = (error: Error): boolean => {
    this.failed(error)
    return true
  }

  #endAfter(timeout: number): void {
    this.#timer = after(timeout, () => this.lost(new TimeoutError(`nothing came within ${timeout} ms`)))
  }

  #endWith(signal: AbortSignal): void {
    this.#unlisten = onAbort(signal, () => this.failed(signal.reason))
  }

  found(value: T): boolean {
    if (!this.#end()) return false
    this.#resolve(value)
    return true
  }

  failed(error: unknown): void {
    if (this.#end()) this.#reject(error)
  }

  lost(error: unknown): void {
    if (this.#end()) this.#reject(this.#told(error))
  }

  /** The program has closed the State. */
  closed(error: Error): void {
    if (this.#atClose !== undefined) this.found(this.#atClose)
    else this.lost(error)
  }

  /** False: it was over already. */
  #end(): boolean {
    if (this.over) return false
    this.over = true
    this.#link.waits.delete(this)
    this.#release?.()
    this.#callOff?.()
    this.#unlisten?.()
    if (this.#timer) cancel(this.#timer)
    this.leave?.()
    return true
  }

  /**
   * For an async function that has awaited the promise in vain: the error's stack becomes that of `below` and of the code
   * that awaits it. To take the stack before each wait would take as long as the rest of the wait.
   */
  // biome-ignore lint/complexity/noBannedTypes: any function, which is not called
  retrace(below: Function): void {
    if (this.#error) Error.captureStackTrace(this.#error, below)
  }

  /** The error as it is told here: by the call that waited, with the stack of that call. */
  #told(error: unknown): unknown {
    if (!(error instanceof Error)) return error
    const { keys, name, trace } = this.#call
    const { namespace, connection } = this.#link
    const about = keys.length === 0 ? '' : `key ${keys.map(key => `'${key}'`).join(', ')}, `
    const told = as(
      error,
      `${name}: ${error.message} (${about}namespace '${namespace}' at ${connection.address})`,
    )
    if (!told) return error
    this.#error = told
    const stack = trace?.stack ?? ''
    const frames = stack.indexOf('\n    at ')
    if (frames < 0) return told
    const value = `${told.name}: ${told.message}${stack.slice(frames)}`
    return Object.defineProperty(told, 'stack', { value, ...HIDDEN })
  }
}

const HIDDEN = { writable: true, enumerable: false, configurable: true }

/** The same kind of error with another message; undefined: it is none that is shared. */
function as(error: Error, message: string): Error | undefined {
  if (error instanceof TimeoutError) return new TimeoutError(message)
  if (error instanceof ClosedError) return new ClosedError(message)
  const cause = { cause: error }
  if (error instanceof MissedUpdatesError) return new MissedUpdatesError(error.from, error.to, message)
  if (error instanceof ConnectionError)
    return new ConnectionError(message, { ...cause, outcome: error.outcome })
  if (error instanceof AuthenticationError) return new AuthenticationError(message, cause)
  return undefined
}
