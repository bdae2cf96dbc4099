import type {
  CommitShown,
  Facts,
  OutputShown,
  ProcessesShown,
  Sample,
  Status,
  StreamLine,
  Tick,
} from '../src/inspect/messages.ts'
import type { ServerDescription } from '../src/protocol/description.ts'
import { call, enter, lines, Refusal } from './call.ts'
import { Latest } from './latest.ts'
import { LogModel } from './log-model.ts'
import { TreeModel } from './tree-model.ts'

/** Samples that the charts show. */
const SAMPLES = 300

export type Tab = 'state' | 'log' | 'server'
/** A process, by the session of its program and its number there. */
export interface Printing {
  session: number
  process: number
  name: string
  pid: number | null
}

export type Connection = 'opening' | 'open' | 'lost' | 'refused'

/** All that the page knows. Whoever changes something calls `changed`: the page is drawn once for each frame at most. */
export class App {
  connection: Connection = 'opening'
  /** Why there is no connection, or why a call was refused. */
  problem = ''
  facts: Facts | undefined
  tick: Tick | undefined
  status: Status | undefined
  /** The description before the newest, for rates. */
  before: ServerDescription | undefined
  samples: Sample[] = []
  tab: Tab = 'state'
  /** The revision that is shown; null: the newest. */
  revision: number | null = null
  /** The commit that led to it. */
  moment: CommitShown | undefined
  momentProblem = ''
  /** The processes as they were at that commit. */
  processes: ProcessesShown | undefined
  /** The process whose last lines are shown, and those. */
  printing: Printing | undefined
  output: OutputShown | undefined
  outputProblem = ''
  readonly tree = new TreeModel(this)
  readonly log = new LogModel(this)
  readonly #draw: () => void
  #stream: AbortController | undefined
  // The namespace that is to be shown next.
  #next: string | undefined
  readonly #momentFetch = new Latest(() => this.#fetchMoment())
  readonly #outputFetch = new Latest(() => this.#fetchOutput())

  constructor(draw: () => void) {
    this.#draw = draw
  }

  get namespace(): string {
    return this.facts?.namespace ?? 'default'
  }

  get newest(): number {
    return Math.max(0, this.tick?.revision ?? 0)
  }

  get oldest(): number {
    return Math.min(this.tick?.oldest ?? 1, this.newest + 1)
  }

  changed(): void {
    this.#draw()
  }

  /** Takes the token and stays connected. */
  async run(): Promise<void> {
    try {
      await enter()
    } catch (error) {
      return this.#refused(error)
    }
    for (;;) {
      // null: the one that the inspector shows first.
      const namespace = this.#next ?? this.facts?.namespace ?? null
      this.#next = undefined
      try {
        this.#stream = new AbortController()
        for await (const line of lines<StreamLine>('stream', { namespace }, this.#stream.signal))
          this.#heard(line)
      } catch (error) {
        if (error instanceof Refusal && error.status === 401) return this.#refused(error)
        if (!this.#stream?.signal.aborted)
          this.problem = error instanceof Error ? error.message : String(error)
      }
      if (this.#stream?.signal.aborted) continue
      this.connection = 'lost'
      this.changed()
      await new Promise(done => setTimeout(done, 1000))
    }
  }

  /** Shows another namespace. */
  show(namespace: string): void {
    this.tab = this.tab === 'server' ? 'state' : this.tab
    if (namespace === this.namespace) return this.changed()
    this.#next = namespace
    this.#forget()
    this.#stream?.abort()
    this.changed()
  }

  /** Shows the state at a revision; null: the newest, from now on. */
  goTo(revision: number | null): void {
    this.revision = revision === null ? null : Math.min(Math.max(revision, this.oldest), this.newest)
    if (revision === null) this.moment = this.processes = undefined
    else this.#momentFetch.ask()
    this.momentProblem = ''
    this.tree.fetch.ask()
    this.tree.valueFetch.ask()
    this.changed()
  }

  /** Shows the last lines of a process; undefined: of none. */
  print(printing: Printing | undefined): void {
    this.printing = printing
    this.output = undefined
    this.outputProblem = ''
    if (printing) this.#outputFetch.ask()
    this.changed()
  }

  select(tab: Tab): void {
    this.tab = tab
    this.changed()
  }

  #heard(line: StreamLine): void {
    this.connection = 'open'
    this.problem = ''
    if (line.type === 'facts') this.#looksAt(line)
    else if (line.type === 'status') {
      this.before = this.status?.description ?? undefined
      this.status = line
      this.samples = [...this.samples, ...line.samples].slice(-SAMPLES)
      if (this.printing && this.tab === 'server') this.#outputFetch.ask()
    } else this.#ticked(line)
    this.changed()
  }

  #looksAt(facts: Facts): void {
    // What was asked about another namespace may have been answered meanwhile.
    if (this.facts && this.facts.namespace !== facts.namespace) this.#forget()
    this.facts = facts
    // A stream begins with all that are kept.
    this.samples = []
  }

  #forget(): void {
    this.tick = undefined
    this.tree.clear()
    this.log.clear()
    this.revision = null
    this.moment = this.processes = undefined
  }

  #ticked(tick: Tick): void {
    const before = this.tick
    this.tick = tick
    const isOtherLog = before !== undefined && before.logId !== tick.logId
    if (isOtherLog) {
      this.log.clear()
      this.goTo(null)
    } else if (this.revision === null && before?.revision !== tick.revision) {
      this.tree.fetch.ask()
      this.tree.valueFetch.ask()
    }
    this.log.ticked()
  }

  #refused(error: unknown): void {
    this.connection = 'refused'
    this.problem = error instanceof Error ? error.message : String(error)
    this.changed()
  }

  async #fetchMoment(): Promise<void> {
    const { revision, namespace } = this
    if (revision === null) return
    try {
      const moment = await call<CommitShown>('commit', { namespace, revision })
      if (this.revision === null) return
      this.moment = moment
      this.momentProblem = ''
      this.processes = await call<ProcessesShown>('processes', { time: Math.ceil(moment.time) })
      if (this.revision === null) this.processes = undefined
    } catch (error) {
      this.momentProblem = (error as Error).message
    }
    this.changed()
  }

  async #fetchOutput(): Promise<void> {
    const asked = this.printing
    if (!asked) return
    const { session, process, name } = asked
    try {
      const output = await call<OutputShown>('output', { session, process, name })
      if (this.printing !== asked) return
      this.output = output
      this.outputProblem = ''
    } catch (error) {
      this.outputProblem = (error as Error).message
    }
    this.changed()
  }
}
