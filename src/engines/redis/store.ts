import { randomBytes } from 'node:crypto'
import { after, wallClock } from '../../async/interval.ts'
import { ClosedError, StorageError } from '../../errors.ts'
import { Ask } from '../../protocol/kinds-of-requests.ts'
import {
  type ClientMessage,
  type Entry,
  NUMBERED,
  type ServerMessage,
  Tell,
  type WireLease,
} from '../../protocol/messages.ts'
import { errorToWire, type Wire } from '../../protocol/values.ts'
import { type AtomicFunction, FunctionCache } from '../../shipping/compiled.ts'
import type { Shipped } from '../../shipping/ship.ts'
import { ABSENT, type Author } from '../../store/commit.ts'
import { reads, writes } from '../../store/methods.ts'
import { Requests } from '../../store/requests.ts'
import type { ConnectionEvent, Finish, Store } from '../../store/store.ts'
import { Wakefulness } from '../../store/wakefulness.ts'
import type { Shared } from '../engine.ts'
import { parseRedisAddress } from './address.ts'
import { RedisConnection } from './connection.ts'
import { clientName, RedisDescriber } from './describe.ts'
import { Feeds } from './feeds.ts'
import { Holds } from './holds.ts'
import { type Keys, keysOf } from './keys.ts'
import { type Clerk, Lane } from './lane.ts'
import { Past } from './past.ts'
import { lease, leaseInfo, Presence } from './presence.ts'
import type { Counts } from './readings.ts'
import { Replica, revisionOf, wireOf } from './replica.ts'
import * as scripts from './scripts.ts'
import { Tail } from './tail.ts'
import { AtomicWrite, DictWrite } from './write.ts'

/** One namespace, as far as this process has to do with it. */
interface Space {
  name: string
  keys: Keys
  lane: Lane
  feeds: Feeds
  past: Past
  presence: Presence
}

/** An event without what they all have. */
type EventWithout = ConnectionEvent extends infer E
  ? E extends unknown
    ? Omit<E, 'address' | 'time'>
    : never
  : never

// Milliseconds between two attempts to get a connection back that nothing waits for.
const RETRY = 1000

/** Logs in Redis or Valkey. What a server does for its clients is done here, in who calls, and by the scripts. */
export function open(address: string, shared: Shared): Store {
  return new RedisStore(address, shared)
}

class RedisStore implements Store {
  readonly address: string
  readonly session = randomBytes(6).readUIntBE(0, 6)
  readonly feeds: Store['feeds']
  readonly holds: Store['holds']
  readonly functions: Store['functions']
  readonly states: Store['states']
  readonly events: Store['events']
  error: Error | undefined
  readonly #connection: RedisConnection
  readonly #tail: Tail
  readonly #describer: RedisDescriber
  readonly #spaces = new Map<string, Space>()
  readonly #states = new Map<number, { space: Space; author: Author }>()
  readonly #hashes = new Map<number, string>()
  readonly #compiled = new FunctionCache()
  readonly #grants: Holds
  readonly #requests = new Requests()
  #early: ClientMessage[] | undefined = []
  readonly #wakefulness = new Wakefulness(this.#requests)
  #numbers = 0
  #released = false
  #ended: Promise<void> | undefined

  constructor(address: string, shared: Shared) {
    this.address = address
    this.states = shared.states
    this.feeds = shared.feeds
    this.holds = shared.holds
    this.functions = shared.functions
    this.events = shared.events
    const parsed = parseRedisAddress(address, 'connect')
    this.#connection = new RedisConnection(
      parsed,
      clientName(this.session),
      () => this.#wakefulness.wanted,
      isThere => void this.#changed(isThere),
    )
    this.#tail = new Tail(this.#connection)
    this.#describer = new RedisDescriber(this.#connection, this.session)
    this.#grants = new Holds(this.session.toString(36), parsed.settings.atomicTimeout, (hold, why) =>
      this.holds.get(hold)?.(why),
    )
    this.#connection.connect().then(
      () => {
        const early = this.#early ?? []
        this.#early = undefined
        this.#event({ type: 'connected', newLog: false })
        for (const message of early) this.#take(message)
        this.#look()
      },
      error => this.#fail(error as Error),
    )
  }

  number(): number {
    return ++this.#numbers
  }

  request<T>(call: string, message: ClientMessage, finish: Finish, extra?: unknown): Promise<T> {
    if (this.error) return Promise.reject(this.error)
    return new Promise<T>((resolve, reject) => {
      message[1] = this.#requests.add(call, resolve as (value: unknown) => void, reject, finish, extra)
      this.#wakefulness.wake()
      this.send(message)
    })
  }

  send(message: ClientMessage): void {
    if (this.error) return
    if (this.#early) this.#early.push(message)
    else this.#take(message)
  }

  forget(id: number): void {
    if (this.#requests.forget(id)) this.#look()
  }

  keepAwaited(): () => void {
    return this.#wakefulness.keep()
  }

  settled(): Promise<void> {
    return this.#requests.settled()
  }

  release(): Promise<void> | undefined {
    this.#released = true
    this.#look()
    return this.#ended
  }

  /** What becomes of the connection: those that listen are told, and which log it leads to is looked at before. */
  async #changed(isThere: boolean): Promise<void> {
    if (this.#ended) return
    if (!isThere) {
      this.#event({ type: 'disconnected', error: undefined })
      this.#retry()
      return
    }
    const spaces = [...this.#spaces.values()]
    const looked = await Promise.allSettled(spaces.map(({ feeds }) => feeds.learn('events')))
    if (looked.every(({ status }) => status === 'fulfilled')) this.#event({ type: 'resumed' })
  }

  #event(event: EventWithout): void {
    if (this.events.size === 0) return
    const whole = { ...event, address: this.address, time: wallClock() }
    for (const listener of [...this.events]) listener(whole)
  }

  /** While something listens or shows the state, a connection that was lost is made again without being needed. */
  #retry(): void {
    after(RETRY, () => {
      if (this.#ended || this.#connection.isThere || (this.events.size === 0 && this.feeds.size === 0)) return
      this.#connection.makeAgain()
      this.#retry()
    })?.unref()
  }

  #look(): void {
    if (this.#requests.size > 0) return
    if (this.#released) this.#ended ??= this.#end()
    this.#wakefulness.rest()
  }

  async #end(): Promise<void> {
    if (this.error) return
    this.error = new ClosedError('this State is closed')
    this.#wakefulness.keep()
    await Promise.all([
      this.#grants.end(),
      ...[...this.#spaces.values()].map(({ presence }) => presence.end()),
    ])
    this.#wakefulness.end()
    this.#connection.end()
  }

  #fail(error: Error): void {
    this.error = error
    this.#wakefulness.end()
    this.#requests.refuseAll(() => error)
    for (const feed of [...this.feeds.values()]) feed.lost(error)
    this.feeds.clear()
    void this.#grants.end(error)
    this.#connection.end()
  }

  #take(message: ClientMessage): void {
    const handler = this.#handlers[message[0]] as (message: ClientMessage) => unknown
    try {
      const done = handler(message)
      if (done instanceof Promise) done.catch(error => this.#refuse(message[1] as number, error))
    } catch (error) {
      this.#refuse(message[1] as number, error)
    }
  }

  #tell(message: ServerMessage): void {
    this.#requests.answer(message)
    this.#look()
  }

  #refuse(id: number, error: unknown): void {
    this.#requests.refuse(id, error)
    this.#look()
  }

  #callOf(id: number): string {
    return this.#requests.callOf(id) ?? 'zproc'
  }

  #space(name: string): Space {
    let space = this.#spaces.get(name)
    if (!space) {
      const keys = keysOf(name)
      const writer = this.session.toString(36)
      const tail = this.#connection.address.kind === 'cluster' ? new Tail(this.#connection) : this.#tail
      space = {
        name,
        keys,
        lane: new Lane(this.#connection, keys, name, writer, this.#clerk),
        feeds: new Feeds(this.#connection, keys, name, tail, () => this.#otherLog(name)),
        past: new Past(this.#connection, keys, name),
        presence: new Presence(this.#connection, keys.log, writer),
      }
      this.#spaces.set(name, space)
    }
    return space
  }

  /** Revisions of this namespace begin anew. */
  #otherLog(name: string): void {
    this.#event({ type: 'connected', newLog: true })
    for (const [state, { space }] of this.#states)
      if (space.name === name) this.states.get(state)?.beginAgain(() => false, true)
  }

  #opened(state: number): { space: Space; author: Author } {
    const opened = this.#states.get(state)
    if (!opened) throw new TypeError(`there is no State number ${state} here`)
    return opened
  }

  readonly #clerk: Clerk = {
    done: ({ id }, revision, result) =>
      this.#tell(
        result === ABSENT ? [Tell.missing, id] : [Tell.committed, id, revision, result as Wire | Entry],
      ),
    failed: ({ id }, error) => this.#refuse(id, error),
  }

  /** A dict method that only reads, once the writes before it are on their way. */
  #read(kind: number): (message: [number, number, number, unknown]) => void {
    return ([, id, state, argument]) => {
      const { space } = this.#opened(state)
      this.#inOrder(space, id, async () => {
        const result = await this.#reading(kind, space, argument, this.#callOf(id))
        return result === ABSENT ? [Tell.missing, id] : [Tell.ok, id, result]
      })
    }
  }

  /** Reads after the writes that were asked for before, and before those that come after. `once`: it does more than to read. */
  #inOrder({ lane }: Space, id: number, read: () => Promise<ServerMessage>, once = false): void {
    const answer = async (counts: Counts) => {
      const message = await read().catch(error => () => this.#refuse(id, error))
      const failed = typeof message === 'function'
      if (!(await counts(failed))) return
      if (failed) message()
      else this.#tell(message)
    }
    lane.add({ kind: 'read', once, read: answer })
  }

  async #reading(kind: number, { name, keys }: Space, argument: unknown, call: string): Promise<unknown> {
    const { log, values, order } = keys
    if (kind === Ask.get) {
      const bytes = await this.#connection.call(call, 'hget', values, argument as string)
      return bytes === null ? ABSENT : wireOf(bytes as Buffer, argument as string)
    }
    if (kind === Ask.has)
      return (await this.#connection.call(call, 'hexists', values, argument as string)) === 1
    if (kind === Ask.size) return this.#connection.call(call, 'hlen', values)
    if (kind === Ask.keys)
      return ((await this.#connection.call(call, 'zrange', order, 0, -1)) as Buffer[]).map(String)
    if (kind === Ask.lease) {
      const found = await this.#connection.run(lease, log, [argument as string], call)
      return leaseInfo(found as [Buffer | null, Buffer | null])
    }
    const found = (await this.#connection.run(scripts.state, log, [''], call)) as [
      Buffer,
      Buffer[],
      Buffer[][],
    ]
    const read = reads[kind] as (space: Replica['space'], argument: unknown) => unknown
    return read(new Replica(name, ...found).space, argument)
  }

  #write(kind: number): (message: [number, number, number, unknown, unknown, WireLease?]) => void {
    return ([, id, state, first, second, tie]) => {
      const { space, author } = this.#opened(state)
      const write = new DictWrite(id, author, kind, first, second, tie, space.presence)
      space.lane.add({ kind: 'write', write })
    }
  }

  /** The function of a call that is not compiled here. */
  #define(id: number, number: number): AtomicFunction | Promise<AtomicFunction> {
    const { hash, bytes } = this.#requests.ask(id, [Tell.unknownFunction, id, number]) as Shipped
    this.#hashes.set(number, hash)
    return this.#compiled.get(hash) ?? this.#compiled.add(hash, bytes)
  }

  readonly #handlers: Record<number, (message: never) => unknown> = {
    [Ask.ping]: async ([, id, payload]: [number, number, Uint8Array]) => {
      const sent = await this.#connection.call(this.#callOf(id), 'ping', Buffer.from(payload))
      // Updates come before the answer, as they do from a server.
      await Promise.all([...this.#spaces.values()].map(({ feeds }) => feeds.settled()))
      this.#tell([Tell.ok, id, [this.#connection.pid, sent]])
    },
    [Ask.describe]: async ([, id, limit]: [number, number, number]) =>
      this.#tell([Tell.ok, id, await this.#describer.describe(this.#callOf(id), limit)]),
    [Ask.flushed]: ([, id]: [number, number]) => {
      const why =
        'state.flushed: what a Redis has on disk is up to its own settings (appendonly, appendfsync)'
      this.#tell([Tell.error, id, errorToWire(new StorageError(why))])
    },
    [Ask.open]: ([, id, state, namespace, name]: [number, number, number, string, string]) => {
      const space = this.#space(namespace)
      this.#states.set(state, { space, author: { session: this.session, state, pid: process.pid, name } })
      this.#inOrder(space, id, async () => {
        const call = this.#callOf(id)
        const [head] = await Promise.all([space.presence.look(call), space.feeds.learn(call)])
        return [Tell.ok, id, revisionOf(head)]
      })
    },
    [Ask.close]: ([, state]: [number, number]) => {
      const closed = this.#states.get(state)?.space
      this.#states.delete(state)
      for (const { space } of this.#states.values()) if (space === closed) return
      closed?.presence.rest()
    },
    ...Object.fromEntries(Object.keys(reads).map(kind => [kind, this.#read(Number(kind))])),
    ...Object.fromEntries(Object.keys(writes).map(kind => [kind, this.#write(Number(kind))])),
    [Ask.atomic]: ([, id, state, number, args]: [number, number, number, number, Wire[]]) => {
      const { space, author } = this.#opened(state)
      const fn = this.#compiled.get(this.#hashes.get(number) ?? '') ?? this.#define(id, number)
      const { atomicTimeout } = this.#connection.address.settings
      const write = new AtomicWrite(id, author, fn as AtomicFunction, args, atomicTimeout)
      space.lane.add({ kind: 'write', write })
    },
    [Ask.define]: ([, number, hash]: [number, number, string]) => {
      this.#hashes.set(number, hash)
      if (this.#hashes.size > NUMBERED) this.#hashes.delete(this.#hashes.keys().next().value as number)
    },
    [Ask.hold]: ([, id, state, label]: [number, number, number, string]) => {
      const { lane } = this.#opened(state).space
      const run = () => this.#grants.run(lane, label, grant => this.#tell([Tell.ok, id, grant]))
      lane.add({ kind: 'hold', run: () => run().catch(error => this.#refuse(id, error)) })
    },
    [Ask.release]: async ([, id, state, hold, changes]: [number, number, number, number, never]) => {
      const revision = await this.#grants.release(hold, this.#opened(state).author, changes)
      this.#tell([Tell.committed, id, revision, undefined])
    },
    [Ask.feed]: ([, id, state, feed, from, credit]: [number, number, number, number, number, number]) => {
      const { space } = this.#opened(state)
      const begin = async (): Promise<ServerMessage> => {
        const events = this.feeds.get(feed)
        return [Tell.ok, id, events ? await space.feeds.open(feed, from, credit, events) : null]
      }
      this.#inOrder(space, id, begin, true)
    },
    [Ask.page]: ([, id, state, first, last, wantsState]: [
      number,
      number,
      number,
      number,
      number,
      boolean,
    ]) => {
      const { space } = this.#opened(state)
      const call = this.#callOf(id)
      this.#inOrder(space, id, async () => [
        Tell.ok,
        id,
        await space.past.page(call, first, last, wantsState),
      ])
    },
    [Ask.when]: ([, id, state, time]: [number, number, number, number]) => {
      const { space } = this.#opened(state)
      const call = this.#callOf(id)
      this.#inOrder(space, id, async () => [Tell.ok, id, await space.past.when(call, time)])
    },
    [Ask.credit]: ([, feed, bytes]: [number, number, number]) => {
      for (const { feeds } of this.#spaces.values()) feeds.credit(feed, bytes)
    },
    [Ask.seek]: ([, id, feed]: [number, number, number]) => {
      const space = [...this.#spaces.values()].find(({ feeds }) => feeds.has(feed))
      if (!space) return this.#tell([Tell.ok, id, null])
      this.#inOrder(space, id, async () => [Tell.ok, id, await space.feeds.seek(feed)], true)
    },
    [Ask.unfeed]: ([, feed]: [number, number]) => {
      for (const { feeds } of this.#spaces.values()) if (feeds.close(feed)) return
    },
  }
}
