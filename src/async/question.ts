import { type Deferred, deferred } from './deferred.ts'
import { after, cancel, monotonic } from './interval.ts'

/** A question to another program or thread, which answers it in a turn of its event loop, if that turns. */
export class Question<A> {
  readonly #send: () => void
  #latest: A | undefined
  #asked = 0
  #answer: Deferred<A | undefined> | undefined

  /** `send` asks. */
  constructor(send: () => void) {
    this.#send = send
  }

  /** The latest answer. */
  get latest(): A | undefined {
    return this.#latest
  }

  /** Asks, unless an answer is missing already. Resolves with the answer; undefined: there will be none. */
  ask(): Promise<A | undefined> {
    if (!this.#answer) {
      this.#answer = deferred()
      this.#asked = monotonic()
      this.#send()
    }
    return this.#answer.promise
  }

  answered(answer: A): void {
    this.#latest = answer
    this.#settle(answer)
  }

  /** There will be no answer. */
  over(): void {
    this.#settle(undefined)
  }

  #settle(answer: A | undefined): void {
    this.#answer?.resolve(answer)
    this.#answer = undefined
  }

  /** For how many milliseconds an answer is missing; null: none is. */
  get silent(): number | null {
    return this.#answer ? monotonic() - this.#asked : null
  }
}

/**
 * Asks them all. Resolves when they have answered, or `patience` milliseconds later; undefined: there is nothing to wait for. What
 * has not answered for so long is waited for no more.
 */
export function askAll(
  questions: Iterable<Pick<Question<unknown>, 'ask' | 'silent'>>,
  patience: number,
): Promise<void> | undefined {
  const awaited: Promise<unknown>[] = []
  for (const question of questions) {
    const { silent } = question
    const answer = question.ask()
    if (silent === null || silent < patience) awaited.push(answer)
  }
  if (awaited.length === 0) return undefined
  return new Promise(resolve => {
    const timer = after(patience, resolve)?.unref()
    void Promise.all(awaited).then(() => {
      cancel(timer)
      resolve()
    })
  })
}
