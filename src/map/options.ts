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

/** What can be mapped over, endless ones included. */
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
  /** Workers that this map may use. Default: what the machine runs in parallel; of a shared pool, all that there are. */
  count: count(1),
  /** true: the target gets a State first. Default false. */
  stateful: flag,
  /** true: starts `count` new workers for this map. Default false. */
  new: flag,
  /** true: gives a TaskDetail, for `pullResultsForTask`, instead of the results. Default false. */
  returnTask: flag,
  /** Items that travel together. Default: as many as take a few milliseconds. With `timeout`: 1. */
  chunkSize: count(1),
  /** Aborting it cancels the map. */
  signal,
  /** Called at most every 100 ms, and at the end; `total` is undefined while it is not known. */
  onProgress: functionOf<(progress: Progress) => void>(),
  /** true: draws a progress bar on stderr. Default false. */
  progress: flag,
  /** How often a chunk whose worker died is given to another. Default 1. */
  maxRetries: count(0),
  /** true: yields { status, value | reason } for each item instead of throwing. Default false. */
  settle: flag,
  /** Milliseconds for one item, from its start; then its worker is replaced. Default: none. */
  timeout: time(),
}

/**
 * How a map is run. The type parameters are what its target is given: the types of `args`, `kwargs`, the items of
 * `mapArgs` and of `mapKwargs`, and the value of `stateful`; and the value of `settle`.
 */
export interface MapOptions<
  A extends readonly unknown[] = readonly unknown[],
  K extends object | undefined = object | undefined,
  MA extends readonly unknown[] = readonly unknown[],
  MK extends object | undefined = object | undefined,
  F extends boolean = boolean,
  Z extends boolean = boolean,
> extends OptionsOf<typeof mapFields> {
  args?: A
  kwargs?: K
  mapArgs?: MapIter<MA>
  mapKwargs?: MapIter<MK & object>
  stateful?: F
  settle?: Z
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
  if (!isGiven && !mapArgs && !mapKwargs)
    throw new TypeError(`${call}: nothing to map over: give mapIter, mapArgs or mapKwargs`)
  if (isGiven && !mapFields.mapArgs.is(mapIter))
    throw new TypeError(`${call}: mapIter must be an iterable, got ${describe(mapIter)}`)
  if (pool === 'shared' && isNew)
    throw new TypeError(
      `${call}: new: true is for workers of this program; those of a shared pool join by themselves`,
    )
  return options
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
