import { type Deferred, deferred } from '../async/deferred.ts'
import { after, cancel } from '../async/interval.ts'
import type { OutputReport } from '../protocol/context-report.ts'

// Milliseconds in which a program says what one of its processes has printed; questions to it at a time.
const PATIENCE = 1000
const MOST = 100

/** What one program is asked of the output of its processes. */
export class Outputs {
  readonly #ask: (question: number, process: number) => void
  readonly #asked = new Map<number, Deferred<OutputReport | null>>()
  #last = 0

  /** `ask` sends a question. */
  constructor(ask: (question: number, process: number) => void) {
    this.#ask = ask
  }

  /** What it has said; null: nothing in time, or there is no such process. */
  async of(process: number): Promise<OutputReport | null> {
    if (this.#asked.size === MOST) return null
    const question = ++this.#last
    const answer = deferred<OutputReport | null>()
    this.#asked.set(question, answer)
    this.#ask(question, process)
    const timer = after(PATIENCE, () => answer.resolve(null))?.unref()
    try {
      return await answer.promise
    } finally {
      this.#asked.delete(question)
      cancel(timer)
    }
  }

  told(question: unknown, report: OutputReport | null): void {
    this.#asked.get(question as number)?.resolve(report)
  }

  /** The program says nothing more. */
  over(): void {
    for (const answer of this.#asked.values()) answer.resolve(null)
  }
}
