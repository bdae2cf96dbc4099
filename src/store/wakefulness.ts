import { after, cancel, holdOpen } from '../async/interval.ts'

// Milliseconds without a pending call after which a store does not keep the program alive any more.
const LET_GO = 5

/** What keeps the program alive while somebody waits for a store: its connections never do. */
export class Wakefulness {
  readonly #asked: { readonly size: number }
  #awaited = 0
  #awake = true
  readonly #timer = holdOpen()
  #lettingGo: NodeJS.Timeout | undefined

  /** `asked`: what was asked and is not answered. */
  constructor(asked: { readonly size: number }) {
    this.#asked = asked
  }

  get wanted(): boolean {
    return this.#asked.size > 0 || this.#awaited > 0
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

  /** Something may be over. Whoever waited may well ask again: to let go after each answer would be work for nothing. */
  rest(): void {
    this.#lettingGo ??= after(LET_GO, () => {
      this.#lettingGo = undefined
      if (!this.#awake || this.wanted) return
      this.#awake = false
      this.#timer.unref()
    })?.unref()
  }

  /** Nobody will wait any more. */
  end(): void {
    cancel(this.#timer)
  }
}
