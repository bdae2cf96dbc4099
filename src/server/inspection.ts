import type { OutputReport } from '../protocol/context-report.ts'
import { Ask } from '../protocol/kinds-of-requests.ts'
import { type ServerMessage, Tell } from '../protocol/messages.ts'
import type { Core } from './core.ts'
import { checkLimit, type Described, describeServer } from './describe.ts'
import { DescriptionWatches } from './description-watches.ts'
import type { Program } from './program.ts'

/** A session, by its number, and its program. */
export interface Inspected extends Described {
  readonly program: Program
}

/** The end of the connection to a client. */
export interface Replies {
  /** Whether the client takes what it is sent. */
  hasRoom(): boolean
  tell(message: ServerMessage): void
  /** Answers request `id` with what this resolves with, or fails with. */
  answer(id: number, result: Promise<unknown>): void
}

/** What a client asks of the server itself and of the processes of its clients, and what it says of its own processes. */
export class Inspection {
  readonly #core: Core<Inspected>
  readonly #own: Inspected
  readonly #to: Replies
  readonly #watches: DescriptionWatches

  constructor(core: Core<Inspected>, own: Inspected, to: Replies) {
    this.#core = core
    this.#own = own
    this.#to = to
    this.#watches = new DescriptionWatches(limit => describeServer(core, limit, own.number), to)
  }

  readonly handlers: Record<number, (message: never) => void> = {
    [Ask.describe]: ([, id, limit]: [number, number, unknown]) => {
      const told = describeServer(this.#core, checkLimit(limit), this.#own.number)
      if (told instanceof Promise) this.#to.answer(id, told)
      else this.#to.tell([Tell.ok, id, told])
    },
    [Ask.watch]: ([, watch, ms, limit]: [number, unknown, unknown, unknown]) =>
      this.#watches.watch(watch, ms, checkLimit(limit)),
    [Ask.unwatch]: ([, watch]: [number, number]) => this.#watches.unwatch(watch),
    [Ask.reports]: () => this.#own.program.hasProcesses(),
    [Ask.reported]: ([, report]: [number, unknown]) => this.#own.program.reported(report),
    [Ask.end]: ([, id, session, process]: [number, number, unknown, unknown]) =>
      this.#to.tell([Tell.ok, id, this.#end(session, process)]),
    [Ask.output]: ([, id, session, process]: [number, number, unknown, unknown]) =>
      this.#to.answer(id, this.#outputOf(session, process)),
    [Ask.printed]: ([, question, report]: [number, unknown, unknown]) =>
      this.#own.program.printed(question, report),
  }

  close(): void {
    this.#watches.close()
  }

  /** Has the program of that session end a process of its own. Whether there is one. */
  #end(session: unknown, process: unknown): boolean {
    this.#refuse('ends no processes for its clients')
    const program = this.#program(session)
    if (!program?.has(process)) return false
    program.end(process)
    return true
  }

  /** The last lines that a process of that session's program has printed; null: there is none, or its program does not say. */
  async #outputOf(session: unknown, process: unknown): Promise<OutputReport | null> {
    this.#refuse('tells none of its clients what the processes of others print')
    const program = this.#program(session)
    return program?.has(process) ? program.outputOf(process) : null
  }

  #program(session: unknown): Program | undefined {
    return [...this.#core.sessions.values()].find(({ number }) => number === session)?.program
  }

  /** Throws where clients may not have code run. */
  #refuse(what: string): void {
    if (!this.#core.limits.allowCode)
      throw new TypeError(`this server was started with allowCode: false, and ${what}`)
  }
}
