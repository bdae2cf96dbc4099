import { randomUUID } from 'node:crypto'
import { interruptible, interruptsAreOn } from '../async/interrupt.ts'
import type { Logger } from '../async/logger.ts'
import { ZprocError } from '../errors.ts'
import type { Process } from '../process/process.ts'
import type { PoolReport } from '../protocol/context-report.ts'
import { describe, isInline, toWire } from '../protocol/values.ts'
import { type Shipped, ship } from '../shipping/ship.ts'
import { inject, traceToWire } from '../tracing/carried.ts'
import { CallQueue } from './call-queue.ts'
import type { CallItem } from './chunk.ts'
import { Job } from './job.ts'
import { callSettings, type MapTarget, mapSettings } from './job-settings.ts'
import { LocalWorkers, type MakeWorker } from './local-workers.ts'
import { type MapOptions, readMapOptions, type TaskDetail } from './options.ts'
import { Outcomes } from './outcomes.ts'
import { Pool } from './pool.ts'
import type { PoolPlace } from './pool-peer.ts'
import { Reporter } from './progress.ts'
import { RemoteWorkers } from './remote-workers.ts'
import { MapResult } from './result.ts'
import { Source } from './source.ts'

export type { MapTarget }

// Tasks whose results have not been pulled yet.
const UNPULLED = 1000
// Targets of `ctx.run` that workers keep while they are not called.
const KEPT_TARGETS = 100

/** What a Context needs for its maps and calls: the pool, and the tasks that are to be pulled later. */
export class Maps {
  readonly pool: Pool
  readonly #place: PoolPlace
  readonly #logger: Logger | undefined
  #shared: Pool | undefined
  readonly #tasks = new Map<string, MapResult<unknown>>()
  readonly #pulled = new Set<string>()
  /** By the hash of the target, the one called last at the end. */
  readonly #calls = new Map<string, { queue: CallQueue; job: Job }>()

  /** `logger` gets what is said of maps in place of stderr. */
  constructor(place: PoolPlace, make: MakeWorker, logger: Logger | undefined) {
    this.#place = place
    this.#logger = logger
    this.pool = new Pool(events => new LocalWorkers(make, events))
  }

  start(target: MapTarget, mapIter: unknown, given: MapOptions): MapResult<unknown> | TaskDetail {
    const options = readMapOptions(target, mapIter, given)
    if (options.returnTask && this.#tasks.size >= UNPULLED)
      throw new ZprocError(
        `ctx.processMap: ${UNPULLED} tasks wait to be pulled; pull some with ctx.pullResultsForTask`,
      )
    const { mapArgs, mapKwargs, settle = false, ordered = true, onProgress, progress = false } = options
    const pool = options.pool === 'shared' ? this.#sharedPool() : this.pool
    const source = new Source({ mapIter, mapArgs, mapKwargs } as ConstructorParameters<typeof Source>[0])
    const settings = mapSettings(target, source.plain, options)
    const outcomes = new Outcomes(ordered)
    const { total } = source
    const reporter = onProgress || progress ? new Reporter(total, onProgress, progress) : undefined
    const job = new Job(pool.nextNumber(), source, outcomes, settings)
    const control = {
      subject: `processMap ${settings.shape.name}`,
      logger: this.#logger,
      ordered,
      settle,
      total,
      collect: () => {
        outcomes.keepAll()
        job.spread()
        pool.dispatch()
      },
      room: () => pool.dispatch(),
      end: () => {
        job.end()
        pool.finish(job)
      },
      awaiting: (change: 1 | -1) => pool.awaiting(change),
    }
    const result = new MapResult<unknown>(control, outcomes, reporter, options.signal)
    if (!ordered) job.spread()
    if (result.isOpen) pool.begin(job)
    if (!options.returnTask) return result
    const id = randomUUID()
    this.#tasks.set(id, result)
    return { id, namespace: this.#place.namespace }
  }

  pull(task: TaskDetail): MapResult<unknown> {
    const call = 'ctx.pullResultsForTask'
    if (typeof task !== 'object' || task === null || typeof task.id !== 'string')
      throw new TypeError(`${call}: a TaskDetail is needed, as processMap gives it with returnTask: true`)
    const result = this.#tasks.get(task.id)
    if (!result) {
      const why = this.#pulled.has(task.id)
        ? 'its results were pulled before'
        : 'it is no task of this Context'
      throw new ZprocError(`${call}: task ${task.id}: ${why}`)
    }
    this.#tasks.delete(task.id)
    this.#pulled.add(task.id)
    if (this.#pulled.size > UNPULLED) this.#pulled.delete(this.#pulled.values().next().value as string)
    return result
  }

  /** One call of a target on the pool. Calls that are made in one turn travel together. */
  async run(target: MapTarget, args: readonly unknown[]): Promise<unknown> {
    const call = 'ctx.run'
    if (typeof target !== 'function' && !(target instanceof URL))
      throw new TypeError(
        `${call}: the target must be a function or the URL of a module that exports one as default, got ${describe(target)}`,
      )
    const { queue, job } = this.#callsOf(ship(target, { call: `${call}(fn)` }))
    const result = queue.add(callItem(args, call))
    this.pool.awaiting(1)
    this.pool.addSoon(job)
    return interruptsAreOn() ? interruptible(result) : result
  }

  /** The workers that are processes of this program. */
  get processes(): Process[] {
    return this.pool.processes
  }

  describe(): PoolReport[] {
    return [this.pool.describe('own'), this.#shared?.describe('shared')].flatMap(pool => pool ?? [])
  }

  async close(): Promise<void> {
    await Promise.all([this.pool.close(), this.#shared?.close()])
  }

  #callsOf(shipped: Shipped): { queue: CallQueue; job: Job } {
    const known = this.#calls.get(shipped.hash)
    if (known && !known.queue.done) {
      if (this.#calls.size > 1) {
        this.#calls.delete(shipped.hash)
        this.#calls.set(shipped.hash, known)
      }
      return known
    }
    const queue = new CallQueue(() => this.pool.awaiting(-1))
    const calls = { queue, job: new Job(this.pool.nextNumber(), queue, queue, callSettings(shipped)) }
    this.#calls.set(shipped.hash, calls)
    if (this.#calls.size > KEPT_TARGETS) this.#forgetIdle(calls.job)
    return calls
  }

  #forgetIdle(newest: Job): void {
    for (const [hash, { job }] of this.#calls) {
      if (!job.isIdle || job === newest) continue
      this.#calls.delete(hash)
      job.end()
      return this.pool.finish(job)
    }
  }

  #sharedPool(): Pool {
    this.#shared ??= new Pool(events => new RemoteWorkers(this.#place, events))
    return this.#shared
  }
}

function callItem(args: readonly unknown[], call: string): CallItem {
  const carried = inject()
  if (carried) return toWire([args, undefined, traceToWire(carried)], call, 'args')
  return args.every(isInline) ? [...args] : toWire([args, undefined], call, 'args')
}
