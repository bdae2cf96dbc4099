import type { InspectOptionsStylized } from 'node:util'
import { wallClock } from '../async/interval.ts'
import { SHOWN, shown } from '../async/shown.ts'
import type { ConnectedPingOptions } from '../client/options.ts'
import { linkOf, State } from '../client/state.ts'
import type { AnyState } from '../client/types.ts'
import { ClosedError } from '../errors.ts'
import { Maps, type MapTarget } from '../map/maps.ts'
import type { MapIter, MapOptions, TaskDetail } from '../map/options.ts'
import type { MapResult, Yielded } from '../map/result.ts'
import type { Target, WatchAssignment } from '../process/assignment.ts'
import { type ProcessOptions, readProcessOptions, type StopOptions, stopFields } from '../process/options.ts'
import type { Process } from '../process/process.ts'
import { randomIpcAddress } from '../protocol/address.ts'
import { readOptions } from '../protocol/options.ts'
import { describe } from '../protocol/values.ts'
import type { Server } from '../server/start.ts'
import { warmUp } from '../shipping/warm.ts'
import { begin, Calls, startOf } from './calls.ts'
import { type ContextEvent, Events } from './events.ts'
import { ensureServer, namedAddress } from './join.ts'
import type { ContextOptions } from './options.ts'
import {
  type FactoryOptions,
  factoryFields,
  type JoinOptions,
  joinOptionFields,
  settingsOf,
  type WaitAllOptions,
  waitAllFields,
} from './options.ts'
import { OwnServer } from './own-server.ts'
import { Processes } from './processes.ts'
import { Reports } from './reports.ts'
import type { Given, MapGiven, OneOrMore, Returned, StateIn } from './types.ts'

/**
 * A State and the processes around it, with a server of its own unless it is given the address of one. It ends its server
 * and its processes with the program, or at `close()`.
 *
 *     const ctx = new Context<{ cookies: number }>()
 *     const baker = ctx.process(async state => state.set('cookies', 5))
 *     await baker.wait()
 *     await ctx.state.get('cookies') // 5
 */
export class Context<S extends object = AnyState> extends Calls<S> {
  /** The State that all of its processes share. */
  readonly state: State<S>
  /** The address of the server: for other programs, processes and States. */
  readonly serverAddress: string
  /** The namespace of its State and processes. */
  readonly namespace: string
  /** The server that it started; null when it joined one. */
  readonly serverProcess: Server | null
  readonly #own: OwnServer | null
  readonly #secretKey: string | undefined
  /** Resolves when the server answers. There is no need to await it: every method does. */
  readonly ready: Promise<void>
  readonly #processes: Processes
  readonly #events: Events
  readonly #maps: Maps
  readonly #endReports: () => void
  // Those that are open, forks included.
  readonly #states = new Set<State>()
  #closed: Promise<void> | undefined

  /**
   * Starts a server, or joins the one at `serverAddress`, and returns at once: an error of the server is that of the first
   * call. Throws TypeError or RangeError for a wrong argument.
   *
   *     const ctx = new Context<{ cookies: number }>({ server: { data: './data' } })
   */
  constructor(serverAddress?: string | null, options?: ContextOptions)
  constructor(options?: ContextOptions)
  /** @internal `ready`: the server is being looked for, or started. */
  constructor(serverAddress: string, options: ContextOptions, ready: Promise<unknown>)
  constructor(
    ...[first, second, joined]: [
      address?: string | null | ContextOptions,
      options?: ContextOptions,
      ready?: Promise<unknown>,
    ]
  ) {
    super()
    const settings = settingsOf(second === undefined ? [first] : [first, second])
    const { address } = settings
    const { namespace, secretKey } = settings
    this.namespace = namespace
    this.#secretKey = secretKey
    this.serverAddress = address ?? randomIpcAddress()
    this.#events = new Events(() => [...this.processList, ...this.workerList])
    const own =
      address === undefined
        ? new OwnServer(this.serverAddress, settings, hung =>
            this.#events.add({ type: 'serverHung', time: wallClock(), ...hung }),
          )
        : null
    this.serverProcess = own
    this.#own = own
    const ready = own?.ready ?? joined
    warmUp()
    const { connectTimeout } = settings
    const options = { namespace, secretKey, connectTimeout }
    this.state = new State<S>(this.serverAddress, options, { ready, family: this.#states })
    this.ready = startOf(this.state).then(() => {})
    // The first use tells of a failure; a Context that is not used is no reason to crash.
    this.ready.catch(() => {})
    this.#processes = new Processes(this.serverAddress, settings, ready, this.#events)
    this.#connection().events.add(this.#events.add)
    const place = { address: this.serverAddress, ...options, ready }
    this.#maps = new Maps(place, (...worker) => this.#processes.worker(...worker), settings.logger)
    const reports = new Reports(() => this.processList, this.#maps)
    this.#endReports = this.#connection().report?.(reports) ?? (() => {})
  }

  /**
   * The Context of a name: the first process that asks for it starts a server, all others join that. The server belongs to
   * none of them: it ends when the last has gone and `linger` has passed. The name is the user's own, or with
   * `project: true` one of the project.
   *
   *     const ctx = Context.join<{ visits: number }>('visits', { server: { data: './visits' } })
   *
   * Throws TypeError or RangeError for wrong arguments.
   */
  static join<S extends object = AnyState>(name: string, given: JoinOptions = {}): Context<S> {
    const call = 'Context.join'
    const { project, linger, ...options } = readOptions(joinOptionFields, given, call)
    const address = namedAddress(name, { project }, call)
    const { server } = settingsOf([address, options])
    if (server.backend !== undefined && server.backend !== 'process')
      throw new TypeError(
        `${call}: the server is a process of its own, so its backend cannot be '${server.backend}'`,
      )
    return new Context<S>(address, options, ensureServer(address, server, linger))
  }

  /** The key of the server; undefined if it has none. Printing a Context does not show it. */
  get secretKey(): string | undefined {
    return this.#secretKey
  }

  /** @internal */
  [SHOWN](depth: number, options: InspectOptionsStylized): string {
    const { serverAddress, namespace, serverProcess, processList, workerList } = this
    const serverPid = serverProcess?.pid || undefined
    const [processes, workers] = [processList.length, workerList.length]
    return shown('Context', { serverAddress, serverPid, namespace, processes, workers }, depth, options)
  }

  /** The processes that it started, in order. One that has ended and was waited for leaves the list when the next is started. */
  get processList(): Process[] {
    return this.#processes.list
  }

  /** The workers of `processMap`. */
  get workerList(): Process[] {
    return this.#maps.pool.processes
  }

  /**
   * Starts a process that runs `target(state, ...args, kwargs?)`, and returns at once. With options alone: a function that
   * takes the target.
   *
   *     const baker = ctx.process(async (state, n: number) => state.set('cookies', n), { args: [5] })
   *     await baker.wait()
   *
   * Throws TypeError or RangeError for a wrong argument, `ZPROC_SHIPPING` for a target that cannot be sent, `ZPROC_CLOSED`
   * after `close()`.
   */
  process<
    R,
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    F extends boolean = true,
    C extends boolean = false,
    N extends string | undefined = undefined,
  >(
    target: ((...given: Given<StateIn<S, N>, Context<StateIn<S, N>>, A, K, F, C>) => R | Promise<R>) | URL,
    options?: ProcessOptions<A, K, F, C, N>,
  ): Returned<R>
  process<
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    F extends boolean = true,
    C extends boolean = false,
    N extends string | undefined = undefined,
  >(
    options: ProcessOptions<A, K, F, C, N>,
  ): <R>(
    target: ((...given: Given<StateIn<S, N>, Context<StateIn<S, N>>, A, K, F, C>) => R | Promise<R>) | URL,
  ) => Returned<R>
  process(target: Target | ProcessOptions, options?: ProcessOptions): unknown {
    if (typeof target === 'function' || target instanceof URL)
      return this.#processes.start(target, options, 'ctx.process')
    if (options !== undefined || typeof target !== 'object' || target === null)
      throw new TypeError(
        `ctx.process: the target must be a function or the URL of a module, got ${describe(target)}`,
      )
    const read = readProcessOptions(target, 'ctx.process')
    return (given: Target) => this.#processes.start(given, read, 'ctx.process')
  }

  /**
   * Starts `count` (default 1) processes of each target. Errors as those of `process`.
   *
   *     ctx.processFactory([bake, eat], { count: 2 }) // four processes
   */
  processFactory<
    R,
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    F extends boolean = true,
    C extends boolean = false,
    N extends string | undefined = undefined,
  >(
    target: OneOrMore<
      ((...given: Given<StateIn<S, N>, Context<StateIn<S, N>>, A, K, F, C>) => R | Promise<R>) | URL
    >,
    options?: FactoryOptions<A, K, F, C, N>,
  ): Returned<R>[]
  processFactory(target: Target | readonly Target[], options: FactoryOptions = {}): unknown {
    const call = 'ctx.processFactory'
    const { count = 1, ...others } = readOptions(factoryFields, options, call)
    const targets: readonly Target[] = Array.isArray(target) ? target : [target]
    return targets.flatMap(one =>
      Array.from({ length: count }, () => this.#processes.start(one, others, call)),
    )
  }

  /**
   * Calls `target` for every item, in worker processes that are started once and used again. Results come in the order of
   * the items and are computed from the call on. Errors: those of MapResult; TypeError or RangeError for a wrong argument.
   *
   *     for await (const square of ctx.processMap((x: number) => x * x, [1, 2, 3])) console.log(square)
   *
   * Each call is `target(state?, item, ...mapArgs[i], ...args, { ...mapKwargs[i], ...kwargs }?)`.
   */
  processMap(
    target: URL,
    mapIter: MapIter<unknown> | null | undefined,
    options: MapOptions & { returnTask: true },
  ): TaskDetail
  processMap<R = unknown, Z extends boolean = false, O extends boolean = true>(
    target: URL,
    mapIter?: MapIter<unknown> | null,
    options?: MapOptions & { settle?: Z; ordered?: O },
  ): MapResult<Yielded<R, Z, O>>
  processMap<
    T,
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    const MA extends readonly unknown[] = [],
    MK extends object | undefined = undefined,
    F extends boolean = false,
  >(
    target: (...given: MapGiven<S, F, [item: T], MA, A, MK, K>) => unknown,
    mapIter: MapIter<T>,
    options: MapOptions<A, K, MA, MK, F> & { returnTask: true },
  ): TaskDetail
  processMap<
    R,
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    const MA extends readonly unknown[] = [],
    MK extends object | undefined = undefined,
    F extends boolean = false,
    Z extends boolean = false,
    O extends boolean = true,
  >(
    target: (...given: MapGiven<S, F, [], MA, A, MK, K>) => R,
    mapIter: null | undefined,
    options: MapOptions<A, K, MA, MK, F, Z, O>,
  ): MapResult<Yielded<R, Z, O>>
  processMap<
    T,
    R,
    const A extends readonly unknown[] = [],
    const K extends object | undefined = undefined,
    const MA extends readonly unknown[] = [],
    MK extends object | undefined = undefined,
    F extends boolean = false,
    Z extends boolean = false,
    O extends boolean = true,
  >(
    target: (...given: MapGiven<S, F, [item: T], MA, A, MK, K>) => R,
    mapIter: MapIter<T>,
    options?: MapOptions<A, K, MA, MK, F, Z, O>,
  ): MapResult<Yielded<R, Z, O>>
  processMap(target: MapTarget, mapIter?: unknown, options: MapOptions = {}): unknown {
    if (this.#closed) throw new ClosedError('ctx.processMap: this Context is closed')
    return this.#maps.start(target, mapIter, options)
  }

  /**
   * One call of `target(...args)` on the workers of `processMap`. Calls made in one turn of the event loop travel
   * together; a call whose worker died is made once more, then it rejects with `ZPROC_WORKER_CRASH`. Rejects with what the
   * target throws.
   *
   *     await ctx.run((x: number, y: number) => x * y, 6, 7) // 42
   */
  run<A extends readonly unknown[], R>(target: (...args: A) => R, ...args: A): Promise<Awaited<R>>
  run<R = unknown>(target: URL, ...args: unknown[]): Promise<R>
  run(target: MapTarget, ...args: unknown[]): Promise<unknown> {
    if (this.#closed) return Promise.reject(new ClosedError('ctx.run: this Context is closed'))
    return this.#maps.run(target, args)
  }

  /** The results of a map that was started with `returnTask: true`. A task can be pulled once: then it is `ZPROC_ERROR`. */
  pullResultsForTask<R = unknown>(task: TaskDetail): MapResult<R> {
    return this.#maps.pull(task) as MapResult<R>
  }

  /**
   * Resolves with what the processes of `processList` returned, in its order. Rejects with the first error, as `wait()` does;
   * with `safe: true` an error takes the place of its result. `ZPROC_TIMEOUT` after `timeout` milliseconds for all together.
   */
  async waitAll(options: WaitAllOptions = {}): Promise<unknown[]> {
    const { timeout, safe = false } = readOptions(waitAllFields, options, 'ctx.waitAll')
    const waits = this.processList.map(process => process.wait({ timeout }))
    if (!safe) return Promise.all(waits)
    const results = await Promise.allSettled(waits)
    return results.map(result => (result.status === 'fulfilled' ? result.value : result.reason))
  }

  /** Starts the processes of `processList` that were not started. */
  startAll(): void {
    for (const process of this.processList) if (process.isNew) process.start()
  }

  /** Stops the processes of `processList`; resolves with their exit codes, in its order. */
  async stopAll(options: StopOptions = {}): Promise<(number | null)[]> {
    const read = readOptions(stopFields, options, 'ctx.stopAll')
    return Promise.all(this.processList.map(process => process.stop(read)))
  }

  /** Resolves with the server's pid: `state.ping`. */
  ping(options: ConnectedPingOptions = {}): Promise<number | null> {
    return this.state.ping(options)
  }

  /** What happens to the processes, and to the connection to the server, from now on. Ends when the Context is closed. */
  events(): AsyncIterableIterator<ContextEvent> {
    return this.#events.iterate()
  }

  /** Stops the processes, closes the State and its forks, then stops the server if the Context started it. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal */
  [begin](target: Target, options: ProcessOptions, call: string, watch: () => WatchAssignment): Process {
    return this.#processes.start(target, options, call, watch)
  }

  #connection() {
    return linkOf(this.state as unknown as State<object>, 'ctx.events').connection
  }

  async #close(): Promise<void> {
    await Promise.all([this.#maps.close(), this.#processes.close()])
    this.#events.end()
    this.#endReports()
    this.#connection().events.delete(this.#events.add)
    const closed = Promise.all([...this.#states].map(state => state.close()))
    // A server that hangs is ended without waiting for its answers.
    await Promise.race([closed, ...(this.#own ? [this.#own.hung] : [])])
    await this.#own?.stop()
  }
}
