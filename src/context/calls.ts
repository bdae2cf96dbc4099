import * as condition from '../client/condition.ts'
import { linkOf, type State } from '../client/state.ts'
import type { Snapshot } from '../client/types.ts'
import { checkWatchOptions } from '../client/watch.ts'
import type { Target, WatchAssignment } from '../process/assignment.ts'
import { bytesOf, type WatchMethod } from '../process/job.ts'
import type { ProcessOptions } from '../process/options.ts'
import type { Process } from '../process/process.ts'
import { toWire } from '../protocol/values.ts'
import { ship } from '../shipping/ship.ts'
import type { AnyFunction } from '../shipping/shipment.ts'
import { splitKeys } from './options.ts'
import type { Call, ChangeProcessOptions, Key, WatchProcessOptions } from './types.ts'

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

  /** Calls `handler(snapshot, state, ...args)` in a new process, once for each change of `keys` (none: any key). */
  callWhenChange<const O extends ChangeProcessOptions>(
    ...args: [...keys: Key<S>[], options: O]
  ): Call<S, O, this>
  callWhenChange(...keys: Key<S>[]): Call<S, ChangeProcessOptions, this>
  callWhenChange(...args: unknown[]): Call<S, ChangeProcessOptions, this> {
    const call = 'ctx.callWhenChange'
    const [keys, options] = splitKeys<ChangeProcessOptions>(args)
    condition.changeOf(keys, options, call)
    return this.#call('whenChange', keys, options)
  }

  callWhen<const O extends WatchProcessOptions = WatchProcessOptions>(
    test: (state: Snapshot<S>) => unknown,
    options?: O,
  ): Call<S, O, this>
  callWhen(
    test: (state: Snapshot<S>) => unknown,
    options: WatchProcessOptions = {},
  ): Call<S, WatchProcessOptions, this> {
    condition.test(test, 'ctx.callWhen')
    return this.#call('when', [], options, test)
  }

  callWhenEqual<K extends Key<S>, const O extends WatchProcessOptions = WatchProcessOptions>(
    key: K,
    value: S[K],
    options?: O,
  ): Call<S, O, this>
  callWhenEqual(
    key: string,
    value: unknown,
    options: WatchProcessOptions = {},
  ): Call<S, WatchProcessOptions, this> {
    condition.equal(key, value, 'ctx.callWhenEqual')
    return this.#call('whenEqual', [key, value], options)
  }

  callWhenNotEqual<K extends Key<S>, const O extends WatchProcessOptions = WatchProcessOptions>(
    key: K,
    value: S[K],
    options?: O,
  ): Call<S, O, this>
  callWhenNotEqual(
    key: string,
    value: unknown,
    options: WatchProcessOptions = {},
  ): Call<S, WatchProcessOptions, this> {
    condition.notEqual(key, value, 'ctx.callWhenNotEqual')
    return this.#call('whenNotEqual', [key, value], options)
  }

  callWhenNone<const O extends WatchProcessOptions = WatchProcessOptions>(
    key: Key<S>,
    options?: O,
  ): Call<S, O, this>
  callWhenNone(key: string, options: WatchProcessOptions = {}): Call<S, WatchProcessOptions, this> {
    condition.none(key, 'ctx.callWhenNone')
    return this.#call('whenNone', [key], options)
  }

  callWhenNotNone<const O extends WatchProcessOptions = WatchProcessOptions>(
    key: Key<S>,
    options?: O,
  ): Call<S, O, this>
  callWhenNotNone(key: string, options: WatchProcessOptions = {}): Call<S, WatchProcessOptions, this> {
    condition.notNone(key, 'ctx.callWhenNotNone')
    return this.#call('whenNotNone', [key], options)
  }

  callWhenAvailable<const O extends WatchProcessOptions = WatchProcessOptions>(
    key: Key<S>,
    options?: O,
  ): Call<S, O, this>
  callWhenAvailable(key: string, options: WatchProcessOptions = {}): Call<S, WatchProcessOptions, this> {
    condition.available(key, 'ctx.callWhenAvailable')
    return this.#call('whenAvailable', [key], options)
  }

  #call(
    method: WatchMethod,
    args: unknown[],
    given: ChangeProcessOptions,
    test?: AnyFunction,
  ): Call<S, ChangeProcessOptions, this> {
    const call = `ctx.call${method.replace('w', 'W')}`
    checkWatchOptions(given, call)
    const { live, timeout, duplicateOkay, exclude, ...options } = given
    const wires = args.map((arg, i) => bytesOf(toWire(arg, call, i === 0 ? 'key' : 'value')))
    const shipped = test && ship(test, { call: `${call}(test)` }).bytes
    const from = () => (live ? Promise.resolve(undefined) : this.#revision())
    const watch = () => ({
      method,
      args: wires,
      test: shipped,
      options: defined({ live, timeout, duplicateOkay, exclude }),
      from: from(),
    })
    return handler => this[begin](handler as Target, options, call, watch) as Process<void>
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

function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}
