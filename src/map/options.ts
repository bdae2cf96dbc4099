import { checkTime } from '../async/interval.ts'
import { checkOptions } from '../protocol/options.ts'
import { describe } from '../protocol/values.ts'

/** What can be mapped over, endless ones included. */
export type MapIter<T> = Iterable<T> | AsyncIterable<T>

// `| []` in args: so that the types of the single arguments are inferred.
export interface MapOptions {
  /** For each item its own further arguments. */
  mapArgs?: MapIter<readonly unknown[]>
  /** Further arguments that all calls share. */
  args?: readonly unknown[] | []
  /** For each item its own kwargs. */
  mapKwargs?: MapIter<object>
  /** Given to all calls as one last argument, together with the item's own. */
  kwargs?: object
  /** 'shared': the workers that have joined the namespace from anywhere, see `zproc worker`. Default 'own'. */
  pool?: 'own' | 'shared'
  /** Workers that this map may use. Default: what the machine runs in parallel; of a shared pool, all that there are. */
  count?: number
  /** The target gets a State first. Default false. */
  stateful?: boolean
  /** Starts `count` fresh workers for it. Default false. */
  new?: boolean
  /** Gives a TaskDetail, to be handed to `pullResultsForTask`, instead of the results. */
  returnTask?: boolean
  /** Items that travel together. Default: as many as take a few milliseconds. With `timeout`: 1. */
  chunkSize?: number
  /** Aborting it cancels the map. */
  signal?: AbortSignal
  /** Called at most every 100 ms, and at the end; `total` is undefined while it is not known. */
  onProgress?: (progress: Progress) => void
  /** Draws a progress bar on stderr. Default false. */
  progress?: boolean
  /** How often a chunk whose worker died is given to another. Default 1. */
  maxRetries?: number
  /** Yields { status, value | reason } for each item instead of throwing. Default false. */
  settle?: boolean
  /** Milliseconds for one item, from its start; then its worker is replaced. Default: none. */
  timeout?: number
}

export interface Progress {
  done: number
  total: number | undefined
}

/** Plain data: it survives JSON. */
export interface TaskDetail {
  id: string
  namespace: string
}

export function checkMapOptions(target: unknown, mapIter: unknown, options: MapOptions): void {
  const call = 'ctx.processMap'
  if (typeof target !== 'function' && !(target instanceof URL))
    throw new TypeError(
      `${call}: the target must be a function or the URL of a module that exports one as default, got ${describe(target)}`,
    )
  checkOptions(options, call)
  const { mapArgs, mapKwargs, args, kwargs } = options
  const iterables = { mapIter, mapArgs, mapKwargs }
  if (Object.values(iterables).every(value => value === undefined || value === null))
    throw new TypeError(`${call}: nothing to map over: give mapIter, mapArgs or mapKwargs`)
  for (const [name, value] of Object.entries(iterables))
    if (value !== undefined && value !== null && !isIterable(value))
      throw new TypeError(`${call}: ${name} must be an iterable, got ${describe(value)}`)
  if (args !== undefined && !Array.isArray(args))
    throw new TypeError(`${call}: args must be an array, got ${describe(args)}`)
  if (kwargs !== undefined && (typeof kwargs !== 'object' || kwargs === null || Array.isArray(kwargs)))
    throw new TypeError(`${call}: kwargs must be an object, got ${describe(kwargs)}`)
  for (const [name, least] of [
    ['count', 1],
    ['chunkSize', 1],
    ['maxRetries', 0],
  ] as const) {
    const value = options[name]
    if (value === undefined) continue
    if (!Number.isInteger(value) || value < least)
      throw new RangeError(
        `${call}: ${name} must be a whole number, ${least} or more, got ${describe(value)}`,
      )
  }
  for (const name of ['stateful', 'new', 'returnTask', 'progress', 'settle'] as const)
    if (options[name] !== undefined && typeof options[name] !== 'boolean')
      throw new TypeError(`${call}: ${name} must be true or false, got ${describe(options[name])}`)
  const { pool = 'own' } = options
  if (pool !== 'own' && pool !== 'shared')
    throw new TypeError(`${call}: pool must be 'own' or 'shared', got ${describe(pool)}`)
  if (pool === 'shared' && options.new)
    throw new TypeError(
      `${call}: new: true is for workers of this program; those of a shared pool join by themselves`,
    )
  if (options.onProgress !== undefined && typeof options.onProgress !== 'function')
    throw new TypeError(`${call}: onProgress must be a function, got ${describe(options.onProgress)}`)
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal))
    throw new TypeError(`${call}: signal must be an AbortSignal, got ${describe(options.signal)}`)
  checkTime(options.timeout, call, 'timeout')
}

/** The error of one item, which it then tells. */
export function withIndex(error: unknown, index: number): unknown {
  if (typeof error === 'object' && error !== null) {
    try {
      Object.assign(error, { index })
    } catch {}
  }
  return error
}

const isIterable = (value: unknown): boolean =>
  typeof value === 'string' ||
  (typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value))
