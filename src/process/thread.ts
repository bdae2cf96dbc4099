import { pathToFileURL } from 'node:url'
import type { Worker } from 'node:worker_threads'
import { startThread } from '../lifeline/thread.ts'
import type { Reached } from './assignment.ts'
import { type Attempt, type End, type Outcome, outcomeOf } from './attempt.ts'
import type { ChildSettings } from './child.ts'
import type { Job, Report, ThreadOrder } from './job.ts'

const entry = new URL(
  `../process/thread-main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
)

/** A worker thread of this process that runs one job. */
export class Thread implements Attempt {
  readonly pid = process.pid
  readonly outcome: Promise<Outcome>
  reached: Reached | undefined
  readonly #worker: Worker
  #ran = false
  #report: Report | undefined
  #cooperative = false
  #killed: NodeJS.Signals | null = null

  constructor(settings: ChildSettings) {
    const { memoryLimit, stdio, execArgv, env } = settings
    const piped = stdio === 'pipe'
    this.#worker = startThread(entry, {
      stdout: piped,
      stderr: piped,
      workerData: { zprocEntry: process.argv[1] && pathToFileURL(process.argv[1]).href },
      ...(env && { env }),
      ...(execArgv.length > 0 && { execArgv: [...process.execArgv, ...execArgv] }),
      ...(memoryLimit !== undefined && { resourceLimits: { maxOldGenerationSizeMb: memoryLimit } }),
    })
    this.#worker.unref()
    this.#worker.on('message', (report: Report) => {
      if (report.kind === 'running') this.#ran = true
      else if (report.kind === 'at') this.reached = report
      else if (report.kind === 'cooperative') this.#cooperative = true
      else this.#report ??= report
    })
    this.outcome = this.#end().then(end => outcomeOf(this.#report, this.#ran, end, memoryLimit))
  }

  get stdout() {
    return this.#worker.stdout
  }

  get stderr() {
    return this.#worker.stderr
  }

  give(job: Job): void {
    const order: ThreadOrder = { kind: 'job', job: { ...job, cwd: undefined } }
    this.#worker.postMessage(order)
  }

  /** Nothing but a thread that asked for it is given time: the others could not tell that they were stopped. */
  end(): void {
    if (!this.#cooperative) return this.#terminate('SIGTERM')
    const order: ThreadOrder = { kind: 'stop' }
    this.#worker.postMessage(order)
  }

  kill(): void {
    this.#terminate('SIGKILL')
  }

  keepAlive(alive: boolean): void {
    if (alive) this.#worker.ref()
    else this.#worker.unref()
  }

  #terminate(as: NodeJS.Signals): void {
    this.#killed ??= as
    void this.#worker.terminate()
  }

  #end(): Promise<End> {
    return new Promise(resolve => {
      let known: Pick<End, 'error' | 'memory'> = {}
      this.#worker.once('error', error => {
        const memory = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        known = { error, memory }
      })
      this.#worker.once('exit', code =>
        resolve({ code: this.#killed ? null : code, signal: this.#killed, ...known }),
      )
    })
  }
}
