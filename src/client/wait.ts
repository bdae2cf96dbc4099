import { type Deferred, deferred } from '../async/deferred.ts'
import { onInterrupt, takeInterrupt } from '../async/interrupt.ts'
import { after, cancel } from '../async/interval.ts'
import { TimeoutError } from '../errors.ts'
import type { Store } from '../store/store.ts'
import type { WatchOptions } from './options.ts'

/** Who is told of what a search comes to. */
export interface Outcome<T> {
  found(value: T): void
  failed(error: unknown): void
}

/** One wait, and all that can end it: what it waits for, an error, its timeout, its signal, an interruption. */
export class Wait<T> implements Outcome<T> {
  over = false
  /** Called when it is over. */
  leave: (() => void) | undefined
  readonly #settled: Deferred<T> = deferred<T>()
  #letGo: (() => void) | undefined

  constructor(connection: Store, { timeout, signal }: WatchOptions, call: string) {
    const early = signal?.aborted ? signal.reason : takeInterrupt()
    if (early !== undefined) {
      this.failed(early)
      return
    }
    const release = connection.keepAwaited()
    const callOff = onInterrupt(error => {
      this.failed(error)
      return true
    })
    const timer = after(timeout, () =>
      this.failed(new TimeoutError(`${call}: nothing came within ${timeout} ms`)),
    )
    const aborted = signal && (() => this.failed(signal.reason))
    if (aborted) signal.addEventListener('abort', aborted, { once: true })
    this.#letGo = () => {
      release()
      callOff()
      cancel(timer)
      if (aborted) signal.removeEventListener('abort', aborted)
    }
  }

  get promise(): Promise<T> {
    return this.#settled.promise
  }

  found(value: T): void {
    if (this.#end()) this.#settled.resolve(value)
  }

  failed(error: unknown): void {
    if (this.#end()) this.#settled.reject(error)
  }

  /** False: it was over already. */
  #end(): boolean {
    if (this.over) return false
    this.over = true
    this.#letGo?.()
    this.leave?.()
    return true
  }
}
