import * as condition from '../client/condition.ts'
import { linkOf, type State } from '../client/state.ts'
import type { Key, Narrowed, Snapshot } from '../client/types.ts'
import { checkOwn } from '../client/watch.ts'
import { splitOptions } from '../client/watchable.ts'
import type { Target, WatchAssignment } from '../process/assignment.ts'
import { bytesOf, type WatchMethod } from '../process/job.ts'
import { checkTogether, type ProcessOptions } from '../process/options.ts'
import type { Process } from '../process/process.ts'
import { readOptions } from '../protocol/options.ts'
import { toWire } from '../protocol/values.ts'
import { ship } from '../shipping/ship.ts'
import type { AnyFunction } from '../shipping/shipment.ts'
import {
  type ChangeProcessOptions,
  changeProcessFields,
  type WatchProcessOptions,
  watchProcessFields,
} from './options.ts'
import type { Call, Given } from './types.ts'

type AnyCall = (handler: Target) => Process<void>

/** @internal How a process is started, for the calls. */
export const begin = Symbol('begin')

/** The part of a Context that has its processes called when the state changes. */
export abstract class Calls<S extends object> {
  abstract readonly state: State<S>

  /** @internal */
  abstract [begin](
    target: Target,
    options: ProcessOptions,
    call: string,
    watch: () => WatchAssignment,
  ): Process

  /**
   * Calls `handler(snapshot, state, ...args)` in a new process, once for each update by another State that changes one of
   * `keys`. No keys: any key. The updates count from this call on, also while the process starts.
   *
   *     ctx.callWhenChange('gold')(({ gold }) => console.log(gold))
   *
   * Errors of all `callWhen…`: TypeError or RangeError for a wrong argument; a handler that fails is the process's error,
   * and with `retryFor` is called again with the same update.
   */
  callWhenChange(...keys: Key<S>[]): Call<Snapshot<S>, [state: State<S>]>
  callWhenChange<
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    F extends boolean = true,
    C extends boolean = false,
  >(
    ...keysAndOptions: [...keys: Key<S>[], options: ChangeProcessOptions<A, K, F, C>]
  ): Call<Snapshot<S>, Given<S, this, A, K, F, C>>
  callWhenChange(...args: unknown[]): AnyCall {
    const call = callOf('whenChange')
    const [keys, given] = splitOptions<ChangeProcessOptions>(args)
    const options = readOptions(changeProcessFields, given, call)
    return this.#call('whenChange', keys, options, condition.changeOf(keys, options, call))
  }

  /** Calls the handler in a new process for each state for which `test` is truthy. A type guard narrows the snapshot. */
  callWhen<
    T extends Snapshot<S>,
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    F extends boolean = true,
    C extends boolean = false,
  >(
    test: (state: Snapshot<S>) => state is T,
    options?: WatchProcessOptions<A, K, F, C>,
  ): Call<T, Given<S, this, A, K, F, C>>
  callWhen<
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    F extends boolean = true,
    C extends boolean = false,
  >(
    test: (state: Snapshot<S>) => unknown,
    options?: WatchProcessOptions<A, K, F, C>,
  ): Call<Snapshot<S>, Given<S, this, A, K, F, C>>
  callWhen(test: (state: Snapshot<S>) => unknown, options: WatchProcessOptions = {}): AnyCall {
    const call = callOf('when')
    const read = readOptions(watchProcessFields, options, call)
    return this.#call('when', [], read, condition.test(test, call), test)
  }

  /** Calls the handler in a new process for each state in which the value of `key` equals `value`. */
  callWhenEqual<
    Q extends Key<S>,
    const V extends S[Q],
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    F extends boolean = true,
    C extends boolean = false,
  >(
    key: Q,
    value: V,
    options?: WatchProcessOptions<A, K, F, C>,
  ): Call<Narrowed<S, Q, NoInfer<V>>, Given<S, this, A, K, F, C>>
  callWhenEqual(key: unknown, value: unknown, options: WatchProcessOptions = {}): AnyCall {
    return this.#callIf('whenEqual', condition.equal, [key, value], options)
  }

  /** Calls the handler in a new process for each state in which the value of `key` does not equal `value`. */
  callWhenNotEqual<
    Q extends Key<S>,
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    F extends boolean = true,
    C extends boolean = false,
  >(
    key: Q,
    value: S[Q],
    options?: WatchProcessOptions<A, K, F, C>,
  ): Call<Snapshot<S>, Given<S, this, A, K, F, C>>
  callWhenNotEqual(key: unknown, value: unknown, options: WatchProcessOptions = {}): AnyCall {
    return this.#callIf('whenNotEqual', condition.notEqual, [key, value], options)
  }

  /** Calls the handler in a new process for each state in which `key` is null, undefined or missing. */
  callWhenNone<
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    F extends boolean = true,
    C extends boolean = false,
  >(key: Key<S>, options?: WatchProcessOptions<A, K, F, C>): Call<Snapshot<S>, Given<S, this, A, K, F, C>>
  callWhenNone(key: unknown, options: WatchProcessOptions = {}): AnyCall {
    return this.#callIf('whenNone', condition.none, [key], options)
  }

  /** Calls the handler in a new process for each state in which `key` has a value other than null and undefined. */
  callWhenNotNone<
    Q extends Key<S>,
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    F extends boolean = true,
    C extends boolean = false,
  >(
    key: Q,
    options?: WatchProcessOptions<A, K, F, C>,
  ): Call<Narrowed<S, Q, NonNullable<S[Q]>>, Given<S, this, A, K, F, C>>
  callWhenNotNone(key: unknown, options: WatchProcessOptions = {}): AnyCall {
    return this.#callIf('whenNotNone', condition.notNone, [key], options)
  }

  /** Calls the handler in a new process for each state that has `key`. */
  callWhenAvailable<
    Q extends Key<S>,
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    F extends boolean = true,
    C extends boolean = false,
  >(
    key: Q,
    options?: WatchProcessOptions<A, K, F, C>,
  ): Call<Narrowed<S, Q, Required<S>[Q]>, Given<S, this, A, K, F, C>>
  callWhenAvailable(key: unknown, options: WatchProcessOptions = {}): AnyCall {
    return this.#callIf('whenAvailable', condition.available, [key], options)
  }

  #callIf<A extends unknown[]>(
    method: WatchMethod,
    condition: (...args: [...A, call: string]) => condition.Matcher,
    args: A,
    given: WatchProcessOptions,
  ): AnyCall {
    const call = callOf(method)
    const options = readOptions(watchProcessFields, given, call)
    return this.#call(method, args, options, condition(...args, call))
  }

  #call(
    method: WatchMethod,
    args: unknown[],
    given: ChangeProcessOptions,
    matcher: condition.Matcher,
    test?: AnyFunction,
  ): AnyCall {
    const call = callOf(method)
    checkOwn(matcher, given, call)
    const { live, own, timeout, duplicateOkay, exclude, ...options } = given
    checkTogether(options, call)
    const wires = args.map((arg, i) => bytesOf(toWire(arg, call, i === 0 ? 'key' : 'value')))
    const shipped = test && ship(test, { call: `${call}(test)` }).bytes
    const from = () => (live ? Promise.resolve(undefined) : this.#revision())
    const watch = () => ({
      method,
      args: wires,
      test: shipped,
      options: defined({ live, own, timeout, duplicateOkay, exclude }),
      from: from(),
    })
    return handler => this[begin](handler, options, call, watch) as Process<void>
  }

  /** The newest revision, asked for now: nothing is missed between a call and the start of its process. */
  #revision(): Promise<number> {
    const cursor = this.state.fork()
    const start = startOf(cursor)
    void cursor.close()
    return start
  }
}

/** The revision that a State starts at. */
export function startOf<S extends object>(state: State<S>): Promise<number> {
  const { start } = linkOf(state as unknown as State<object>, 'new Context')
  start.catch(() => {})
  return start
}

const callOf = (method: WatchMethod): string => `ctx.call${method.replace('w', 'W')}`

function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}
