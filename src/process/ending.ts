import { type Deferred, deferred } from '../async/deferred.ts'
import { interruptible } from '../async/interrupt.ts'
import { after, cancel } from '../async/interval.ts'
import { TimeoutError } from '../errors.ts'
import { readOptions } from '../protocol/options.ts'
import { type WaitOptions, waitFields } from './options.ts'

/** The end of a process, and those who wait for it. */
export class Ending<R> {
  readonly #name: string
  /** Called when the first one begins to wait, and when the last one stops. */
  readonly #onAwaited: () => void
  readonly #value: Deferred<R> = deferred()
  readonly #gone: Deferred<void> = deferred()
  #waiting = 0
  #over = false
  /** Whether a `wait()` or `stop()` has told the end. */
  told = false

  constructor(name: string, onAwaited: () => void) {
    this.#name = name
    this.#onAwaited = onAwaited
    // Whoever waits hears of a failure; who else does is up to the process.
    this.#value.promise.catch(() => {})
  }

  /** Whether somebody waits: that keeps this process alive. */
  get awaited(): boolean {
    return this.#waiting > 0
  }

  /** See `process.wait`. */
  async wait(options: WaitOptions): Promise<R> {
    const { timeout } = readOptions(waitFields, options, 'process.wait')
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = after(timeout, () =>
        reject(new TimeoutError(`process.wait: '${this.#name}' has not ended within ${timeout} ms`)),
      )
    })
    try {
      return await this.#await(interruptible(() => Promise.race([this.#value.promise, late])))
    } finally {
      cancel(timer)
    }
  }

  /** Resolves at the end, whatever it is. */
  gone(): Promise<void> {
    return this.#await(this.#gone.promise)
  }

  resolve(value: R): void {
    this.#over = true
    this.#value.resolve(value)
    this.#gone.resolve()
  }

  reject(error: unknown): void {
    this.#over = true
    this.#value.reject(error)
    this.#gone.resolve()
  }

  async #await<T>(promise: Promise<T>): Promise<T> {
    if (this.#waiting++ === 0) this.#onAwaited()
    try {
      return await promise
    } finally {
      if (this.#over) this.told = true
      if (--this.#waiting === 0) this.#onAwaited()
    }
  }
}
