import { ownModule } from '../async/home.ts'
import { Question } from '../async/question.ts'
import { ZprocError } from '../errors.ts'
import { Leftovers } from '../lifeline/leftovers.ts'
import { spawnTied, type TiedChild } from '../lifeline/spawn.ts'
import type { Vitals } from '../protocol/description.ts'
import type { Reached } from './assignment.ts'
import { type Attempt, type End, type Outcome, outcomeOf } from './attempt.ts'
import type { Job, Joining, Order, Report } from './job.ts'
import { type Pulse, vitalsOfProcess } from './pulse.ts'

/** What a child is made of; the rest it is told with its job. */
export interface ChildSettings {
  /** Whether it ends with this process. */
  tied: boolean
  execArgv: readonly string[]
  env: NodeJS.ProcessEnv | undefined
  memoryLimit: number | undefined
  /** 'pipe-stderr': stdout is inherited. */
  stdio: 'inherit' | 'pipe' | 'pipe-stderr'
}

const entry = ownModule('process/main')

/** What Node ends with where there are no signals and it would have raised SIGABRT: out of memory, for one. */
const ABORTED = process.platform === 'win32' ? 134 : undefined

/** A child process that has no job yet. It costs no time and keeps nothing alive while it waits for one. */
export class Child implements Attempt {
  readonly outcome: Promise<Outcome>
  reached: Reached | undefined
  onMessage: (message: unknown) => void = () => {}
  ran = false
  readonly pulse: Pulse = new Question(() => this.#child.line.send({ kind: 'ask' }))
  readonly #child: TiedChild<Order, Report>
  readonly #memoryLimit: number | undefined
  /** The environment that it was made with. */
  readonly #env: NodeJS.ProcessEnv
  readonly #ownEnv: boolean
  readonly #leftovers = new Leftovers()
  #cooperative = false
  #report: Report | undefined

  constructor(settings: ChildSettings) {
    const { tied, memoryLimit, stdio } = settings
    this.#memoryLimit = memoryLimit
    this.#env = { ...(settings.env ?? process.env) }
    this.#ownEnv = settings.env !== undefined
    this.#child = spawnTied<Order, Report>(entry, {
      tied,
      env: this.#env,
      stdio,
      args: tied ? [] : ['untied'],
      execArgv: [
        ...settings.execArgv,
        ...(memoryLimit === undefined ? [] : [`--max-old-space-size=${memoryLimit}`]),
      ],
      heard: report => {
        if (report.kind === 'running') this.ran = true
        else if (report.kind === 'answer') this.pulse.answered(report.answer)
        else if (report.kind === 'spawned') this.#leftovers.spawned(report.pid)
        else if (report.kind === 'reaped') this.#leftovers.reaped(report.pid)
        else if (report.kind === 'at') this.reached = report
        else if (report.kind === 'cooperative') this.#cooperative = true
        else if (report.kind !== 'rehearsing') this.#report ??= report
      },
      usersMessage: message => this.onMessage(message),
    })
    this.keepAlive(false)
    this.outcome = this.#end().then(end => outcomeOf(this.#report, this.ran, end, this.#memoryLimit))
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get stdout() {
    return this.#child.stdout
  }

  get stderr() {
    return this.#child.stderr
  }

  /** Whether it is still there to be given a job. */
  get waits(): boolean {
    return this.#child.runs && this.#child.line.isOpen
  }

  vitals(): Vitals {
    return vitalsOfProcess(this.pid, this.pulse)
  }

  give(job: Job): void {
    const env = this.#ownEnv ? [] : changesOf(this.#env, process.env)
    // If it is gone, its end says so.
    this.#child.line.send({ kind: 'job', job: { ...job, env } })
  }

  send(message: unknown): boolean {
    if (!this.waits) return false
    this.#child.line.sendUsers(message)
    return true
  }

  /** Has it go once through what a job will ask of it: what runs for the first time takes many times as long. */
  rehearse(at: Joining): void {
    this.#child.line.send({ kind: 'rehearse', at })
  }

  /** Where there are no signals a child that listens for them is told; the others could not tell that they were. */
  end(): void {
    if (this.#cooperative && this.waits) this.#child.line.send({ kind: 'stop' })
    else this.#child.kill('SIGTERM')
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  keepAlive(alive: boolean): void {
    this.#child.keepAlive(alive)
  }

  /** Over when it was reaped and its line is read to the end: an exit never overtakes a value. */
  async #end(): Promise<End> {
    const { ended, line } = this.#child
    // A child that writes into the line itself can be understood no more.
    void line.closed.then(() => line.broken && this.kill())
    const [end] = await Promise.all([ended, line.closed])
    this.pulse.over()
    await this.#leftovers.end()
    if (line.broken && !this.#report)
      return { ...end, error: new ZprocError('it wrote into file 3, which belongs to zproc') }
    return end.code === ABORTED ? { code: null, signal: 'SIGABRT' } : end
  }
}

/** What `now` has that `then` had not, or had otherwise. */
function changesOf(then: NodeJS.ProcessEnv, now: NodeJS.ProcessEnv): Job['env'] {
  const changes: Job['env'] = []
  for (const [name, value] of Object.entries(now)) if (then[name] !== value) changes.push([name, value])
  for (const name of Object.keys(then)) if (now[name] === undefined) changes.push([name, undefined])
  return changes
}
