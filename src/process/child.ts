import type { ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'
import { keepAlive, spawnTied } from '../lifeline/spawn.ts'
import type { Reached } from './assignment.ts'
import { type Attempt, type End, type Outcome, outcomeOf } from './attempt.ts'
import type { Job, Joining, Order, Report } from './job.ts'

/** What a child is made of; the rest it is told with its job. */
export interface ChildSettings {
  /** Whether it ends with this process. */
  tied: boolean
  execArgv: readonly string[]
  env: NodeJS.ProcessEnv | undefined
  memoryLimit: number | undefined
  stdio: 'inherit' | 'pipe'
}

const entry = new URL(`../process/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** What Node ends with where there are no signals and it would have raised SIGABRT: out of memory, for one. */
const ABORTED = process.platform === 'win32' ? 134 : undefined

/** A forked child that has no job yet. It costs no time and keeps nothing alive while it waits for one. */
export class Child implements Attempt {
  readonly outcome: Promise<Outcome>
  reached: Reached | undefined
  readonly #process: ChildProcess
  readonly #memoryLimit: number | undefined
  /** The environment that it was made with. */
  readonly #env: NodeJS.ProcessEnv
  readonly #ownEnv: boolean
  #ran = false
  #cooperative = false
  #report: Report | undefined

  constructor(settings: ChildSettings) {
    const { tied, memoryLimit, stdio } = settings
    this.#memoryLimit = memoryLimit
    this.#env = { ...(settings.env ?? process.env) }
    this.#ownEnv = settings.env !== undefined
    this.#process = spawnTied(entry, {
      tied,
      env: this.#env,
      stdio,
      args: tied ? [] : ['untied'],
      execArgv: [
        ...settings.execArgv,
        ...(memoryLimit === undefined ? [] : [`--max-old-space-size=${memoryLimit}`]),
      ],
    })
    this.keepAlive(false)
    this.#process.on('message', (report: Report) => {
      if (report.kind === 'running') this.#ran = true
      else if (report.kind === 'at') this.reached = report
      else if (report.kind === 'cooperative') this.#cooperative = true
      else if (report.kind === 'rehearsing') return
      else this.#report ??= report
    })
    this.outcome = this.#end().then(end => outcomeOf(this.#report, this.#ran, end, this.#memoryLimit))
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  get stdout() {
    return this.#process.stdout
  }

  get stderr() {
    return this.#process.stderr
  }

  /** Whether it is still there to be given a job. */
  get waits(): boolean {
    return this.#process.connected && this.#process.exitCode === null && this.#process.signalCode === null
  }

  give(job: Job): void {
    const env = this.#ownEnv ? [] : changesOf(this.#env, process.env)
    const order: Order = { kind: 'job', job: { ...job, env } }
    // If it is gone, its end says so.
    this.#process.send(order, () => {})
  }

  /** Has it go once through what a job will ask of it: what runs for the first time takes many times as long. */
  rehearse(at: Joining): void {
    const order: Order = { kind: 'rehearse', at }
    this.#process.send(order, () => {})
  }

  /** Where there are no signals a child that listens for them is told; the others could not tell that they were. */
  end(): void {
    const order: Order = { kind: 'stop' }
    if (this.#cooperative && this.#process.connected) this.#process.send(order, () => {})
    else this.#process.kill('SIGTERM')
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  keepAlive(alive: boolean): void {
    keepAlive(this.#process, alive)
    for (const stream of [this.#process.stdout, this.#process.stderr])
      if (stream instanceof Socket) alive ? stream.ref() : stream.unref()
  }

  /** Over when it was reaped and its channel is read to the end: an exit never overtakes a value. */
  async #end(): Promise<End> {
    const child = this.#process
    const disconnected = new Promise<void>(resolve => child.once('disconnect', resolve))
    const end = await new Promise<End>(resolve => {
      // An error later on, as of a message to a child that is gone, is no end.
      child.on('error', error => {
        if (child.pid === undefined) resolve({ code: null, signal: null, error })
      })
      child.once('exit', (code, signal) =>
        resolve(code === ABORTED ? { code: null, signal: 'SIGABRT' } : { code, signal }),
      )
    })
    if (child.pid !== undefined) await disconnected
    return end
  }
}

/** What `now` has that `then` had not, or had otherwise. */
function changesOf(then: NodeJS.ProcessEnv, now: NodeJS.ProcessEnv): Job['env'] {
  const changes: Job['env'] = []
  for (const [name, value] of Object.entries(now)) if (then[name] !== value) changes.push([name, value])
  for (const name of Object.keys(then)) if (now[name] === undefined) changes.push([name, undefined])
  return changes
}
