import * as condition from './condition.ts'
import { rawUpdate, snapshot } from './replies.ts'
import type { ChangeOptions, Key, RawUpdate, Snapshot, WatchOptions } from './types.ts'
import type { Watcher } from './watch.ts'

/** All ways to watch a state: one promise each, then the same as async iterators. */
export abstract class Watchable<S extends object> {
  readonly #watcher: Watcher

  constructor(watcher: Watcher) {
    this.#watcher = watcher
  }

  /** Resolves at the next update by somebody else that changes one of `keys` (none given: any key). */
  getWhenChange(...keys: [...Key<S>[], ChangeOptions] | Key<S>[]): Promise<Snapshot<S>> {
    return this.#once('getWhenChange', call => {
      const options = optionsOf(keys)
      return [condition.changeOf(keys as string[], options, call), options]
    })
  }

  /** Resolves when `test` of the snapshot is truthy: now, or after any later update. */
  getWhen(test: (state: Snapshot<S>) => unknown, options: WatchOptions = {}): Promise<Snapshot<S>> {
    return this.#once('getWhen', call => [condition.test(test, call), options])
  }

  getWhenEqual<K extends Key<S>>(key: K, value: S[K], options: WatchOptions = {}): Promise<Snapshot<S>> {
    return this.#once('getWhenEqual', call => [condition.equal(key, value, call), options])
  }

  getWhenNotEqual<K extends Key<S>>(key: K, value: S[K], options: WatchOptions = {}): Promise<Snapshot<S>> {
    return this.#once('getWhenNotEqual', call => [condition.notEqual(key, value, call), options])
  }

  /** None: null, undefined or missing. */
  getWhenNone(key: Key<S>, options: WatchOptions = {}): Promise<Snapshot<S>> {
    return this.#once('getWhenNone', call => [condition.none(key, call), options])
  }

  getWhenNotNone(key: Key<S>, options: WatchOptions = {}): Promise<Snapshot<S>> {
    return this.#once('getWhenNotNone', call => [condition.notNone(key, call), options])
  }

  /** Available: the key is there, whatever its value. */
  getWhenAvailable(key: Key<S>, options: WatchOptions = {}): Promise<Snapshot<S>> {
    return this.#once('getWhenAvailable', call => [condition.available(key, call), options])
  }

  /** Resolves at the next update by somebody else, with the states around it and who made it. */
  getRawUpdate(options: WatchOptions = {}): Promise<RawUpdate<S>> {
    return this.#watcher.once(condition.anyUpdate, options, 'state.getRawUpdate', rawUpdate<S>)
  }

  whenChange(...keys: [...Key<S>[], ChangeOptions] | Key<S>[]): AsyncIterableIterator<Snapshot<S>> {
    const options = optionsOf(keys)
    const call = 'state.whenChange'
    return this.#watcher.iterate(
      condition.changeOf(keys as string[], options, call),
      options,
      call,
      snapshot<S>,
    )
  }

  when(
    test: (state: Snapshot<S>) => unknown,
    options: WatchOptions = {},
  ): AsyncIterableIterator<Snapshot<S>> {
    return this.#each('when', condition.test(test, 'state.when'), options)
  }

  whenEqual<K extends Key<S>>(
    key: K,
    value: S[K],
    options: WatchOptions = {},
  ): AsyncIterableIterator<Snapshot<S>> {
    return this.#each('whenEqual', condition.equal(key, value, 'state.whenEqual'), options)
  }

  whenNotEqual<K extends Key<S>>(
    key: K,
    value: S[K],
    options: WatchOptions = {},
  ): AsyncIterableIterator<Snapshot<S>> {
    return this.#each('whenNotEqual', condition.notEqual(key, value, 'state.whenNotEqual'), options)
  }

  whenNone(key: Key<S>, options: WatchOptions = {}): AsyncIterableIterator<Snapshot<S>> {
    return this.#each('whenNone', condition.none(key, 'state.whenNone'), options)
  }

  whenNotNone(key: Key<S>, options: WatchOptions = {}): AsyncIterableIterator<Snapshot<S>> {
    return this.#each('whenNotNone', condition.notNone(key, 'state.whenNotNone'), options)
  }

  whenAvailable(key: Key<S>, options: WatchOptions = {}): AsyncIterableIterator<Snapshot<S>> {
    return this.#each('whenAvailable', condition.available(key, 'state.whenAvailable'), options)
  }

  rawUpdates(options: WatchOptions = {}): AsyncIterableIterator<RawUpdate<S>> {
    return this.#watcher.iterate(condition.anyUpdate, options, 'state.rawUpdates', rawUpdate<S>)
  }

  #once(name: string, arrange: (call: string) => [condition.Matcher, WatchOptions]): Promise<Snapshot<S>> {
    const call = `state.${name}`
    try {
      const [matcher, options] = arrange(call)
      return this.#watcher.once(matcher, options, call, snapshot<S>)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #each(name: string, matcher: condition.Matcher, options: WatchOptions): AsyncIterableIterator<Snapshot<S>> {
    return this.#watcher.iterate(matcher, options, `state.${name}`, snapshot<S>)
  }
}

function optionsOf(args: unknown[]): ChangeOptions {
  const last = args[args.length - 1]
  if (typeof last !== 'object' || last === null || Array.isArray(last)) return {}
  return args.pop() as ChangeOptions
}
