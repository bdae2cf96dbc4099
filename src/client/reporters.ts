import { Ask } from '../protocol/kinds-of-requests.ts'
import type { ClientMessage } from '../protocol/messages.ts'
import type { Reporter } from '../store/store.ts'

/** The parts of this program that have processes on one server. Nothing is counted before the server asks. */
export class Reporters {
  readonly #send: (message: ClientMessage) => void
  readonly #all = new Set<Reporter>()

  constructor(send: (message: ClientMessage) => void) {
    this.#send = send
  }

  add(reporter: Reporter): () => void {
    this.#all.add(reporter)
    return () => this.#all.delete(reporter)
  }

  /** The server of this session does not know that there is something to ask for. */
  begin(): void {
    if (this.#all.size > 0) this.#send([Ask.reports])
  }

  /** Answers the server's question. */
  async report(): Promise<void> {
    const reports = await Promise.all(Array.from(this.#all, one => one.report()))
    this.#send([
      Ask.reported,
      {
        processes: reports.flatMap(({ processes }) => processes),
        pools: reports.flatMap(({ pools }) => pools),
        more: reports.reduce((sum, { more }) => sum + more, 0),
      },
    ])
  }

  /** Answers the server's question what a process has printed. */
  printed(question: number, id: number): void {
    const found = Array.from(this.#all, one => one.output(id)).find(report => report !== undefined)
    this.#send([Ask.printed, question, found ?? null])
  }

  /** Ends a process. */
  end(id: number): void {
    for (const one of this.#all) if (one.end(id)) return
  }
}
