import { checkTime } from '../async/interval.ts'
import * as condition from '../client/condition.ts'
import { linkOf, State } from '../client/state.ts'
import type { AnyState, Snapshot } from '../client/types.ts'
import { checkWatchOptions } from '../client/watch.ts'
import { Maps, type MapTarget } from '../map/map.ts'
import type { MapIter, MapOptions, TaskDetail } from '../map/options.ts'
import type { MakeWorker } from '../map/pool.ts'
import type { MapResult, Settled } from '../map/result.ts'
import type { Target, WatchAssignment } from '../process/assignment.ts'
import { bytesOf, type WatchMethod } from '../process/job.ts'
import type { ProcessOptions } from '../process/options.ts'
import { type InnerProcessOptions, Process } from '../process/process.ts'
import { Spares } from '../process/spares.ts'
import { randomIpcAddress } from '../protocol/address.ts'
import { describe, toWire } from '../protocol/values.ts'
import type { Server } from '../server/start.ts'
import { ship } from '../shipping/ship.ts'
import type { AnyFunction } from '../shipping/shipment.ts'
import { type ContextEvent, Events } from './events.ts'
import { contextArguments, type Settings, settingsOf, splitKeys } from './options.ts'
import { OwnServer } from './own-server.ts'
import type {
  Call,
  ChangeProcessOptions,
  ContextOptions,
  FactoryOptions,
  Key,
  Returned,
  TargetOf,
  WatchProcessOptions,
} from './types.ts'

/**
 * A State and the processes around it, with a server of its own unless it is given the address of one.
 *
 *     const ctx = new Context<{ cookies: number }>()
 *     const baker = ctx.process(async state => state.set('cookies', 5))
 *     await baker.wait()
 *     await ctx.state.get('cookies') // 5
 */
export class Context<S extends object = AnyState> {
  readonly state: State<S>
  readonly serverAddress: string
  readonly namespace: string
  readonly secretKey: string | undefined
  /** Its own server; null when it joined one. */
  readonly serverProcess: Server | null
  readonly #own: OwnServer | null
  /** Resolves when the server answers. There is no need to await it: every method does. */
  readonly ready: Promise<void>
  /** The processes that it started, in order, ended ones included. */
  readonly processList: Process[] = []
  readonly #settings: Settings
  readonly #spares: Spares
  readonly #events: Events
  readonly #maps: Maps
  /** What processes wait for before they run; undefined once the server is there. */
  #starting: Promise<unknown> | undefined
  #closed: Promise<void> | undefined

  constructor(serverAddress?: string | null, options?: ContextOptions)
  constructor(options?: ContextOptions)
  constructor(...args: [address?: string | null | ContextOptions, options?: ContextOptions]) {
    const [address, options] = contextArguments(args)
    const settings = settingsOf(options)
    this.#settings = settings
    this.namespace = settings.namespace
    this.secretKey = settings.secretKey
    this.serverAddress = address ?? randomIpcAddress()
    this.#events = new Events(() => [...this.processList, ...this.workerList])
    const own =
      address === undefined
        ? new OwnServer(this.serverAddress, settings, hung =>
            this.#events.add({ type: 'serverHung', time: Date.now(), ...hung }),
          )
        : null
    this.serverProcess = own
    this.#own = own
    this.#starting = own?.ready
    own?.ready.then(
      () => {
        this.#starting = undefined
      },
      () => {},
    )
    const { namespace, secretKey } = this
    const inner = { namespace, secretKey, ready: own?.ready }
    this.state = new State<S>(this.serverAddress, inner)
    this.ready = startOf(this.state).then(() => {})
    // The first use tells of a failure; a Context that is not used is no reason to crash.
    this.ready.catch(() => {})
    this.#spares = new Spares(settings.spares)
    this.#maps = new Maps(this.namespace, (path, worker, ended) => this.#worker(path, worker, ended))
  }

  /** Starts a process that runs `target`, and returns at once. With options alone: a function that takes the target. */
  process<const O extends ProcessOptions = ProcessOptions, R = unknown>(
    target: TargetOf<S, O, R, Context<S>>,
    options?: O,
  ): Returned<R>
  process(target: URL, options?: ProcessOptions): Process<unknown>
  process<const O extends ProcessOptions = ProcessOptions>(
    options: O,
  ): <R>(target: TargetOf<S, O, R, Context<S>>) => Returned<R>
  process(target: Target | ProcessOptions, options?: ProcessOptions): unknown {
    if (typeof target === 'function' || target instanceof URL)
      return this.#start(target, options, 'ctx.process')
    if (options !== undefined)
      throw new TypeError(
        `ctx.process: the target must be a function or the URL of a module, got ${describe(target)}`,
      )
    return (given: Target) => this.#start(given, target, 'ctx.process')
  }

  /** `count` processes of each target. */
  processFactory<const O extends FactoryOptions = FactoryOptions, R = unknown>(
    target: TargetOf<S, O, R, Context<S>> | readonly TargetOf<S, O, R, Context<S>>[],
    options?: O,
  ): Returned<R>[]
  processFactory(target: URL | readonly URL[], options?: FactoryOptions): Process<unknown>[]
  processFactory(target: Target | readonly Target[], options: FactoryOptions = {}): unknown {
    const call = 'ctx.processFactory'
    if (typeof options !== 'object' || options === null)
      throw new TypeError(`${call}: the options must be an object, got ${describe(options)}`)
    const { count = 1, ...others } = options
    if (!Number.isSafeInteger(count) || count < 0)
      throw new RangeError(`${call}: count must be a whole number, 0 or more, got ${describe(count)}`)
    const targets: readonly Target[] = Array.isArray(target) ? target : [target]
    return targets.flatMap(one => Array.from({ length: count }, () => this.#start(one, others, call)))
  }

  /** Calls `handler(snapshot, state, ...args)` in a new process, once for each change of `keys` (none: any key). */
  callWhenChange<const O extends ChangeProcessOptions>(
    ...args: [...keys: Key<S>[], options: O]
  ): Call<S, O, Context<S>>
  callWhenChange(...keys: Key<S>[]): Call<S, ChangeProcessOptions, Context<S>>
  callWhenChange(...args: unknown[]): Call<S, ChangeProcessOptions, Context<S>> {
    const call = 'ctx.callWhenChange'
    const [keys, options] = splitKeys<ChangeProcessOptions>(args)
    condition.changeOf(keys, options, call)
    return this.#call('whenChange', keys, options)
  }

  callWhen<const O extends WatchProcessOptions = WatchProcessOptions>(
    test: (state: Snapshot<S>) => unknown,
    options?: O,
  ): Call<S, O, Context<S>>
  callWhen(
    test: (state: Snapshot<S>) => unknown,
    options: WatchProcessOptions = {},
  ): Call<S, WatchProcessOptions, Context<S>> {
    condition.test(test, 'ctx.callWhen')
    return this.#call('when', [], options, test)
  }

  callWhenEqual<K extends Key<S>, const O extends WatchProcessOptions = WatchProcessOptions>(
    key: K,
    value: S[K],
    options?: O,
  ): Call<S, O, Context<S>>
  callWhenEqual(
    key: string,
    value: unknown,
    options: WatchProcessOptions = {},
  ): Call<S, WatchProcessOptions, Context<S>> {
    condition.equal(key, value, 'ctx.callWhenEqual')
    return this.#call('whenEqual', [key, value], options)
  }

  callWhenNotEqual<K extends Key<S>, const O extends WatchProcessOptions = WatchProcessOptions>(
    key: K,
    value: S[K],
    options?: O,
  ): Call<S, O, Context<S>>
  callWhenNotEqual(
    key: string,
    value: unknown,
    options: WatchProcessOptions = {},
  ): Call<S, WatchProcessOptions, Context<S>> {
    condition.notEqual(key, value, 'ctx.callWhenNotEqual')
    return this.#call('whenNotEqual', [key, value], options)
  }

  callWhenNone<const O extends WatchProcessOptions = WatchProcessOptions>(
    key: Key<S>,
    options?: O,
  ): Call<S, O, Context<S>>
  callWhenNone(key: string, options: WatchProcessOptions = {}): Call<S, WatchProcessOptions, Context<S>> {
    condition.none(key, 'ctx.callWhenNone')
    return this.#call('whenNone', [key], options)
  }

  callWhenNotNone<const O extends WatchProcessOptions = WatchProcessOptions>(
    key: Key<S>,
    options?: O,
  ): Call<S, O, Context<S>>
  callWhenNotNone(key: string, options: WatchProcessOptions = {}): Call<S, WatchProcessOptions, Context<S>> {
    condition.notNone(key, 'ctx.callWhenNotNone')
    return this.#call('whenNotNone', [key], options)
  }

  callWhenAvailable<const O extends WatchProcessOptions = WatchProcessOptions>(
    key: Key<S>,
    options?: O,
  ): Call<S, O, Context<S>>
  callWhenAvailable(
    key: string,
    options: WatchProcessOptions = {},
  ): Call<S, WatchProcessOptions, Context<S>> {
    condition.available(key, 'ctx.callWhenAvailable')
    return this.#call('whenAvailable', [key], options)
  }

  /** The workers of `processMap`. */
  get workerList(): Process[] {
    return this.#maps.pool.processes
  }

  /**
   * Applies `target` to every item, in worker processes that are started once and used again. The results come in
   * the order of the items and are computed from the call on.
   *
   *     for await (const square of ctx.processMap((x: number) => x * x, [1, 2, 3])) console.log(square)
   *
   * Each call is `target(state?, item, ...mapArgs[i], ...args, { ...mapKwargs[i], ...kwargs }?)`.
   */
  processMap(
    target: MapTarget,
    mapIter: MapIter<unknown> | null | undefined,
    options: MapOptions & { returnTask: true },
  ): TaskDetail
  processMap<T, R>(
    target: (item: T, ...rest: never[]) => R,
    mapIter: MapIter<T>,
    options: MapOptions & { settle: true; stateful?: false },
  ): MapResult<Settled<Awaited<R>>>
  processMap<T, R>(
    target: (item: T, ...rest: never[]) => R,
    mapIter: MapIter<T>,
    options?: MapOptions & { stateful?: false },
  ): MapResult<Awaited<R>>
  processMap<R>(
    target: ((...args: never[]) => R) | URL,
    mapIter?: MapIter<unknown> | null,
    options?: MapOptions,
  ): MapResult<Awaited<R>>
  processMap(target: MapTarget, mapIter?: unknown, options: MapOptions = {}): unknown {
    if (this.#closed) throw new Error('ctx.processMap: this Context is closed')
    return this.#maps.start(target, mapIter, options)
  }

  /** The results of a map that was started with `returnTask: true`; once. */
  pullResultsForTask<R = unknown>(task: TaskDetail): MapResult<R> {
    return this.#maps.pull(task) as MapResult<R>
  }

  /**
   * What the processes of `processList` returned, in its order. `timeout`: for all of them together.
   * With `safe: true` an error takes the place of its result, else the first one rejects.
   */
  async waitAll(options: { timeout?: number; safe?: boolean } = {}): Promise<unknown[]> {
    const { timeout, safe = false } = options
    checkTime(timeout, 'ctx.waitAll', 'timeout')
    const waits = this.processList.map(process => process.wait(timeout === undefined ? {} : { timeout }))
    if (!safe) return Promise.all(waits)
    const results = await Promise.allSettled(waits)
    return results.map(result => (result.status === 'fulfilled' ? result.value : result.reason))
  }

  /** Starts the processes that were not started. */
  startAll(): void {
    for (const process of this.processList) if (process.isNew) process.start()
  }

  /** Stops the processes of `processList`: their exit codes, in its order. */
  stopAll(options: { killAfter?: number } = {}): Promise<(number | null)[]> {
    return Promise.all(this.processList.map(process => process.stop(options)))
  }

  ping(options: { timeout?: number; sentPayload?: Uint8Array } = {}): Promise<number | null> {
    return this.state.ping(options)
  }

  /** What happens to the processes from now on. Ends when the Context is closed. */
  events(): AsyncIterableIterator<ContextEvent> {
    return this.#events.iterate()
  }

  /** Stops the processes, ends the State, then the server if it is its own. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#spares.close()
    await Promise.all([this.#maps.close(), ...this.processList.map(process => process.stop())])
    this.#events.end()
    // One that hangs is ended without waiting for its answers.
    await Promise.race([this.state.close(), ...(this.#own ? [this.#own.hung] : [])])
    await this.#own?.stop()
  }

  #worker(path: string, worker: number, ended: Parameters<MakeWorker>[2]): Process {
    const { defaults, cleanup } = this.#settings
    // The pool replaces workers itself. What the defaults say of targets is not said of this one.
    const options: ProcessOptions = {
      ...defaults,
      args: [path, worker],
      kwargs: undefined,
      stateful: true,
      passContext: false,
      retryFor: undefined,
      start: true,
      name: `worker ${worker}`,
    }
    const inner: InnerProcessOptions = {
      call: 'ctx.processMap',
      ready: this.#starting,
      contextModule: ownModule.href,
      tied: cleanup,
      hold: () => this.#events.awaited,
      spares: this.#spares,
      observe: event => {
        this.#events.add(event)
        if (event.type === 'exited') ended(event)
      },
    }
    return new Process(workerModule, this.serverAddress, options, inner)
  }

  #start(target: Target, options: ProcessOptions | undefined, call: string, watch?: () => WatchAssignment) {
    if (this.#closed) throw new Error(`${call}: this Context is closed`)
    const { defaults, cleanup, wait } = this.#settings
    const inner: InnerProcessOptions = {
      call,
      ready: this.#starting,
      watch: watch?.(),
      contextModule: ownModule.href,
      tied: cleanup,
      hold: () => wait || this.#events.awaited,
      spares: this.#spares,
      observe: event => this.#events.add(event),
    }
    const started = new Process(target, this.serverAddress, { ...defaults, ...options }, inner)
    this.processList.push(started)
    return started
  }

  #call(
    method: WatchMethod,
    args: unknown[],
    given: ChangeProcessOptions,
    test?: AnyFunction,
  ): Call<S, ChangeProcessOptions, Context<S>> {
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
    return handler => this.#start(handler as Target, options, call, watch) as Process<void>
  }

  /** The newest revision, asked for now: nothing is missed between a call and the start of its process. */
  #revision(): Promise<number> {
    const cursor = this.state.fork()
    const start = startOf(cursor)
    void cursor.close()
    return start
  }
}

const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
const ownModule = new URL(`../context/context${ending}`, import.meta.url)
const workerModule = new URL(`../map/worker${ending}`, import.meta.url)

/** The revision that a State starts at. */
function startOf<S extends object>(state: State<S>): Promise<number> {
  const { start } = linkOf(state as unknown as State<object>, 'new Context')
  start.catch(() => {})
  return start
}

function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}
