import { Broadcast } from '../async/broadcast.ts'
import { checkTime } from '../async/interval.ts'
import { checkHome } from '../engines/engines.ts'
import { ConnectionError, KeyError } from '../errors.ts'
import { Ask, type Entry, Tell } from '../protocol/messages.ts'
import { checkOptions } from '../protocol/options.ts'
import { checkKey, describe, fromWire, toWire, type Wire } from '../protocol/values.ts'
import { type ConnectionEvent, type Finish, result } from '../store/store.ts'
import { entriesOf, wireBytes } from './arguments.ts'
import * as condition from './condition.ts'
import { Link } from './link.ts'
import { pingThrough } from './ping.ts'
import { items, rawUpdate, snapshot, valueOr, values, wholeState } from './replies.ts'
import type { AnyState, ChangeOptions, Key, RawUpdate, SetOptions, Snapshot, WatchOptions } from './types.ts'
import { useStore } from './use-store.ts'
import { StateView } from './view.ts'
import { Watcher } from './watch.ts'

export interface StateOptions {
  /** Default `'default'`. */
  namespace?: string
  secretKey?: string
  /** Milliseconds: how long connecting may take, and getting back to a server that is away. Default 10,000. */
  connectTimeout?: number
}

/** @internal What zproc itself says when it makes a State. */
export interface InnerStateOptions extends StateOptions {
  /** The name that commits carry; default: the process title's part of it. */
  name?: string
  /** The revision to start at; default: the newest. */
  from?: number
  /** The server is being started: connect when this resolves. */
  ready?: Promise<unknown>
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
export class State<S extends object = AnyState> {
  readonly serverAddress: string
  readonly namespace: string
  readonly #options: InnerStateOptions
  readonly #link: Link
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

  constructor(serverAddress: string, options: StateOptions = {}) {
    checkOptions(options, 'new State')
    checkHome(serverAddress, options.secretKey, 'new State')
    const inner: InnerStateOptions = options
    const { namespace = 'default' } = options
    if (typeof namespace !== 'string' || namespace === '')
      throw new TypeError(
        `new State: namespace must be a string that is not empty, got ${describe(namespace)}`,
      )
    this.serverAddress = serverAddress
    this.namespace = namespace
    this.#options = inner
    checkTime(options.connectTimeout, 'new State', 'connectTimeout')
    const connection = useStore(serverAddress, inner)
    this.#link = new Link(connection, namespace, inner.name ?? processName, inner.from)
    this.#watcher = new Watcher(this.#link)
  }

  /** The value of `key`; `fallback` (default undefined) when it is not there. */
  get<K extends Key<S>>(key: K): Promise<S[K]>
  get<K extends Key<S>, F>(key: K, fallback: F): Promise<S[K] | F>
  get(key: string, fallback?: unknown): Promise<unknown> {
    return this.#keyed('get', Ask.get, key, valueOr, fallback)
  }

  has(key: Key<S>): Promise<boolean> {
    return this.#keyed('has', Ask.has, key, result) as Promise<boolean>
  }

  size(): Promise<number> {
    return this.#plain('size', Ask.size, result)
  }

  keys(): Promise<Key<S>[]> {
    return this.#plain('keys', Ask.keys, result)
  }

  values(): Promise<S[Key<S>][]> {
    return this.#plain('values', Ask.values, values)
  }

  items(): Promise<[Key<S>, S[Key<S>]][]> {
    return this.#plain('items', Ask.items, items)
  }

  /** The whole state, as an object of the caller's own. */
  copy(): Promise<S> {
    return this.#plain('copy', Ask.items, wholeState)
  }

  /** Whether the state holds exactly the keys and values of `object`. */
  equals(object: object): Promise<boolean> {
    return this.#whole('equals', Ask.equals, object, result)
  }

  /**
   * Puts one value, or, given an object, replaces the whole state. Resolves when it is committed.
   *
   *     await state.set('worker 5', 'ready', { ephemeral: true }) // gone when this process is
   */
  set<K extends Key<S>>(key: K, value: S[K], options?: SetOptions): Promise<void>
  set(object: S): Promise<void>
  set(...args: [key: unknown, value?: unknown, options?: SetOptions]): Promise<void> {
    if (args.length === 1) return this.#whole('set', Ask.replace, args[0], this.#nothing)
    if (args[2] !== undefined) return this.#setWith(args)
    return this.#valued('set', Ask.set, args[0], args[1], this.#nothing)
  }

  /** Puts all of the object's values in one commit. */
  update(object: Partial<S>): Promise<void> {
    return this.#whole('update', Ask.update, object, this.#nothing)
  }

  /** Whether the key was there. */
  delete(key: Key<S>): Promise<boolean> {
    return this.#keyed('delete', Ask.delete, key, this.#raw) as Promise<boolean>
  }

  clear(): Promise<void> {
    return this.#plain('clear', Ask.clear, this.#nothing)
  }

  /** Takes a key out and gives its value; when it is not there: `fallback` if given, else a KeyError. */
  pop<K extends Key<S>>(key: K): Promise<S[K]>
  pop<K extends Key<S>, F>(key: K, fallback: F): Promise<S[K] | F>
  pop(key: string, ...fallback: unknown[]): Promise<unknown> {
    return this.#keyed('pop', Ask.pop, key, this.#popped, { key, fallback })
  }

  /** Takes the newest key out and gives it with its value; a KeyError when the state is empty. */
  popItem(): Promise<[Key<S>, S[Key<S>]]> {
    return this.#plain('popItem', Ask.popItem, this.#poppedItem)
  }

  /** The value of `key`, which is put there first if it is missing. */
  setDefault<K extends Key<S>>(key: K, value: S[K]): Promise<S[K]> {
    return this.#valued('setDefault', Ask.setDefault, key, value, this.#value) as Promise<S[K]>
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Key<S>> {
    yield* await this.keys()
  }

  /** Another cursor on the same server, unless told otherwise: a position, and an identity, of its own. */
  fork(options: StateOptions & { serverAddress?: string } = {}): State<S> {
    checkOptions(options, 'state.fork')
    const { serverAddress = this.serverAddress, ...others } = options
    return new State<S>(serverAddress, { ...this.#options, from: undefined, ...others } as StateOptions)
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
  async ping(options: { timeout?: number; sentPayload?: Uint8Array } = {}): Promise<number | null> {
    this.#link.check()
    return pingThrough(this.#link.connection, options, 'state.ping')
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
    const closed = new ConnectionError('this State is closed')
    this.#watcher.close(closed)
    for (const view of this.#link.views) view.close()
    const { connection } = this.#link
    this.#events?.end()
    if (this.#events) connection.events.delete(this.#events.add)
    await connection.settled().catch(() => {})
    if (this.#link.close(closed)) await this.#link.connection.release()
  }

  /** A local copy that the server keeps current, for synchronous reads. */
  async view(): Promise<StateView<S>> {
    this.#link.check()
    return StateView.open<S>(this.#link)
  }

  // ---- watching: one promise each, then the same as async iterators ----

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

  // ---- how calls are sent; what the replies become ----

  #plain<T>(name: string, kind: typeof Ask.size | typeof Ask.clear, finish: Finish): Promise<T>
  #plain<T>(name: string, kind: number, finish: Finish): Promise<T>
  #plain<T>(name: string, kind: number, finish: Finish): Promise<T> {
    const { state } = this.#link
    return this.#link.request(`state.${name}`, [kind as typeof Ask.size, 0, state], finish)
  }

  #keyed(name: string, kind: number, key: unknown, finish: Finish, extra?: unknown): Promise<unknown> {
    try {
      checkKey(key, `state.${name}`)
    } catch (error) {
      return Promise.reject(error)
    }
    const { state } = this.#link
    return this.#link.request(`state.${name}`, [kind as typeof Ask.get, 0, state, key], finish, extra)
  }

  #valued<T>(name: string, kind: number, key: unknown, value: unknown, finish: Finish): Promise<T> {
    let wire: Wire
    try {
      checkKey(key, `state.${name}`)
      // The call is spelled out only where there is something to complain about.
      wire =
        typeof value === 'number' && value !== 0 ? value : toWire(value, `state.${name}('${key}', …)`, key)
    } catch (error) {
      return Promise.reject(error)
    }
    const { state } = this.#link
    const bytes = wireBytes(wire)
    return this.#link.request(
      `state.${name}`,
      [kind as typeof Ask.set, 0, state, key as string, wire],
      finish,
      undefined,
      bytes,
    )
  }

  #setWith([key, value, options]: unknown[]): Promise<void> {
    try {
      const kind = isEphemeral(options) ? Ask.setEphemeral : Ask.set
      return this.#valued('set', kind, key, value, this.#nothing)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #whole<T>(name: string, kind: number, object: unknown, finish: Finish): Promise<T> {
    let entries: Entry[]
    try {
      entries = entriesOf(object, `state.${name}(…)`)
    } catch (error) {
      return Promise.reject(error)
    }
    const { state } = this.#link
    const bytes = entries.reduce((sum, [key, wire]) => sum + key.length + wireBytes(wire), 0)
    return this.#link.request(
      `state.${name}`,
      [kind as typeof Ask.update, 0, state, entries],
      finish,
      undefined,
      bytes,
    )
  }

  readonly #nothing: Finish = message => this.#link.committed(message)

  readonly #raw: Finish = message => {
    this.#link.committed(message)
    return (message as Committed)[3]
  }

  readonly #value: Finish = message => fromWire(this.#raw(message, undefined) as Wire)

  readonly #popped: Finish = (message, extra) => {
    if (message[0] !== Tell.missing) return this.#value(message, undefined)
    const { key, fallback } = extra as { key: string; fallback: unknown[] }
    if (fallback.length > 0) return fallback[0]
    throw new KeyError(`state.pop('${key}'): there is no such key; give a fallback to have that instead`, {
      key,
    })
  }

  readonly #poppedItem: Finish = message => {
    if (message[0] === Tell.missing) throw new KeyError('state.popItem(): the state is empty')
    const [key, wire] = this.#raw(message, undefined) as Entry
    return [key, fromWire(wire)]
  }
}

type Committed = [kind: number, id: number, revision: number, result: unknown]

let processName = 'main'
/** @internal The name that the commits of this process carry. */
export function nameProcess(name: string): void {
  processName = name
}

function isEphemeral(options: unknown): boolean {
  checkOptions(options, 'state.set')
  const { ephemeral = false }: { ephemeral?: unknown } = options
  if (typeof ephemeral !== 'boolean')
    throw new TypeError(`state.set: ephemeral must be true or false, got ${describe(ephemeral)}`)
  return ephemeral
}

function optionsOf(args: unknown[]): ChangeOptions {
  const last = args[args.length - 1]
  if (typeof last !== 'object' || last === null || Array.isArray(last)) return {}
  return args.pop() as ChangeOptions
}
