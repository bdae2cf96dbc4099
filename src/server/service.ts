import { types } from 'node:util'
import { limitTraces } from '../async/traces.ts'
import { StorageError, ValueTooLargeError } from '../errors.ts'
import type { ReaderDescription } from '../protocol/description.ts'
import { encodeFrame, weigh } from '../protocol/frames.ts'
import { Ask, isOfState, isRead, methodName, unanswered } from '../protocol/kinds-of-requests.ts'
import {
  type Entry,
  NUMBERED,
  type ServerMessage,
  Tell,
  unchangedAt,
  type WireLease,
} from '../protocol/messages.ts'
import { errorToWire, fromWire, type Wire } from '../protocol/values.ts'
import { firstLook, runWithin } from '../shipping/atomic.ts'
import type { AtomicFunction, CallTimes } from '../shipping/compiled.ts'
import type { KeptAnswer } from '../storage/records.ts'
import { ABSENT, type Author, type Slot } from '../store/commit.ts'
import { changesFromWire, reads, writes } from '../store/methods.ts'
import { runAtomic } from '../store/run-atomic.ts'
import { asAtomic } from '../tracing/atomic.ts'
import { atomics, isTraced } from '../tracing/channels.ts'
import { BATCH, type Channel } from '../transport/channel.ts'
import { Again, repeat } from './again.ts'
import type { Core, Room } from './core.ts'
import { partOf } from './hold.ts'
import { Holds } from './holds.ts'
import { type AtomicCall, goesOn, Inbox, type Message } from './inbox.ts'
import type { Inspection, Replies } from './inspection.ts'
import type { Keeper } from './keeper.ts'
import { pageOf, revisionAt } from './past.ts'
import { type Reader, Reading } from './reading.ts'

interface Opened {
  room: Room
  author: Author
}

type Handler = (message: never) => void

const STACK = { writable: true, enumerable: false, configurable: true }

/** Whom it is for. */
interface Client extends Reader {
  readonly pid: number
  /** The client awaits an update since the requests before, when it had received so many frames. */
  awaiting(received: number): void
  /** The client leaves. */
  close(): void
  /** Ends it against the client's will. */
  refuse(why: string): void
  /** What it asks about the server itself, and about processes. */
  inspect(to: Replies): Inspection
}

/** Does what one client asks for, and tells it what came of it; what the client has opened, holds and reads is here. */
export class Service {
  readonly #core: Core
  readonly #session: Client
  readonly #channel: Channel
  readonly #inbox: Inbox
  readonly #states = new Map<number, Opened>()
  // As the client said with its newest State.
  #isSpare = false
  readonly #reading: Reading
  // The hashes of functions by their numbers; null: the client cannot send its bytes.
  readonly #functions = new Map<number, string | null>()
  // The function whose bytes are awaited.
  #wanted: number | undefined
  readonly #holds: Holds
  readonly #inspection: Inspection
  // The namespaces in which it may have ephemeral keys.
  readonly #tied = new Map<Room, Author>()
  // What the client gets for requests that were carried out before the server was started again.
  readonly #again: Again | undefined
  #closed = false

  /** `answers`: to what it had asked of an earlier server. */
  constructor(core: Core, session: Client, channel: Channel, answers: Map<number, KeptAnswer> | undefined) {
    this.#again = answers && new Again(answers)
    this.#core = core
    this.#session = session
    this.#channel = channel
    this.#inbox = new Inbox(
      core,
      channel,
      session.pid,
      message => this.#handle(message),
      why => session.refuse(why),
    )
    this.#reading = new Reading(core, channel, session)
    this.#holds = new Holds(core, session, message => this.#tell(message))
    this.#inspection = session.inspect({
      hasRoom: () => channel.hasRoom(),
      tell: message => this.#tell(message),
      answer: (id, result) => this.#answer(id, result),
    })
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

  /** What the client has here. */
  describe(): { is: 'program' | 'spare'; name: string; states: number; requests: number } {
    return {
      is: this.#isSpare ? 'spare' : 'program',
      name: this.#inbox.client.name,
      states: this.#states.size,
      requests: this.#inbox.waiting,
    }
  }

  readers(): Omit<ReaderDescription, 'session' | 'pid' | 'name'>[] {
    return this.#reading.describe()
  }

  /** Nothing is held, watched or kept for the client any more. */
  close(): void {
    this.#closed = true
    this.#inbox.close()
    this.#reading.close()
    this.#holds.close()
    this.#inspection.close()
    // After what this session has written and somebody else's hold still keeps waiting.
    if (this.#again) this.#core.expire(this.#session.number)
    for (const [room, author] of this.#tied)
      this.#core.expireIn(room, author, () => room.tied.delete(this.#tied))
    for (const state of this.#states.keys()) this.#leave(state)
  }

  #tell(message: ServerMessage): void {
    if (this.#closed) return
    const bytes = weigh(message)
    if (bytes <= BATCH) return this.#channel.send(message, bytes)
    let frame: Buffer
    try {
      frame = encodeFrame([message], bytes)
    } catch (cause) {
      return this.#fail(
        message[1] as number,
        new ValueTooLargeError(`the answer is larger than a message may be: ${(cause as Error).message}`),
      )
    }
    this.#channel.sendFrame(frame)
  }

  /** What results in nothing joins the answer before, if that is to the call before: one message for a run of calls. */
  #committed(id: number, revision: number, result: Wire | Entry): void {
    this.#core.keeper?.answered(id, result)
    if (result !== undefined) return this.#tell([Tell.committed, id, revision, result])
    const before = this.#channel.newest as ServerMessage | undefined
    if (before?.[0] === Tell.done && before[1] + before[3] === id && before[2] + before[3] === revision)
      before[3]++
    else this.#tell([Tell.done, id, revision, 1])
  }

  #handle(message: Message): void {
    const [kind] = message
    const handler =
      typeof kind === 'number' ? (this.#handlers[kind] ?? this.#inspection.handlers[kind]) : undefined
    if (!handler) throw new TypeError(`there is no message of kind ${String(kind)}`)
    this.#core.doing?.answer(kind)
    if (this.#core.keeper && this.#isAnswered(this.#core.keeper, message)) return
    try {
      handler(message as never)
    } catch (error) {
      const id: unknown = message[1]
      if (typeof id !== 'number' || unanswered.has(kind)) throw error
      this.#fail(id, error)
    }
  }

  /** Whether the request was carried out before the server was started again: then its answer is sent once more. */
  #isAnswered(keeper: Keeper, message: readonly unknown[]): boolean {
    keeper.asked()
    const [kind, id, state] = message as [number, number, number]
    const again = this.#again
    if (!again?.covers(id) || !isOfState(kind)) return false
    const answer = isRead(kind) ? undefined : again.take(id)
    if (answer) {
      this.#committed(answer[0], answer[1], answer[2])
      return true
    }
    const [, , , first, second] = message as [number, number, number, never, never]
    const { author } = this.#opened(state)
    const read = reads[kind]
    const write = writes[kind]
    if (read) return this.#repeated(id, state, space => read(space, first), true)
    return write ? this.#repeated(id, state, space => write(space, author, first, second)) : false
  }

  /**
   * Whether the request was over when the server was started again, and had made no commit: then it gets what `act` gives for
   * the state that it found.
   */
  #repeated(id: number, state: number, act: (space: Room['space']) => unknown, isRead = false): boolean {
    const revision = this.#again?.found(id, state)
    if (revision === undefined) return false
    repeat(this.#opened(state).room, revision, act).then(
      result => {
        if (result === ABSENT) this.#tell([Tell.missing, id])
        else if (isRead) this.#tell([Tell.ok, id, result])
        else this.#tell([Tell.committed, id, unchangedAt(revision), result as Wire | Entry])
      },
      error => this.#fail(id, error),
    )
    return true
  }

  #fail(id: number, error: unknown): void {
    // Without a trace the stack says no more than this; to have it made takes longer than all the rest.
    if (Error.stackTraceLimit === 0 && types.isNativeError(error)) shortenStack(error)
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
    return (message: [number, number, number, unknown, unknown, WireLease?]) => {
      const [, id, state, first, second, lease] = message
      const { room, author } = this.#opened(state)
      if (lease?.[0]) {
        this.#tied.set(room, author)
        room.tied.add(this.#tied)
      }
      this.#enter(room, message, () => {
        const { revision } = room.space
        const result = write(room.space, author, first, second, lease)
        if (result === ABSENT) this.#tell([Tell.missing, id])
        else this.#committed(id, since(revision, room.space.revision), result)
      })
    }
  }

  /** Runs `write`, which the message asks for, once the room is free. */
  #enter(room: Room, message: readonly unknown[], write: () => void): void {
    if (!room.exclusive.held) return write()
    const id = message[1] as number
    // As it is for this message: see Inbox.
    const { stackTraceLimit } = Error
    this.#queue(room, message, () => {
      const traced = Error.stackTraceLimit
      limitTraces(stackTraceLimit)
      try {
        write()
      } catch (error) {
        this.#fail(id, error)
      } finally {
        limitTraces(traced)
      }
    })
  }

  #queue(room: Room, message: readonly unknown[], write: () => void): void {
    if (!room.exclusive.held) return room.exclusive.enter(write)
    const entered = this.#inbox.inLine(message)
    const { number, pid } = this.#session
    room.exclusive.enter(
      () => {
        entered()
        write()
      },
      partOf(number, pid, methodName(message[0] as number)),
    )
  }

  #atomic(call: AtomicCall): void {
    const { 1: id, 2: state, 3: number } = call
    if (!this.#core.limits.allowCode) return this.#tell([Tell.runHere, id])
    const { room, author } = this.#opened(state)
    checkFunction(number)
    const hash = this.#functions.get(number)
    const fn = hash && this.#core.functions.get(hash)
    const times = this.#core.functions.times(hash)
    if (typeof fn === 'function') {
      // All of a run are looked up once.
      do this.#run(fn, times, room, author, call)
      while (this.#inbox.ready && goesOn(call))
      return
    }
    if (hash === null) {
      // The next call asks for it again: its own answer says so in the client.
      this.#functions.delete(number)
      throw new TypeError(`function ${number} is called, and its code cannot be sent`)
    }
    this.#inbox.loading = true
    if (!fn) {
      this.#wanted = number
      this.#inbox.again = true
      return this.#tell([Tell.unknownFunction, id, number])
    }
    const loaded: AtomicCall = [...call]
    fn.then(ready => this.#run(ready, times, room, author, loaded))
      .catch(error => this.#fail(id, error))
      .finally(() => {
        this.#inbox.loading = false
        this.#inbox.goOn()
      })
  }

  #define([, number, hash, bytes]: [number, number, string | null, Uint8Array | null]): void {
    const { limits, functions } = this.#core
    if (!limits.allowCode) return
    checkFunction(number)
    this.#functions.set(number, hash)
    if (this.#functions.size > NUMBERED) this.#functions.delete(this.#functions.keys().next().value as number)
    // A copy: what is compiled outlives the frame that it came in.
    if (hash !== null && bytes && !functions.get(hash)) functions.add(hash, Buffer.from(bytes))
    if (this.#wanted !== number || (hash !== null && !bytes)) return
    this.#wanted = undefined
    this.#inbox.loading = false
  }

  #run(fn: AtomicFunction, times: CallTimes, room: Room, author: Author, call: AtomicCall): void {
    const { 1: id, 2: state, 4: args } = call
    if (
      this.#again?.covers(id) &&
      this.#repeated(id, state, space => this.#call(fn, times, space, author, args))
    )
      return
    if (room.exclusive.held) {
      // The message may stand for the next call of a run by then.
      const own: AtomicCall = [...call]
      return this.#enter(room, own, () => this.#run(fn, times, room, author, own))
    }
    const { revision } = room.space
    const result = isTraced(atomics)
      ? this.#traced(fn, times, room.space, author, call)
      : this.#call(fn, times, room.space, author, args)
    this.#committed(id, since(revision, room.space.revision), result)
  }

  // By itself: a function that holds a closure costs more at each call, whether it makes that or not.
  #traced(
    fn: AtomicFunction,
    times: CallTimes,
    space: Room['space'],
    author: Author,
    call: AtomicCall,
  ): Wire {
    return asAtomic(fn, space.name, call[6], () => this.#call(fn, times, space, author, call[4]))
  }

  #call(fn: AtomicFunction, times: CallTimes, space: Room['space'], author: Author, args: Wire[]): Wire {
    const { limits, doing } = this.#core
    doing?.begin(fn, author)
    const began = times.begin()
    try {
      const within = limits.atomicTimeout
      return runAtomic(space, author, fn, state =>
        args.length === 0
          ? runWithin(within, fn, state)
          : runWithin(within, fn, state, ...args.map(fromWire)),
      )
    } finally {
      times.end(began || firstLook())
      doing?.end()
    }
  }

  #hold(message: [number, number, number, string]): void {
    const [, id, state, label] = message
    const { room } = this.#opened(state)
    if (typeof label !== 'string') throw new TypeError('a hold must say what it is for')
    this.#queue(room, message, () => {
      if (!this.#closed) this.#tell([Tell.ok, id, this.#holds.take(room, label)])
    })
  }

  #release([, id, state, hold, changes]: [number, number, number, number, never]): void {
    const { room, author } = this.#opened(state)
    this.#holds.release(hold, room, () => {
      const { revision } = room.space
      if (changes) room.space.commit(author, 'atomic', changesFromWire(room.space, changes))
      this.#committed(id, since(revision, room.space.revision), undefined)
    })
  }

  readonly #handlers: Record<number, Handler> = {
    [Ask.ping]: ([, id, payload]: [number, number, Uint8Array]) =>
      this.#tell([Tell.ok, id, [process.pid, payload]]),
    [Ask.flushed]: ([, id]: [number, number]) => this.#flushed(id),
    [Ask.open]: (message: [number, number, number, string, string, isSpare?: true]) => {
      const [, id, state, namespace, name, isSpare] = message
      this.#leave(state)
      const room = this.#core.enter(String(namespace))
      const author = { session: this.#session.number, state, pid: this.#session.pid, name: String(name) }
      this.#states.set(state, { room, author })
      this.#inbox.client = author
      this.#isSpare = isSpare === true
      this.#tell([Tell.ok, id, room.space.revision])
    },
    [Ask.close]: ([, state]: [number, number]) => {
      this.#leave(state)
    },
    ...Object.fromEntries(Object.keys(reads).map(kind => [kind, this.#read(Number(kind))])),
    ...Object.fromEntries(Object.keys(writes).map(kind => [kind, this.#write(Number(kind))])),
    [Ask.leave]: () => this.#session.close(),
    [Ask.atomic]: message => this.#atomic(message),
    [Ask.define]: message => this.#define(message),
    [Ask.hold]: message => this.#hold(message),
    [Ask.release]: message => this.#release(message),
    [Ask.feed]: ([, id, state, number, from, credit]: [number, number, number, number, number, number]) =>
      this.#reading
        .open(number, this.#opened(state).room, from, credit, start => this.#tell([Tell.ok, id, start]))
        ?.catch(error => this.#fail(id, error)),
    [Ask.page]: ([, id, state, first, last, wantsState]: [number, number, number, number, number, boolean]) =>
      this.#answer(
        id,
        pageOf(this.#opened(state).room, first, last, wantsState, entries =>
          this.#tell([Tell.part, id, entries]),
        ),
      ),
    [Ask.when]: ([, id, state, time]: [number, number, number, number]) =>
      this.#answer(id, revisionAt(this.#opened(state).room, time)),
    [Ask.credit]: ([, number, bytes]: [number, number, number]) => this.#reading.credit(number, bytes),
    [Ask.seek]: ([, id, number]: [number, number, number]) =>
      this.#tell([Tell.ok, id, this.#reading.seek(number)]),
    [Ask.unfeed]: ([, number]: [number, number]) => this.#reading.end(number),
    [Ask.awaiting]: ([, received]: [number, number]) => this.#session.awaiting(received),
  }

  #flushed(id: number): void {
    const { keeper } = this.#core
    if (!keeper) throw new StorageError('state.flushed: the server has no data folder: start it with `data`')
    this.#answer(id, keeper.flushed())
  }

  #answer(id: number, result: Promise<unknown>): void {
    result.then(
      value => this.#tell([Tell.ok, id, value]),
      error => this.#fail(id, error),
    )
  }

  #leave(state: number): void {
    const opened = this.#states.get(state)
    this.#states.delete(state)
    if (opened) this.#core.leave(opened.room)
  }
}

/** What a call that found the state at `before` and left it at `after` is answered with. */
const since = (before: number, after: number): number => (before === after ? unchangedAt(after) : after)

function checkFunction(number: unknown): void {
  if (!Number.isSafeInteger(number)) throw new TypeError('the number of a function is a whole one')
}

// It may be frozen, and its name and message may be computed.
function shortenStack(error: Error): void {
  try {
    Object.defineProperty(error, 'stack', { ...STACK, value: `${error.name}: ${error.message}` })
  } catch {
    // It keeps the one that it has.
  }
}
