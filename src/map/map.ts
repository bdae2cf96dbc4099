import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { ShippingError, ZprocError } from '../errors.ts'
import { toWire } from '../protocol/values.ts'
import { ship } from '../shipping/ship.ts'
import { JoinedCrew } from './joined.ts'
import { LocalCrew, type MakeWorker } from './local.ts'
import type { Place } from './member.ts'
import { type MapOptions, readMapOptions, type TaskDetail } from './options.ts'
import { Pool } from './pool.ts'
import { Reporter } from './progress.ts'
import { MapResult } from './result.ts'
import { Run } from './run.ts'
import { Source } from './source.ts'

// Tasks whose results nobody has pulled yet.
const UNPULLED = 1000

export type MapTarget = ((...args: never[]) => unknown) | URL

/** What a Context needs for its maps: the pool, and the tasks that are to be pulled later. */
export class Maps {
  readonly pool: Pool
  readonly #place: Place
  #shared: Pool | undefined
  readonly #tasks = new Map<string, MapResult<unknown>>()
  readonly #pulled = new Set<string>()

  constructor(place: Place, make: MakeWorker) {
    this.#place = place
    this.pool = new Pool(events => new LocalCrew(make, events))
  }

  start(target: MapTarget, mapIter: unknown, given: MapOptions): MapResult<unknown> | TaskDetail {
    const options = readMapOptions(target, mapIter, given)
    const call = 'ctx.processMap'
    const {
      mapArgs,
      mapKwargs,
      args = [],
      kwargs,
      pool: kind = 'own',
      count = kind === 'shared' ? Number.POSITIVE_INFINITY : availableParallelism(),
      stateful = false,
    } = options
    const { settle = false, maxRetries = 1, chunkSize, timeout, onProgress, progress = false } = options
    if (options.returnTask && this.#tasks.size >= UNPULLED)
      throw new ZprocError(
        `${call}: ${UNPULLED} tasks wait to be pulled; pull some with ctx.pullResultsForTask`,
      )
    const pool = kind === 'shared' ? this.#sharedPool() : this.pool
    const isFar = kind === 'shared'
    const shipped = ship(target, { call: `${call}(fn)`, byValue: isFar && target instanceof URL })
    const source = new Source({ mapIter, mapArgs, mapKwargs } as ConstructorParameters<typeof Source>[0])
    const shape = {
      stateful,
      plain: source.plain,
      args: toWire(args, call, 'args'),
      kwargs: toWire(kwargs, call, 'kwargs'),
      settle,
      divisible: chunkSize === undefined,
      timed: timeout !== undefined,
    }
    const run = new Run(pool.nextNumber(), source, {
      target: shipped.bytes,
      copy: isFar ? copyOf(target, `${call}(fn)`) : null,
      shape,
      limit: count,
      fresh: options.new === true,
      chunkSize,
      maxRetries,
      timeout,
    })
    const reporter = onProgress || progress ? new Reporter(source.total, onProgress, progress) : undefined
    const result = new MapResult<unknown>(run, pool, reporter, options.signal)
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

  async close(): Promise<void> {
    await Promise.all([this.pool.close(), this.#shared?.close()])
  }

  #sharedPool(): Pool {
    this.#shared ??= new Pool(events => new JoinedCrew(this.#place, events))
    return this.#shared
  }
}

/** A function by value, if it can go so. */
function copyOf(target: MapTarget, call: string): Uint8Array | null {
  if (target instanceof URL) return null
  try {
    return ship(target, { call, byValue: true }).bytes
  } catch (error) {
    if (error instanceof ShippingError) return null
    throw error
  }
}
