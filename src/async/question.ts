import { type Deferred, deferred } from './deferred.ts'
import { monotonic } from './interval.ts'

/** A question to another program or thread, which answers it in a turn of its event loop, if that turns. */
export class Question<A> {
  readonly #send: () => void
  #latest: A | undefined
  #asked = 0
  #answer: Deferred<void> | undefined

  /** `send` asks. */
  constructor(send: () => void) {
    this.#send = send
  }

  /** The latest answer. */
  get latest(): A | undefined {
    return this.#latest
  }

  /** Asks, unless an answer is missing already. Resolves when it is there. */
  ask(): Promise<void> {
    if (!this.#answer) {
      this.#answer = deferred()
      this.#asked = monotonic()
      this.#send()
    }
    return this.#answer.promise
  }

  readonly answered = (answer: A): void => {
    this.#latest = answer
    this.over()
  }

  /** There will be no answer. */
  over(): void {
    this.#answer?.resolve()
    this.#answer = undefined
  }

  /** For how many milliseconds an answer is missing; null: none is. */
  get silent(): number | null {
    return this.#answer ? monotonic() - this.#asked : null
  }
}
