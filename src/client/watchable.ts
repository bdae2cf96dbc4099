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

/** What `for await` takes. */
type Loop<T> = AsyncIterableIterator<T>

/**
 * The watchers of a State: `getWhen…` resolve once, `when…` are the same as loops.
 *
 * Errors of all of them: TypeError or RangeError for a wrong argument; `ZPROC_TIMEOUT` after `timeout`;
 * `ZPROC_MISSED_UPDATES` when updates that it has not seen are no longer kept; `ZPROC_CONNECTION` when the server is gone;
 * the signal's reason; `ZPROC_CLOSED` when the State is closed (loops end instead).
 */
export abstract class Watchable<S extends object> {
  readonly #watcher: Watcher

  constructor(watcher: Watcher) {
    this.#watcher = watcher
  }

  /**
   * Resolves with the state after the next update by another State that changes one of `keys`. No keys: any key.
   *
   *     const { gold } = await state.getWhenChange('gold', { timeout: 1000 })
   */
  getWhenChange(...keys: Key<S>[]): Promise<Snapshot<S>>
  getWhenChange(...keysAndOptions: [...keys: Key<S>[], options: ChangeOptions]): Promise<Snapshot<S>>
  getWhenChange(...args: unknown[]): Promise<Snapshot<S>> {
    return rejecting(() =>
      this.#watcher.once(...changeOf(args, 'state.getWhenChange', changeFields), snapshot<Snapshot<S>>),
    )
  }

  /**
   * Resolves with the first state for which `test` is truthy: the present one, or that after a later update. A type guard
   * narrows the snapshot. `test` runs in this process; what it throws rejects.
   *
   *     const { gold } = await state.getWhen(({ gold }) => gold < 40)
   */
  getWhen<T extends Snapshot<S>>(test: (state: Snapshot<S>) => state is T, options?: WatchOptions): Promise<T>
  getWhen(test: (state: Snapshot<S>) => unknown, options?: WatchOptions): Promise<Snapshot<S>>
  getWhen(test: (state: Snapshot<S>) => unknown, options: WatchOptions = {}): Promise<Snapshot<S>> {
    return this.#once('getWhen', options, call => condition.test(test, call))
  }

  /**
   * Resolves with the first state in which the value of `key` equals `value`, compared part by part: the present one, or
   * that after a later update.
   */
  getWhenEqual<K extends Key<S>, const V extends S[K]>(
    key: K,
    value: V,
    options: WatchOptions = {},
  ): Promise<Narrowed<S, K, NoInfer<V>>> {
    return this.#once('getWhenEqual', options, call => condition.equal(key, value, call))
  }

  /** Resolves with the first state in which the value of `key` does not equal `value`. A missing key equals undefined. */
  getWhenNotEqual<K extends Key<S>>(key: K, value: S[K], options: WatchOptions = {}): Promise<Snapshot<S>> {
    return this.#once('getWhenNotEqual', options, call => condition.notEqual(key, value, call))
  }

  /** Resolves with the first state in which `key` is null, undefined or missing. */
  getWhenNone(key: Key<S>, options: WatchOptions = {}): Promise<Snapshot<S>> {
    return this.#once('getWhenNone', options, call => condition.none(key, call))
  }

  /** Resolves with the first state in which `key` has a value other than null and undefined. */
  getWhenNotNone<K extends Key<S>>(
    key: K,
    options: WatchOptions = {},
  ): Promise<Narrowed<S, K, NonNullable<S[K]>>> {
    return this.#once('getWhenNotNone', options, call => condition.notNone(key, call))
  }

  /** Resolves with the first state that has `key`, whatever its value. */
  getWhenAvailable<K extends Key<S>>(
    key: K,
    options: WatchOptions = {},
  ): Promise<Narrowed<S, K, Required<S>[K]>> {
    return this.#once('getWhenAvailable', options, call => condition.available(key, call))
  }

  /**
   * Resolves with the next update by another State: the states before and after it, its revision, and which process made
   * it by which method.
   */
  getRawUpdate(options: WatchOptions = {}): Promise<RawUpdate<S>> {
    return rejecting(() => {
      const call = 'state.getRawUpdate'
      const read = readOptions(watchFields, options, call)
      return this.#watcher.once(condition.anyUpdate, read, call, rawUpdate<S>)
    })
  }

  /**
   * The states after each update by another State that changes one of `keys`, in order. No keys: any key.
   *
   *     for await (const { gold } of state.whenChange('gold')) console.log(gold)
   */
  whenChange(...keys: Key<S>[]): Loop<Snapshot<S>>
  whenChange(...keysAndOptions: [...keys: Key<S>[], options: ChangeLoopOptions]): Loop<Snapshot<S>>
  whenChange(...args: unknown[]): Loop<Snapshot<S>> {
    return this.#watcher.iterate(
      ...changeOf(args, 'state.whenChange', changeLoopFields),
      snapshot<Snapshot<S>>,
    )
  }

  /**
   * The states for which `test` is truthy: the present one, then that after each later update by another State.
   */
  when<T extends Snapshot<S>>(test: (state: Snapshot<S>) => state is T, options?: LoopOptions): Loop<T>
  when(test: (state: Snapshot<S>) => unknown, options?: LoopOptions): Loop<Snapshot<S>>
  when(test: (state: Snapshot<S>) => unknown, options: LoopOptions = {}): Loop<Snapshot<S>> {
    return this.#each('when', options, call => condition.test(test, call))
  }

  /** The states in which the value of `key` equals `value`: the present one, then that after each later update. */
  whenEqual<K extends Key<S>, const V extends S[K]>(
    key: K,
    value: V,
    options: LoopOptions = {},
  ): Loop<Narrowed<S, K, NoInfer<V>>> {
    return this.#each('whenEqual', options, call => condition.equal(key, value, call))
  }

  /** The states in which the value of `key` does not equal `value`. A missing key equals undefined. */
  whenNotEqual<K extends Key<S>>(key: K, value: S[K], options: LoopOptions = {}): Loop<Snapshot<S>> {
    return this.#each('whenNotEqual', options, call => condition.notEqual(key, value, call))
  }

  /** The states in which `key` is null, undefined or missing. */
  whenNone(key: Key<S>, options: LoopOptions = {}): Loop<Snapshot<S>> {
    return this.#each('whenNone', options, call => condition.none(key, call))
  }

  /** The states in which `key` has a value other than null and undefined. */
  whenNotNone<K extends Key<S>>(key: K, options: LoopOptions = {}): Loop<Narrowed<S, K, NonNullable<S[K]>>> {
    return this.#each('whenNotNone', options, call => condition.notNone(key, call))
  }

  /** The states that have `key`, whatever its value. */
  whenAvailable<K extends Key<S>>(key: K, options: LoopOptions = {}): Loop<Narrowed<S, K, Required<S>[K]>> {
    return this.#each('whenAvailable', options, call => condition.available(key, call))
  }

  /**
   * The updates by other States, in order: the states before and after each, its revision, and what made it.
   *
   *     for await (const { revision, by } of state.rawUpdates()) console.log(revision, by.name, by.method)
   */
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
