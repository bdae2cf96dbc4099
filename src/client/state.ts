import { Broadcast } from '../async/broadcast.ts'
import { checkHome } from '../engines/engines.ts'
import { ClosedError } from '../errors.ts'
import { Ask } from '../protocol/messages.ts'
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
  /** The States that are closed together with a Context: the one that is made and its forks are added. */
  family?: Set<State>
}

/** @internal */
export let linkOf: (state: State<object>, call: string) => Link
/** @internal The revision of what a State was handed last by a buffered watcher. */
export let positionOf: (state: State<object>) => number | undefined

/**
 * A cursor on a namespace: reads, writes and watches one state that many processes share.
 * Every method is one atomic step at the server. Nothing is sent before the State is used, except that it begins.
 *
 *     const state = new State<{ cookies: number }>('tcp://127.0.0.1:5000')
 *     await state.set('cookies', 5)
 */
export class State<S extends object = AnyState> extends Watchable<S> {
  readonly serverAddress: string
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

  constructor(serverAddress: string, options?: StateOptions)
  /** @internal */
  constructor(serverAddress: string, options: StateOptions | undefined, inner: InnerState)
  constructor(serverAddress: string, given: StateOptions = {}, inner: InnerState = {}) {
    const options = readOptions(stateFields, given, 'new State')
    const address = checkHome(serverAddress, options.secretKey, 'new State')
    const { namespace = 'default' } = options
    const store = useStore(address, { ...options, ready: inner.ready })
    const link = new Link(store, namespace, inner.name ?? processName, inner.from)
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

  /** The value of `key`; `fallback` (default undefined) when it is not there. */
  get<K extends Key<S>>(key: K): Promise<Value<S, K>>
  get<K extends Key<S>, F>(key: K, fallback: F): Promise<S[K] | F>
  get(key: string, fallback?: unknown): Promise<unknown> {
    return this.#calls.keyed('get', Ask.get, key, valueOr, fallback)
  }

  has(key: Key<S>): Promise<boolean> {
    return this.#calls.keyed('has', Ask.has, key, result) as Promise<boolean>
  }

  size(): Promise<number> {
    return this.#calls.plain('size', Ask.size, result)
  }

  keys(): Promise<Key<S>[]> {
    return this.#calls.plain('keys', Ask.keys, result)
  }

  values(): Promise<S[Key<S>][]> {
    return this.#calls.plain('values', Ask.values, values)
  }

  items(): Promise<[Key<S>, S[Key<S>]][]> {
    return this.#calls.plain('items', Ask.items, items)
  }

  /** The whole state, as an object of the caller's own. */
  copy(): Promise<S> {
    return this.#calls.plain('copy', Ask.items, wholeState)
  }

  /** Whether the state holds exactly the keys and values of `object`. */
  equals(object: object): Promise<boolean> {
    return this.#calls.whole('equals', Ask.equals, object, result)
  }

  /**
   * Puts one value, or, given an object, replaces the whole state. Resolves when it is committed.
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

  /** Puts all of the object's values in one commit. */
  update(object: Partial<S>): Promise<void> {
    return this.#calls.whole('update', Ask.update, object, this.#calls.nothing)
  }

  /** Whether the key was there. */
  delete(key: Key<S>): Promise<boolean> {
    return this.#calls.keyed('delete', Ask.delete, key, this.#calls.raw) as Promise<boolean>
  }

  clear(): Promise<void> {
    return this.#calls.plain('clear', Ask.clear, this.#calls.nothing)
  }

  /** Takes a key out and gives its value; when it is not there: `fallback` if given, else a KeyError. */
  pop<K extends Key<S>>(key: K): Promise<S[K]>
  pop<K extends Key<S>, F>(key: K, fallback: F): Promise<S[K] | F>
  pop(key: string, ...fallback: unknown[]): Promise<unknown> {
    return this.#calls.keyed('pop', Ask.pop, key, this.#calls.popped, { key, fallback })
  }

  /** Takes the newest key out and gives it with its value; a KeyError when the state is empty. */
  popItem(): Promise<[Key<S>, S[Key<S>]]> {
    return this.#calls.plain('popItem', Ask.popItem, this.#calls.poppedItem)
  }

  /**
   * The value of `key`, which is put there first if it is missing. With a lease this is a claim: the one of many
   * processes that finds the key missing puts its own value there, and all of them get the value of that one.
   *
   *     const leader = await state.setDefault('leader', process.pid, { ephemeral: true })
   */
  setDefault<K extends Key<S>>(key: K, value: S[K], options?: SetOptions): Promise<S[K]> {
    return options === undefined
      ? this.#calls.valued('setDefault', Ask.setDefault, key, value, this.#calls.value)
      : this.#calls.leased('setDefault', Ask.setDefault, key, value, this.#calls.value, options)
  }

  /** What `key` is tied to; null when it is there to stay, or is not there. */
  lease(key: Key<S>): Promise<Lease | null> {
    return this.#calls.keyed('lease', Ask.lease, key, leaseFromWire) as Promise<Lease | null>
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Key<S>> {
    yield* await this.keys()
  }

  /**
   * Another cursor, with a position and an identity of its own: on the same namespace, or on the one that the options
   * name, whose type may be another one.
   *
   *     const flags = state.fork<{ beta: boolean }>({ namespace: 'flags' })
   */
  fork(): State<S>
  fork<T extends object = S>(options: ForkOptions): State<T>
  fork<T extends object>(given: ForkOptions = {}): State<T> {
    const { serverAddress = this.serverAddress, ...options } = readOptions(forkFields, given, 'state.fork')
    return new State<T>(serverAddress, { ...this.#options, ...options }, { ...this.#inner, from: undefined })
  }

  /** Drops the updates that wait to be watched: buffered watching goes on from now. */
  goLive(): void {
    this.#watcher.goLive()
  }

  /**
   * What happens to the connection from now on; keeps no program alive. Ends when the State is closed.
   *
   *     for await (const { type } of state.events()) console.log(type) // disconnected, resumed, …
   */
  events(): AsyncIterableIterator<ConnectionEvent> {
    this.#link.check()
    this.#events ??= new Broadcast()
    this.#link.connection.events.add(this.#events.add)
    return this.#events.iterate()
  }

  /** The server's pid; see `ping`. */
  async ping(options: ConnectedPingOptions = {}): Promise<number | null> {
    return pingThrough(this.#link, options, 'state.ping')
  }

  /**
   * Resolves when everything that this State was shown is on disk: at once with `durability: 'commit'`.
   * Rejects with StorageError when its server has no data folder, or cannot write there.
   */
  flushed(): Promise<void> {
    return this.#link.request('state.flushed', [Ask.flushed, 0], result)
  }

  /** Ends the State once everything that was asked of it is answered. The server and other States go on. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

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
   * A local copy that the server keeps current, for synchronous reads. With `from` it begins with the state at that revision
   * and goes on from there; rejects with MissedUpdatesError when that is not kept.
   */
  async view(given: ViewOptions = {}): Promise<StateView<S>> {
    const { from } = readOptions(viewFields, given, 'state.view')
    this.#link.check()
    return StateView.open<S>(this.#link, from)
  }

  /**
   * The state as it was at a revision, or at a time by the server's clock: a frozen snapshot.
   *
   *     const yesterday = await state.at(new Date(Date.now() - 86_400_000))
   *
   * Rejects with MissedUpdatesError when that is no longer kept, with RangeError for a revision that is not there yet.
   */
  at(when: number | Date): Promise<Snapshot<S>> {
    return stateAt<S>(this.#link, when)
  }

  /**
   * The commits that are kept, with the states around them, who made them and when; ends at the newest.
   *
   *     for await (const { revision, by } of state.history({ key: 'price', reverse: true })) console.log(revision, by)
   *
   * Its steps reject with MissedUpdatesError when `from` is no longer kept.
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
