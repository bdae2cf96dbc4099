import { readOptions } from '../protocol/options.ts'
import * as condition from './condition.ts'
import {
  type ChangeLoopOptions,
  type ChangeOptions,
  changeFields,
  changeLoopFields,
  type LoopOptions,
  loopFields,
  type WatchOptions,
  watchFields,
} from './options.ts'
import { rawUpdate, snapshot } from './replies.ts'
import type { Key, Narrowed, RawUpdate, Snapshot } from './types.ts'
import type { Watcher } from './watch.ts'

type Loop<T> = AsyncIterableIterator<T>

/** All ways to watch a state: one promise each, then the same as async iterators. */
export abstract class Watchable<S extends object> {
  readonly #watcher: Watcher

  constructor(watcher: Watcher) {
    this.#watcher = watcher
  }

  /** Resolves at the next update by somebody else that changes one of `keys` (none given: any key). */
  getWhenChange(...keys: Key<S>[]): Promise<Snapshot<S>>
  getWhenChange(...keysAndOptions: [...keys: Key<S>[], options: ChangeOptions]): Promise<Snapshot<S>>
  getWhenChange(...args: unknown[]): Promise<Snapshot<S>> {
    return rejecting(() =>
      this.#watcher.once(...changeOf(args, 'state.getWhenChange', changeFields), snapshot<Snapshot<S>>),
    )
  }

  /** Resolves when `test` of the snapshot is truthy: now, or after any later update. A type guard narrows the snapshot. */
  getWhen<T extends Snapshot<S>>(test: (state: Snapshot<S>) => state is T, options?: WatchOptions): Promise<T>
  getWhen(test: (state: Snapshot<S>) => unknown, options?: WatchOptions): Promise<Snapshot<S>>
  getWhen(test: (state: Snapshot<S>) => unknown, options: WatchOptions = {}): Promise<Snapshot<S>> {
    return this.#once('getWhen', options, call => condition.test(test, call))
  }

  /** Resolves when the value of `key` equals `value`: now, or after any later update. */
  getWhenEqual<K extends Key<S>, const V extends S[K]>(
    key: K,
    value: V,
    options: WatchOptions = {},
  ): Promise<Narrowed<S, K, NoInfer<V>>> {
    return this.#once('getWhenEqual', options, call => condition.equal(key, value, call))
  }

  getWhenNotEqual<K extends Key<S>>(key: K, value: S[K], options: WatchOptions = {}): Promise<Snapshot<S>> {
    return this.#once('getWhenNotEqual', options, call => condition.notEqual(key, value, call))
  }

  /** None: null, undefined or missing. */
  getWhenNone(key: Key<S>, options: WatchOptions = {}): Promise<Snapshot<S>> {
    return this.#once('getWhenNone', options, call => condition.none(key, call))
  }

  getWhenNotNone<K extends Key<S>>(
    key: K,
    options: WatchOptions = {},
  ): Promise<Narrowed<S, K, NonNullable<S[K]>>> {
    return this.#once('getWhenNotNone', options, call => condition.notNone(key, call))
  }

  /** Available: the key is there, whatever its value. */
  getWhenAvailable<K extends Key<S>>(
    key: K,
    options: WatchOptions = {},
  ): Promise<Narrowed<S, K, Required<S>[K]>> {
    return this.#once('getWhenAvailable', options, call => condition.available(key, call))
  }

  /** Resolves at the next update by somebody else, with the states around it and who made it. */
  getRawUpdate(options: WatchOptions = {}): Promise<RawUpdate<S>> {
    return rejecting(() => {
      const call = 'state.getRawUpdate'
      const read = readOptions(watchFields, options, call)
      return this.#watcher.once(condition.anyUpdate, read, call, rawUpdate<S>)
    })
  }

  whenChange(...keys: Key<S>[]): Loop<Snapshot<S>>
  whenChange(...keysAndOptions: [...keys: Key<S>[], options: ChangeLoopOptions]): Loop<Snapshot<S>>
  whenChange(...args: unknown[]): Loop<Snapshot<S>> {
    return this.#watcher.iterate(
      ...changeOf(args, 'state.whenChange', changeLoopFields),
      snapshot<Snapshot<S>>,
    )
  }

  when<T extends Snapshot<S>>(test: (state: Snapshot<S>) => state is T, options?: LoopOptions): Loop<T>
  when(test: (state: Snapshot<S>) => unknown, options?: LoopOptions): Loop<Snapshot<S>>
  when(test: (state: Snapshot<S>) => unknown, options: LoopOptions = {}): Loop<Snapshot<S>> {
    return this.#each('when', options, call => condition.test(test, call))
  }

  whenEqual<K extends Key<S>, const V extends S[K]>(
    key: K,
    value: V,
    options: LoopOptions = {},
  ): Loop<Narrowed<S, K, NoInfer<V>>> {
    return this.#each('whenEqual', options, call => condition.equal(key, value, call))
  }

  whenNotEqual<K extends Key<S>>(key: K, value: S[K], options: LoopOptions = {}): Loop<Snapshot<S>> {
    return this.#each('whenNotEqual', options, call => condition.notEqual(key, value, call))
  }

  whenNone(key: Key<S>, options: LoopOptions = {}): Loop<Snapshot<S>> {
    return this.#each('whenNone', options, call => condition.none(key, call))
  }

  whenNotNone<K extends Key<S>>(key: K, options: LoopOptions = {}): Loop<Narrowed<S, K, NonNullable<S[K]>>> {
    return this.#each('whenNotNone', options, call => condition.notNone(key, call))
  }

  whenAvailable<K extends Key<S>>(key: K, options: LoopOptions = {}): Loop<Narrowed<S, K, Required<S>[K]>> {
    return this.#each('whenAvailable', options, call => condition.available(key, call))
  }

  rawUpdates(options: LoopOptions = {}): Loop<RawUpdate<S>> {
    const call = 'state.rawUpdates'
    const read = readOptions(loopFields, options, call)
    return this.#watcher.iterate(condition.anyUpdate, read, call, rawUpdate<S>)
  }

  #once<T extends Snapshot<S>>(
    name: string,
    given: WatchOptions,
    matcher: (call: string) => condition.Matcher,
  ): Promise<T> {
    return rejecting(() => {
      const call = `state.${name}`
      const options = readOptions(watchFields, given, call)
      return this.#watcher.once(matcher(call), options, call, snapshot<T>)
    })
  }

  #each<T extends Snapshot<S>>(
    name: string,
    given: LoopOptions,
    matcher: (call: string) => condition.Matcher,
  ): Loop<T> {
    const call = `state.${name}`
    const options = readOptions(loopFields, given, call)
    return this.#watcher.iterate(matcher(call), options, call, snapshot<T>)
  }
}

function rejecting<T>(begin: () => Promise<T>): Promise<T> {
  try {
    return begin()
  } catch (error) {
    return Promise.reject(error)
  }
}

/** What a watcher of changes is given: keys, and options after them if there are any. */
function changeOf(
  args: unknown[],
  call: string,
  fields: typeof changeFields | typeof changeLoopFields,
): [condition.Matcher, ChangeLoopOptions, call: string] {
  const [keys, given] = splitOptions<ChangeLoopOptions>(args)
  const options = readOptions(fields, given, call)
  return [condition.changeOf(keys, options, call), options, call]
}

/** The keys, and the options after them if there are any. */
export function splitOptions<O extends object>(args: unknown[]): [keys: unknown[], options: O] {
  const last = args.at(-1)
  const hasOptions = typeof last === 'object' && last !== null && !Array.isArray(last)
  return [hasOptions ? args.slice(0, -1) : args, (hasOptions ? last : {}) as O]
}
