import { soon } from '../async/interval.ts'
import {
  Ask,
  type Entry,
  type ServerMessage,
  Tell,
  unanswered,
  type WireLease,
} from '../protocol/messages.ts'
import { errorToWire, fromWire, Packed, type Wire } from '../protocol/values.ts'
import { runWithin } from '../shipping/atomic.ts'
import type { AtomicFunction } from '../shipping/compiled.ts'
import { ABSENT, type Author, type Slot } from '../store/commit.ts'
import { changesFromWire, reads, writes } from '../store/methods.ts'
import { runAtomic } from '../store/run-atomic.ts'
import type { Channel } from '../transport/channel.ts'
import type { Core, Room } from './core.ts'
import { Holds } from './holds.ts'
import { type AtomicCall, goesOn, Inbox, type Message } from './inbox.ts'
import { Reading } from './reading.ts'

interface Opened {
  room: Room
  author: Author
}

type Handler = (message: never) => void

const STACK = { writable: true, enumerable: false, configurable: true }

/** Whom it is for. */
interface Client {
  readonly number: number
  readonly pid: number
  flush(): void
  /** It takes its leave. */
  close(): void
}

/** Does what one client asks for, and tells it what came of it; what the client has opened, holds and reads is here. */
export class Service {
  readonly #core: Core
  readonly #session: Client
  readonly #channel: Channel
  readonly #inbox: Inbox
  readonly #states = new Map<number, Opened>()
  readonly #reading: Reading
  readonly #functions = new Map<number, string>()
  readonly #holds: Holds
  // The namespaces in which it may have ephemeral keys.
  readonly #tied = new Map<Room, Author>()
  #closed = false

  constructor(core: Core, session: Client, channel: Channel) {
    this.#core = core
    this.#session = session
    this.#channel = channel
    this.#inbox = new Inbox(core, channel, session.pid, message => this.#handle(message))
    this.#reading = new Reading(core, channel, session)
    this.#holds = new Holds(core, session.pid, message => this.#tell(message))
  }

  /** Whether the client has to wait. */
  get isBehind(): boolean {
    return this.#inbox.waits
  }

  take(frame: unknown): void {
    this.#inbox.take(frame)
  }

  /** The client takes what it is sent again. */
  drain(): void {
    this.#reading.resume()
    this.#inbox.goOn()
  }

  /** Updates of this turn are put together. */
  turn(): void {
    this.#reading.turn()
  }

  /** Nothing is held, watched or kept for the client any more. */
  close(): void {
    this.#closed = true
    this.#inbox.close()
    this.#reading.close()
    this.#holds.close()
    // After what this session has written and somebody else's hold still keeps waiting.
    for (const [room, author] of this.#tied) room.exclusive.enter(() => room.space.expire(author))
    for (const state of this.#states.keys()) this.#leave(state)
  }

  #tell(message: ServerMessage): void {
    if (!this.#closed) this.#channel.send(message, weight(message[message.length - 1]))
  }

  /** What results in nothing joins the answer before, if that is to the call before: one message for a run of calls. */
  #committed(id: number, revision: number, result: Wire | Entry): void {
    if (result !== undefined) return this.#tell([Tell.committed, id, revision, result])
    const before = this.#channel.newest as ServerMessage | undefined
    if (before?.[0] === Tell.done && before[1] + before[3] === id && before[2] + before[3] === revision)
      before[3]++
    else this.#tell([Tell.done, id, revision, 1])
  }

  #handle(message: Message): void {
    const handler = typeof message[0] === 'number' ? this.#handlers[message[0]] : undefined
    if (!handler) throw new TypeError(`there is no message of kind ${String(message[0])}`)
    this.#core.doing?.answer(message[0])
    try {
      handler(message as never)
    } catch (error) {
      const id: unknown = message[1]
      if (typeof id !== 'number' || unanswered.has(message[0])) throw error
      this.#fail(id, error)
    }
  }

  #fail(id: number, error: unknown): void {
    // Without a trace the stack says no more than this; to have it made takes longer than all the rest.
    if (Error.stackTraceLimit === 0 && error instanceof Error)
      Object.defineProperty(error, 'stack', { ...STACK, value: `${error.name}: ${error.message}` })
    this.#tell([Tell.error, id, errorToWire(error)])
  }

  #opened(state: number): Opened {
    const opened = this.#states.get(state)
    if (!opened) throw new TypeError(`there is no State number ${String(state)} on this connection`)
    return opened
  }

  #read(kind: number): Handler {
    const read = reads[kind] as (space: Room['space'], argument: unknown) => unknown
    return ([, id, state, argument]: [number, number, number, unknown]) => {
      const result = read(this.#opened(state).room.space, argument)
      if (result === ABSENT) this.#tell([Tell.missing, id])
      else this.#tell([Tell.ok, id, result])
    }
  }

  #write(kind: number): Handler {
    const write = writes[kind] as (space: Room['space'], author: Author, ...args: unknown[]) => Slot | Entry
    return ([, id, state, first, second, lease]: [number, number, number, unknown, unknown, WireLease?]) => {
      const { room, author } = this.#opened(state)
      if (lease?.[0]) this.#tied.set(room, author)
      this.#enter(room, id, () => {
        const result = write(room.space, author, first, second, lease)
        if (result === ABSENT) this.#tell([Tell.missing, id])
        else this.#committed(id, room.space.revision, result)
      })
    }
  }

  #enter(room: Room, id: number, write: () => void): void {
    if (!room.exclusive.held) return write()
    // As it is for this message: see #take.
    const { stackTraceLimit } = Error
    this.#queue(room, () => {
      const traced = Error.stackTraceLimit
      Error.stackTraceLimit = stackTraceLimit
      try {
        write()
      } catch (error) {
        this.#fail(id, error)
      } finally {
        Error.stackTraceLimit = traced
      }
    })
  }

  #queue(room: Room, write: () => void): void {
    this.#inbox.inLine++
    room.exclusive.enter(() => {
      this.#inbox.inLine--
      // Not at once: who is in line comes first.
      if (this.#inbox.waits) soon(this.#inbox.goOn)
      write()
    })
  }

  #atomic(call: AtomicCall): void {
    const { 1: id, 2: state, 3: number, 4: args } = call
    if (!this.#core.limits.allowCode) return this.#tell([Tell.runHere, id])
    const { room, author } = this.#opened(state)
    const hash = this.#functions.get(number)
    const fn = hash === undefined ? undefined : this.#core.functions.get(hash)
    if (fn === undefined) return this.#tell([Tell.unknownFunction, id])
    if (typeof fn === 'function') {
      // All of a run are looked up once.
      do this.#run(fn, room, author, call[1], args)
      while (!this.#inbox.isFull && goesOn(call))
      return
    }
    this.#inbox.loading = true
    fn.then(ready => this.#run(ready, room, author, id, args))
      .catch(error => this.#fail(id, error))
      .finally(() => {
        this.#inbox.loading = false
        this.#inbox.goOn()
      })
  }

  #run(fn: AtomicFunction, room: Room, author: Author, id: number, args: Wire[]): void {
    if (room.exclusive.held) return this.#enter(room, id, () => this.#run(fn, room, author, id, args))
    const { limits, doing } = this.#core
    doing?.begin(fn, author)
    try {
      const within = limits.atomicTimeout
      const result = runAtomic(room.space, author, fn, state =>
        args.length === 0
          ? runWithin(within, fn, state)
          : runWithin(within, fn, state, ...args.map(fromWire)),
      )
      this.#committed(id, room.space.revision, result)
    } finally {
      doing?.end()
    }
  }

  #hold([, id, state, label]: [number, number, number, string]): void {
    const { room } = this.#opened(state)
    if (typeof label !== 'string') throw new TypeError('a hold must say what it is for')
    this.#queue(room, () => {
      if (!this.#closed) this.#tell([Tell.ok, id, this.#holds.take(room, label)])
    })
  }

  #release([, id, state, hold, changes]: [number, number, number, number, never]): void {
    const { room, author } = this.#opened(state)
    this.#holds.release(hold, () => {
      if (changes) room.space.commit(author, 'atomic', changesFromWire(room.space, changes))
      this.#committed(id, room.space.revision, undefined)
    })
  }

  readonly #handlers: Record<number, Handler> = {
    [Ask.ping]: ([, id, payload]: [number, number, Uint8Array]) =>
      this.#tell([Tell.ok, id, [process.pid, payload]]),
    [Ask.open]: ([, id, state, namespace, name]: [number, number, number, string, string]) => {
      this.#leave(state)
      const room = this.#core.enter(String(namespace))
      const author = { session: this.#session.number, state, pid: this.#session.pid, name: String(name) }
      this.#states.set(state, { room, author })
      this.#inbox.client = author
      this.#tell([Tell.ok, id, room.space.revision])
    },
    [Ask.close]: ([, state]: [number, number]) => {
      this.#leave(state)
    },
    ...Object.fromEntries(Object.keys(reads).map(kind => [kind, this.#read(Number(kind))])),
    ...Object.fromEntries(Object.keys(writes).map(kind => [kind, this.#write(Number(kind))])),
    [Ask.leave]: () => this.#session.close(),
    [Ask.atomic]: message => this.#atomic(message),
    [Ask.define]: ([, number, hash, bytes]: [number, number, string, Uint8Array | null]) => {
      if (!this.#core.limits.allowCode) return
      this.#functions.set(number, hash)
      // A copy: what is compiled outlives the frame that it came in.
      if (bytes && !this.#core.functions.get(hash)) this.#core.functions.add(hash, Buffer.from(bytes))
    },
    [Ask.hold]: message => this.#hold(message),
    [Ask.release]: message => this.#release(message),
    [Ask.feed]: ([, id, state, number, from, credit]: [number, number, number, number, number, number]) =>
      this.#reading.open(number, this.#opened(state).room, from, credit, start =>
        this.#tell([Tell.ok, id, start]),
      ),
    [Ask.credit]: ([, number, bytes]: [number, number, number]) => this.#reading.credit(number, bytes),
    [Ask.seek]: ([, id, number]: [number, number, number]) =>
      this.#tell([Tell.ok, id, this.#reading.seek(number)]),
    [Ask.unfeed]: ([, number]: [number, number]) => this.#reading.end(number),
  }

  #leave(state: number): void {
    const opened = this.#states.get(state)
    this.#states.delete(state)
    if (opened) this.#core.leave(opened.room)
  }
}

/** About how many bytes a message's result is; no more is answered while a client does not take what it was sent. */
function weight(result: unknown): number {
  if (result instanceof Packed) return result.bytes.length
  if (typeof result === 'string' || result instanceof Uint8Array) return result.length
  if (!Array.isArray(result)) return 0
  let sum = 0
  for (const part of result) sum += 8 + weight(part)
  return sum
}
