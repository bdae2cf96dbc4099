import type { InspectOptionsStylized } from 'node:util'
import { Broadcast } from '../async/broadcast.ts'
import { SHOWN, shown } from '../async/shown.ts'
import { checkHome } from '../engines/engines.ts'
import { ClosedError } from '../errors.ts'
import { Ask } from '../protocol/kinds-of-requests.ts'
import { readOptions } from '../protocol/options.ts'
import { describe } from '../protocol/values.ts'
import { type ConnectionEvent, result } from '../store/store.ts'
import { Calls } from './calls.ts'
import { leaseFromWire } from './lease.ts'
import { Link } from './link.ts'
import {
  type ConnectedPingOptions,
  type ForkOptions,
  forkFields,
  type HistoryOptions,
  type SetOptions,
  type StateOptions,
  stateFields,
  type ViewOptions,
  viewFields,
} from './options.ts'
import { history, stateAt } from './past.ts'
import { pingThrough } from './ping.ts'
import { items, valueOr, values, wholeState } from './replies.ts'
import { asCommand } from './traced.ts'
import type { AnyState, Key, Lease, RawUpdate, Snapshot, Value } from './types.ts'
import { useStore } from './use-store.ts'
import { StateView } from './view.ts'
import { Watcher } from './watch.ts'
import { Watchable } from './watchable.ts'

/** @internal What zproc itself says when it makes a State. */
export interface InnerState {
  /** The name that commits carry; default: the process title's part of it. */
  name?: string
  /** The revision to start at; default: the newest. */
  from?: number
  /** The server is being started: connect when this resolves. */
  ready?: Promise<unknown>
  /** This process is a spare child: it runs nothing yet. */
  isSpare?: boolean | undefined
  /** The States that are closed together with a Context: the one that is made and its forks are added. */
  family?: Set<State>
}

/** @internal */
export let linkOf: (state: State<object>, call: string) => Link
/** @internal The revision of what a State was handed last by a buffered watcher. */
export let positionOf: (state: State<object>) => number | undefined

/**
 * Reads, writes and watches one state that many processes share. Every method is one atomic step at the server.
 *
 *     const state = new State<{ cookies: number }>('tcp://127.0.0.1:5000')
 *     await state.set('cookies', 5)
 *
 * Errors of all methods: TypeError for a key or value that cannot be in a state; `ZPROC_VALUE_TOO_LARGE`;
 * `ZPROC_CONNECTION`, whose `outcome` says whether the call may have taken effect; `ZPROC_AUTHENTICATION`; `ZPROC_CLOSED`;
 * `ZPROC_STORAGE` for writes when the server's disk cannot take them.
 */
export class State<S extends object = AnyState> extends Watchable<S> {
  /** The address of the server, as a child process may use it. */
  readonly serverAddress: string
  /** The log that this State reads and writes. */
  readonly namespace: string
  readonly #options: StateOptions
  readonly #inner: InnerState
  readonly #link: Link
  readonly #calls: Calls
  readonly #watcher: Watcher
  #events: Broadcast<ConnectionEvent> | undefined
  #closed: Promise<void> | undefined

  static {
    positionOf = state => state.#watcher.position
    linkOf = (state, call) => {
      if (typeof state === 'object' && state !== null && #link in state) return state.#link
      throw new TypeError(`${call}: the first argument must be a State, got ${describe(state)}`)
    }
  }

  /**
   * Connects to the server at `serverAddress` (`ipc://path`, `tcp://host:port`, `redis://host:port/0`). Returns at once: a
   * server that does not answer is the error of the first call.
   */
  constructor(serverAddress: string, options?: StateOptions)
  /** @internal */
  constructor(serverAddress: string, options: StateOptions | undefined, inner: InnerState)
  constructor(serverAddress: string, given: StateOptions = {}, inner: InnerState = {}) {
    const options = readOptions(stateFields, given, 'new State')
    const address = checkHome(serverAddress, options.secretKey, 'new State')
    const { namespace = 'default' } = options
    const store = useStore(address, { ...options, ready: inner.ready })
    const link = new Link(store, namespace, {
      name: inner.name ?? processName,
      from: inner.from,
      isSpare: inner.isSpare,
    })
    const watcher = new Watcher(link)
    super(watcher)
    this.serverAddress = address
    this.namespace = namespace
    this.#options = options
    this.#inner = inner
    this.#link = link
    this.#calls = new Calls(link)
    this.#watcher = watcher
    inner.family?.add(this as unknown as State)
  }

  /** Resolves with the value of `key`; with `fallback` (default undefined) when the key is missing. */
  get<K extends Key<S>>(key: K): Promise<Value<S, K>>
  get<K extends Key<S>, F>(key: K, fallback: F): Promise<S[K] | F>
  get(key: string, fallback?: unknown): Promise<unknown> {
    return this.#calls.keyed('get', Ask.get, key, valueOr, fallback)
  }

  /** Resolves with whether the state has `key`. */
  has(key: Key<S>): Promise<boolean> {
    return this.#calls.keyed('has', Ask.has, key, result) as Promise<boolean>
  }

  /** Resolves with the number of keys. */
  size(): Promise<number> {
    return this.#calls.plain('size', Ask.size, result)
  }

  /** Resolves with all keys, in the order in which they were put. */
  keys(): Promise<Key<S>[]> {
    return this.#calls.plain('keys', Ask.keys, result)
  }

  /** Resolves with all values, in the order of `keys`. */
  values(): Promise<S[Key<S>][]> {
    return this.#calls.plain('values', Ask.values, values)
  }

  /** Resolves with all keys and values as pairs, in the order of `keys`. */
  items(): Promise<[Key<S>, S[Key<S>]][]> {
    return this.#calls.plain('items', Ask.items, items)
  }

  /** Resolves with a copy of the whole state, which the caller may change. */
  copy(): Promise<S> {
    return this.#calls.plain('copy', Ask.items, wholeState)
  }

  /** Resolves with whether the state has exactly the keys and values of `object`, compared part by part. */
  equals(object: object): Promise<boolean> {
    return this.#calls.whole('equals', Ask.equals, object, result)
  }

  /**
   * Puts one value; given an object alone, replaces the whole state. Resolves when it is committed.
   *
   *     await state.set('worker 5', 'ready', { ephemeral: true }) // deleted when this process has ended
   *     await state.set('session 7', { user: 'Ann' }, { ttl: 60_000 }) // deleted after a minute
   */
  set<K extends Key<S>>(key: K, value: S[K], options?: SetOptions): Promise<void>
  set(object: S): Promise<void>
  set(...args: [key: unknown, value?: unknown, options?: SetOptions]): Promise<void> {
    if (args.length === 1) return this.#calls.whole('set', Ask.replace, args[0], this.#calls.nothing)
    const [key, value, options] = args
    return options === undefined
      ? this.#calls.valued('set', Ask.set, key, value, this.#calls.nothing)
      : this.#calls.leased('set', Ask.set, key, value, this.#calls.nothing, options)
  }

  /** Puts each value of `object` under its key, in one commit; other keys stay. */
  update(object: Partial<S>): Promise<void> {
    return this.#calls.whole('update', Ask.update, object, this.#calls.nothing)
  }

  /** Deletes `key`. Resolves with whether it was there. */
  delete(key: Key<S>): Promise<boolean> {
    return this.#calls.keyed('delete', Ask.delete, key, this.#calls.raw) as Promise<boolean>
  }

  /** Deletes all keys, in one commit. */
  clear(): Promise<void> {
    return this.#calls.plain('clear', Ask.clear, this.#calls.nothing)
  }

  /** Deletes `key` and resolves with its value. When it is missing: `fallback` if given, else rejects with `ZPROC_KEY`. */
  pop<K extends Key<S>>(key: K): Promise<S[K]>
  pop<K extends Key<S>, F>(key: K, fallback: F): Promise<S[K] | F>
  pop(key: string, ...fallback: unknown[]): Promise<unknown> {
    return this.#calls.keyed('pop', Ask.pop, key, this.#calls.popped, { key, fallback })
  }

  /** Deletes the newest key and resolves with it and its value. Rejects with `ZPROC_KEY` when the state is empty. */
  popItem(): Promise<[Key<S>, S[Key<S>]]> {
    return this.#calls.plain('popItem', Ask.popItem, this.#calls.poppedItem)
  }

  /**
   * Puts `value` if `key` is missing; resolves with the value that is there then. With `ephemeral` or `ttl` this is a claim:
   * of many processes one puts its own value, and all get the value of that one.
   *
   *     const leader = await state.setDefault('leader', process.pid, { ephemeral: true })
   */
  setDefault<K extends Key<S>>(key: K, value: S[K], options?: SetOptions): Promise<S[K]> {
    return options === undefined
      ? this.#calls.valued('setDefault', Ask.setDefault, key, value, this.#calls.value)
      : this.#calls.leased('setDefault', Ask.setDefault, key, value, this.#calls.value, options)
  }

  /** Resolves with what ends `key`: a session, a time, or both; with null when nothing does or the key is missing. */
  lease(key: Key<S>): Promise<Lease | null> {
    return this.#calls.keyed('lease', Ask.lease, key, leaseFromWire) as Promise<Lease | null>
  }

  /** The keys at the time of the call: `for await (const key of state)`. */
  async *[Symbol.asyncIterator](): AsyncIterableIterator<Key<S>> {
    yield* await this.keys()
  }

  /**
   * Creates a second State with its own watch position; its writes count as another's. On the same namespace, or on that of
   * the options, whose type may differ.
   *
   *     const flags = state.fork<{ beta: boolean }>({ namespace: 'flags' })
   */
  fork(): State<S>
  fork<T extends object = S>(options: ForkOptions): State<T>
  fork<T extends object>(given: ForkOptions = {}): State<T> {
    const { serverAddress = this.serverAddress, ...options } = readOptions(forkFields, given, 'state.fork')
    return new State<T>(serverAddress, { ...this.#options, ...options }, { ...this.#inner, from: undefined })
  }

  /** Moves the watch position to the newest revision: updates before it are not watched. */
  goLive(): void {
    this.#watcher.goLive()
  }

  /**
   * What happens to the connection from now on. Waiting for it does not keep the program alive. Ends when the State is closed.
   *
   *     for await (const { type } of state.events()) console.log(type) // disconnected, resumed, …
   */
  events(): AsyncIterableIterator<ConnectionEvent> {
    this.#link.check()
    this.#events ??= new Broadcast()
    this.#link.connection.events.add(this.#events.add)
    return this.#events.iterate()
  }

  /** Resolves with the server's pid; with null when it sent back another payload. `ZPROC_TIMEOUT` after `timeout`. */
  async ping(options: ConnectedPingOptions = {}): Promise<number | null> {
    return pingThrough(this.#link, options, 'state.ping')
  }

  /**
   * Resolves when everything that this State has seen is on disk: at once with `durability: 'commit'`.
   * Rejects with `ZPROC_STORAGE` when the server has no data folder or cannot write there.
   */
  flushed(): Promise<void> {
    return this.#link.request('state.flushed', [Ask.flushed, 0], result)
  }

  /** @internal */
  [SHOWN](depth: number, options: InspectOptionsStylized): string {
    const { serverAddress, namespace } = this
    const position = this.#watcher.position
    const isClosed = this.#closed !== undefined || undefined
    return shown('State', { serverAddress, namespace, position, isClosed }, depth, options)
  }

  /** Closes the State when all its calls are answered. The server and other States go on. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const closed = new ClosedError('this State is closed')
    this.#inner.family?.delete(this as unknown as State)
    this.#watcher.close(closed)
    for (const view of this.#link.views) view.close()
    const { connection } = this.#link
    this.#events?.end()
    if (this.#events) connection.events.delete(this.#events.add)
    await connection.settled().catch(() => {})
    if (this.#link.close(closed)) await this.#link.connection.release()
  }

  /**
   * Resolves with a local copy that the server keeps current, for synchronous reads. With `from` it begins with the state at
   * that revision and goes on from there; rejects with `ZPROC_MISSED_UPDATES` when that is not kept.
   *
   *     const view = await state.view()
   *     console.log(view.get('cookies'), view.revision)
   */
  async view(given: ViewOptions = {}): Promise<StateView<S>> {
    const { from } = readOptions(viewFields, given, 'state.view')
    this.#link.check()
    return asCommand(this.#link, 'view', [], () => StateView.open<S>(this.#link, from))
  }

  /**
   * Resolves with the state as it was at a revision, or at a time by the server's clock: a frozen snapshot.
   *
   *     const yesterday = await state.at(new Date(Date.now() - 86_400_000))
   *
   * Rejects with `ZPROC_MISSED_UPDATES` when that is no longer kept, with RangeError for a revision that is not there yet.
   */
  at(when: number | Date): Promise<Snapshot<S>> {
    return asCommand(this.#link, 'at', [], () => stateAt<S>(this.#link, when))
  }

  /**
   * The commits that are kept, each with the states before and after it, its author and its time; ends at the newest.
   *
   *     for await (const { revision, by } of state.history({ key: 'price', reverse: true })) console.log(revision, by)
   *
   * Its steps reject with `ZPROC_MISSED_UPDATES` when `from` is no longer kept.
   */
  history(options: HistoryOptions = {}): AsyncIterableIterator<RawUpdate<S>> {
    return history<S>(this.#link, options)
  }
}

let processName = 'main'
/** @internal The name that the commits of this process carry. */
export function nameProcess(name: string): void {
  processName = name
}
