import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads'
import { ownModule } from '../async/home.ts'
import { Question } from '../async/question.ts'
import { Leftovers } from '../lifeline/leftovers.ts'
import { startThread } from '../lifeline/thread.ts'
import type { Vitals } from '../protocol/description.ts'
import type { Reached } from './assignment.ts'
import { type Attempt, type End, type Outcome, outcomeOf } from './attempt.ts'
import type { ChildSettings } from './child.ts'
import { codeOf } from './classes.ts'
import type { Job, Report, ThreadData, ThreadOrder } from './job.ts'
import type { Pulse } from './pulse.ts'

const entry = ownModule('process/thread-main')

/** A worker thread of this process that runs one job. */
export class Thread implements Attempt {
  readonly pid = process.pid
  readonly outcome: Promise<Outcome>
  reached: Reached | undefined
  onMessage: (message: unknown) => void = () => {}
  ran = false
  readonly pulse: Pulse = new Question(() => this.#order({ kind: 'ask' }))
  readonly #worker: Worker
  /** zproc's own: `parentPort` is the target's. */
  readonly #port: MessagePort
  readonly #leftovers = new Leftovers()
  #report: Report | undefined
  #cooperative = false
  #killed: NodeJS.Signals | null = null
  #ended = false

  /** `name`: what the thread is called where the system and the tools show it. */
  constructor(settings: ChildSettings, name: string) {
    const { memoryLimit, stdio, execArgv, env } = settings
    const { port1, port2 } = new MessageChannel()
    const data: ThreadData = { zproc: port2 }
    this.#port = port1
    this.#worker = startThread(entry, {
      name: `zproc ${name}`,
      stdout: stdio === 'pipe',
      stderr: stdio !== 'inherit',
      workerData: data,
      transferList: [port2],
      ...(env && { env }),
      ...(execArgv.length > 0 && { execArgv: [...process.execArgv, ...execArgv] }),
      ...(memoryLimit !== undefined && { resourceLimits: { maxOldGenerationSizeMb: memoryLimit } }),
    })
    this.#worker.unref()
    this.#port.on('message', this.#hear)
    this.#port.unref()
    this.#worker.on('message', message => this.onMessage(message))
    this.outcome = this.#end().then(end => outcomeOf(this.#report, this.ran, end, memoryLimit))
  }

  get stdout() {
    return this.#worker.stdout
  }

  get stderr() {
    return this.#worker.stderr
  }

  /** The times of its event loop are read from outside: also while it does not turn. */
  vitals(): Vitals {
    const { latest, silent } = this.pulse
    const { active, idle } = this.#worker.performance.eventLoopUtilization()
    return { memory: latest?.heapUsed ?? null, eventLoop: this.#ended ? null : { active, idle }, silent }
  }

  give(job: Job): void {
    this.#order({ kind: 'job', job: { ...job, cwd: undefined } })
  }

  /** Nothing but a thread that asked for it is given time: the others could not tell that they were stopped. */
  end(): void {
    if (!this.#cooperative) return this.#terminate('SIGTERM')
    this.#order({ kind: 'stop' })
  }

  kill(): void {
    this.#terminate('SIGKILL')
  }

  keepAlive(alive: boolean): void {
    if (alive) this.#worker.ref()
    else this.#worker.unref()
  }

  send(message: unknown): boolean {
    if (this.#ended) return false
    this.#worker.postMessage(message)
    return true
  }

  #order(order: ThreadOrder): void {
    this.#port.postMessage(order)
  }

  readonly #hear = (report: Report): void => {
    if (report.kind === 'running') this.ran = true
    else if (report.kind === 'answer') this.pulse.answered(report.answer)
    else if (report.kind === 'spawned') this.#leftovers.spawned(report.pid)
    else if (report.kind === 'reaped') this.#leftovers.reaped(report.pid)
    else if (report.kind === 'at') this.reached = report
    else if (report.kind === 'cooperative') this.#cooperative = true
    else this.#report ??= report
  }

  /** What it said before its end, and has not been read. */
  #drain(): void {
    for (;;) {
      const next: { message: Report } | undefined = receiveMessageOnPort(this.#port)
      if (!next) break
      this.#hear(next.message)
    }
    this.#port.close()
  }

  #terminate(as: NodeJS.Signals): void {
    this.#killed ??= as
    void this.#worker.terminate()
  }

  #end(): Promise<End> {
    return new Promise(resolve => {
      let known: Pick<End, 'error' | 'memory'> = {}
      // Anything may be thrown, and more than once.
      this.#worker.on('error', (error: unknown) => {
        const memory = codeOf(error) === 'ERR_WORKER_OUT_OF_MEMORY'
        known = { error, memory }
      })
      this.#worker.once('exit', code => {
        this.#ended = true
        this.pulse.over()
        this.#drain()
        void this.#leftovers
          .end()
          .then(() => resolve({ code: this.#killed ? null : code, signal: this.#killed, ...known }))
      })
    })
  }
}
