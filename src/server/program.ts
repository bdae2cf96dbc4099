import { Question } from '../async/question.ts'
import type { ContextReport, OutputReport } from '../protocol/context-report.ts'
import { type ServerMessage, Tell } from '../protocol/messages.ts'
import { Outputs } from './outputs.ts'
import { readOutput, readReport } from './reports.ts'

/** The program of a session, as far as its processes are concerned: it is asked for them, and ends them. */
export class Program {
  readonly #send: (message: ServerMessage) => void
  // Which processes it has, if it has any.
  #processes: Question<ContextReport> | undefined
  readonly #outputs = new Outputs((question, process) => this.#send([Tell.output, question, process]))

  constructor(send: (message: ServerMessage) => void) {
    this.#send = send
  }

  /** What it said of its processes; undefined: nothing. */
  get reportedLast(): ContextReport | undefined {
    return this.#processes?.latest
  }

  /** Asks it which processes it has; undefined: it has none. */
  get question(): Question<ContextReport> | undefined {
    return this.#processes
  }

  /** It has processes of which it can say how they are. */
  hasProcesses(): void {
    this.#processes ??= new Question(() => this.#send([Tell.report]))
  }

  /** It has said so. */
  reported(report: unknown): void {
    this.#processes?.answered(readReport(report))
  }

  /** It has said what a process of its has printed. */
  printed(question: unknown, report: unknown): void {
    this.#outputs.told(question, readOutput(report))
  }

  /** Whether it has said that it has this process. */
  has(process: unknown): process is number {
    const { processes = [], pools = [] } = this.reportedLast ?? {}
    return [...processes, ...pools.flatMap(({ workers }) => workers)].some(({ id }) => id === process)
  }

  /** Has it end a process of its own. */
  end(process: number): void {
    this.#send([Tell.endProcess, process])
  }

  /** The last lines that a process of its own has printed; null: it does not say. */
  outputOf(process: number): Promise<OutputReport | null> {
    return this.#outputs.of(process)
  }

  /** It says nothing more. */
  over(): void {
    this.#processes?.over()
    this.#outputs.over()
  }
}
