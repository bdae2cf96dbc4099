import {
  count,
  flag,
  functionOf,
  iterableOf,
  listOf,
  objectOf,
  oneOf,
  signal,
  time,
} from '../protocol/kinds.ts'
import { type OptionsOf, readOptions } from '../protocol/options.ts'
import { describe } from '../protocol/values.ts'

/** The items of a map: any iterable or async iterable, endless ones included. */
export type MapIter<T> = Iterable<T> | AsyncIterable<T>

const mapFields = {
  /** For each item its own further arguments. Default none. */
  mapArgs: iterableOf<readonly unknown[]>(),
  /** Further arguments that all calls share. Default none. */
  args: listOf<unknown>(),
  /** For each item its own kwargs. Default none. */
  mapKwargs: iterableOf<object>(),
  /** Given to all calls as one last argument, together with the item's own. Default none. */
  kwargs: objectOf<object>(),
  /** 'shared': the workers that have joined the namespace from anywhere, see `zproc worker`. Default 'own'. */
  pool: oneOf('own', 'shared'),
  /**
   * The number of workers that this map may use. Workers are started as items are read, never more than there are items.
   * Default: what the machine runs in parallel; of a shared pool, all that there are.
   */
  count: count(1),
  /** true: the target gets a State first. Default false. */
  stateful: flag,
  /** true: starts `count` new workers for this map. Default false. */
  new: flag,
  /** true: gives a TaskDetail, for `pullResultsForTask`, instead of the results. Default false. */
  returnTask: flag,
  /** Items that travel together. Default: as many as take a few milliseconds. With `timeout`: 1. */
  chunkSize: count(1),
  /** To abort it ends the map, whose next step rejects with its reason. Default: none. */
  signal,
  /** Called at most every 100 ms, and at the end; `total` is undefined while it is not known. Default: none. */
  onProgress: functionOf<(progress: Progress) => void>(),
  /** true: draws a progress bar on stderr. Default false. */
  progress: flag,
  /** The number of times that an item whose worker died is given to another one. Default 1. */
  maxRetries: count(0),
  /** true: yields { status, value | reason } for each item instead of throwing. Default false. */
  settle: flag,
  /** false: yields results as they come, as { index, value }, with `settle` as { index, status, value | reason }. Default true. */
  ordered: flag,
  /** The number of items after which a worker is replaced by a new one. Default: unlimited. */
  maxItemsPerWorker: count(1),
  /**
   * Bytes of memory of a worker, its resident set (of a thread: its heap), with which it finishes its item and is replaced
   * by a new one. Default: unlimited.
   */
  memoryLimit: count(1),
  /** Milliseconds for one item, from its start; then its worker is replaced. Default: none. */
  timeout: time(),
}

/**
 * How a map is run. The type parameters are what its target is given: the types of `args`, `kwargs`, the items of
 * `mapArgs` and of `mapKwargs`, and the value of `stateful`; and the values of `settle` and `ordered`.
 */
export interface MapOptions<
  A extends readonly unknown[] = readonly unknown[],
  K extends object | undefined = object | undefined,
  MA extends readonly unknown[] = readonly unknown[],
  MK extends object | undefined = object | undefined,
  F extends boolean = boolean,
  Z extends boolean = boolean,
  O extends boolean = boolean,
> extends OptionsOf<typeof mapFields> {
  /** Further arguments that all calls share. Default none. */
  args?: A
  /** Given to all calls as one last argument, together with the item's own. Default none. */
  kwargs?: K
  /** For each item its own further arguments. Default none. */
  mapArgs?: MapIter<MA>
  /** For each item its own kwargs. Default none. */
  mapKwargs?: MapIter<MK & object>
  /** true: the target gets a State first. Default false. */
  stateful?: F
  /** true: yields { status, value | reason } for each item instead of throwing. Default false. */
  settle?: Z
  /** false: yields results as they come, as { index, value }. Default true. */
  ordered?: O
}

/** How far a map has come. */
export interface Progress {
  /** The number of items that have ended. */
  done: number
  /** The number of all items; undefined while it is not known. */
  total: number | undefined
}

/** Names a map whose results another process may pull. Plain data: it may be sent as JSON. */
export interface TaskDetail {
  /** The name of the task. */
  id: string
  /** The namespace of the Context that started it. */
  namespace: string
}

/** Checks the arguments of `processMap`, and gives its options. */
export function readMapOptions(target: unknown, mapIter: unknown, given: MapOptions): MapOptions {
  const call = 'ctx.processMap'
  if (typeof target !== 'function' && !(target instanceof URL))
    throw new TypeError(
      `${call}: the target must be a function or the URL of a module that exports one as default, got ${describe(target)}`,
    )
  const options = readOptions(mapFields, given, call)
  const { mapArgs, mapKwargs, pool, new: isNew } = options
  const isGiven = mapIter !== undefined && mapIter !== null
  if (!isGiven && mapArgs === undefined && mapKwargs === undefined)
    throw new TypeError(`${call}: nothing to map over: give mapIter, mapArgs or mapKwargs`)
  if (isGiven && !mapFields.mapArgs.is(mapIter))
    throw new TypeError(`${call}: mapIter must be an iterable, got ${describe(mapIter)}`)
  if (pool === 'shared' && isNew)
    throw new TypeError(
      `${call}: new: true is for workers of this program; those of a shared pool join by themselves`,
    )
  for (const name of ['maxItemsPerWorker', 'memoryLimit'] as const)
    if (pool === 'shared' && options[name] !== undefined)
      throw new TypeError(
        `${call}: ${name} is for workers of this program; those of a shared pool serve other programs too`,
      )
  return options
}

/** The error of an item, with the item's index as its property where that can be set. */
export function withIndex(error: unknown, index: number | undefined): unknown {
  if (index !== undefined && typeof error === 'object' && error !== null) {
    try {
      Object.assign(error, { index })
    } catch {}
  }
  return error
}
