import { cancel, holdOpen } from '../async/interval.ts'

/** What keeps the program alive while somebody waits for a store: its connections never do. */
export class Wakefulness {
  readonly #asked: { readonly size: number }
  #awaited = 0
  #awake = true
  readonly #timer = holdOpen()

  /** `asked`: what was asked and is not answered. */
  constructor(asked: { readonly size: number }) {
    this.#asked = asked
  }

  get wanted(): boolean {
    return this.#asked.size > 0 || this.isAwaiting
  }

  /** Whether something is awaited that comes unasked. */
  get isAwaiting(): boolean {
    return this.#awaited > 0
  }

  /** Something may have been asked. */
  wake(): void {
    if (this.#awake || !this.wanted) return
    this.#awake = true
    this.#timer.ref()
  }

  /** Something is awaited until what this returns is called. */
  keep(): () => void {
    this.#awaited++
    this.wake()
    return () => {
      this.#awaited--
      this.rest()
    }
  }

  /**
   * Something may be over. A timer that lets go later would cost more than to let go and hold on at each call: while a timer
   * is due within milliseconds, the system sets its clock each time that the program waits for a socket.
   */
  rest(): void {
    if (!this.#awake || this.wanted) return
    this.#awake = false
    this.#timer.unref()
  }

  /** Nobody will wait any more. */
  end(): void {
    cancel(this.#timer)
  }
}
