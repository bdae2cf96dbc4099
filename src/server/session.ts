import type { Socket } from 'node:net'
import { after } from '../async/interval.ts'
import {
  Ask,
  type ClientHello,
  type ClientMessage,
  type Entry,
  RUN,
  type ServerMessage,
  Tell,
  unanswered,
} from '../protocol/messages.ts'
import { errorToWire, fromWire, Packed, type Wire } from '../protocol/values.ts'
import { runWithin } from '../shipping/atomic.ts'
import type { AtomicFunction } from '../shipping/compiled.ts'
import { ABSENT, type Author, type Slot } from '../store/commit.ts'
import { changesFromWire, reads, writes } from '../store/methods.ts'
import { runAtomic } from '../store/run-atomic.ts'
import { Channel, type Read } from '../transport/channel.ts'
import { hasEnded, machine } from '../transport/machine.ts'
import type { Core, Room } from './core.ts'
import { Holds } from './holds.ts'
import { log } from './log.ts'
import { Reading } from './reading.ts'

interface Opened {
  room: Room
  author: Author
}
// Bytes that a client may leave untaken before the server stops to answer it.
const CONGESTED = 1 << 20

const STACK = { writable: true, enumerable: false, configurable: true }

type Message = [kind: number, ...rest: never[]]
type Handler = (message: never) => void

// It is no State's own update: everybody who watches is told.
const NO_STATE = 0
// How soon after a connection was lost the client's process is looked for: milliseconds, then twice as many, up to these.
const FIRST_LOOK = 5
const LATER_LOOKS = 500

/** One client's standing with the server. It outlives its connection by the grace time, or until its process ends. */
export class Session {
  readonly number: number
  /** Of the client's tries to connect, the one that succeeded last. */
  attempt: number
  readonly #core: Core<Session>
  readonly #channel: Channel
  readonly #token: string
  readonly #pid: number
  readonly #life: number
  /** As it called itself last. */
  #client: { name: string; pid: number }
  readonly #here: boolean
  readonly #states = new Map<number, Opened>()
  readonly #reading: Reading
  readonly #functions = new Map<number, string>()
  readonly #holds: Holds
  // Where it has set ephemeral keys.
  readonly #tied = new Map<Room, Author>()
  // While a function's modules are loaded, what came after it waits, so that order is kept.
  #loading = false
  /** Requests that wait for a namespace to be free. */
  #inLine = 0
  /** What is not looked at yet: more comes when there is room for it. */
  #later: Message[] = []
  #lingering: NodeJS.Timeout | undefined
  #closed = false

  /** `token`: empty when the client does not want to come back. `number`: the one of a session that has ended. */
  constructor(core: Core<Session>, client: Required<ClientHello>, token: string, number?: number) {
    this.#core = core
    this.number = number ?? core.nextSession()
    this.attempt = client.attempt
    this.#pid = client.pid
    this.#life = client.life
    this.#client = { name: '', pid: client.pid }
    this.#here = client.machine === machine()
    this.#token = token || `session ${this.number}`
    core.sessions.set(this.#token, this)
    const keeps = token !== ''
    const events = {
      frame: (value: unknown) => this.#frame(value),
      // Answers leave at once, unless updates are to go before them: those wait for what others write in this turn.
      heard: (flush: () => void) => void (core.updatesWait ? setImmediate(flush) : flush()),
      drain: () => {
        this.#reading.resume()
        this.#goOn()
      },
      lost: (error: Error | undefined, broken: boolean) => {
        if (broken) log('broken', `ended the connection of process ${this.#pid}: ${error?.message}`)
        if (broken || !keeps) this.close()
        else if (!this.#closed) this.#linger(performance.now(), FIRST_LOOK)
      },
    }
    this.#channel = new Channel(events, { keeps })
    this.#channel.beforeFlush = () => {
      core.distribute()
      this.#reading.turn()
    }
    this.#reading = new Reading(core, this.#channel, this)
    this.#holds = new Holds(core, client.pid, message => this.#tell(message))
  }

  /** How many frames have arrived. */
  get received(): number {
    return this.#channel.received
  }

  /** Whether a client that has so many frames can go on. */
  canResume(received: number): boolean {
    return this.#channel.canResume(received)
  }

  /** Goes on over this socket with a client that has so many frames. */
  attach(socket: Socket, received: number, read: Read): void {
    clearTimeout(this.#lingering)
    this.#channel.attach(socket, received, read)
    if (this.#later.length > 0) socket.pause()
  }

  flush(): void {
    this.#channel.flush()
  }

  /** Ends it for good: nothing is held, watched or kept for the client any more. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#lingering)
    this.#core.sessions.delete(this.#token)
    this.#later = []
    this.#reading.close()
    this.#holds.close()
    // After what this session has written and somebody else's hold still keeps waiting.
    for (const [room, author] of this.#tied)
      room.exclusive.enter(() => room.space.expire({ ...author, state: NO_STATE }))
    for (const state of this.#states.keys()) this.#leave(state)
    this.#channel.end()
  }

  /** Ends it, its connection at once. */
  end(): void {
    const { socket } = this.#channel
    this.close()
    socket?.destroy()
  }

  // Nobody comes back from a process that has ended. Whether it has can be seen on this machine only.
  #linger(lost: number, wait: number): void {
    const left = this.#core.limits.graceTime - (performance.now() - lost)
    if (left <= 0 || (this.#here && hasEnded(this.#life))) return this.close()
    const next = this.#here ? Math.min(wait, left) : left
    this.#lingering = after(next, () => this.#linger(lost, Math.min(wait * 2, LATER_LOOKS)))?.unref()
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

  #frame(value: unknown): void {
    if (!Array.isArray(value)) throw new TypeError('a frame is an array of messages')
    if (this.#later.length > 0) this.#later = this.#later.concat(value as Message[])
    else this.#take(value as Message[])
  }

  /** As many of these messages as there is room for; the others, and all that would come after them, have to wait. */
  #take(messages: Message[]): void {
    const { doing } = this.#core
    doing?.serve(this.#client)
    const traced = Error.stackTraceLimit
    // What is refused says why: where in the server that was found costs ten times what it takes to refuse.
    Error.stackTraceLimit = 0
    try {
      for (let i = 0; i < messages.length; ) {
        if (this.#isFull()) {
          this.#later = messages.slice(i)
          this.#channel.socket?.pause()
          return
        }
        const message = messages[i] as Message
        // An error of the client's own function comes with its stack.
        if (message[0] === Ask.atomic) Error.stackTraceLimit = traced
        this.#handle(message)
        Error.stackTraceLimit = 0
        if (message[0] !== Ask.atomic || !goesOn(message as never)) i++
      }
    } finally {
      Error.stackTraceLimit = traced
      doing?.rest()
    }
  }

  #isFull(): boolean {
    return this.#loading || this.#inLine > this.#core.limits.maxInFlight || this.#channel.queued > CONGESTED
  }

  readonly #goOn = (): void => {
    if (this.#later.length === 0 || this.#closed || this.#isFull() || this.#channel.pending > CONGESTED)
      return
    const messages = this.#later
    this.#later = []
    try {
      this.#take(messages)
    } catch (error) {
      this.#channel.destroy(error as Error)
    }
    if (this.#later.length === 0) this.#channel.socket?.resume()
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
    return ([, id, state, first, second]: [number, number, number, unknown, unknown]) => {
      const { room, author } = this.#opened(state)
      this.#enter(room, id, () => {
        const result = write(room.space, author, first, second)
        if (result === ABSENT) this.#tell([Tell.missing, id])
        else this.#committed(id, room.space.revision, result)
      })
    }
  }

  readonly #writeEphemeral = this.#write(Ask.setEphemeral)

  #setEphemeral(message: [number, number, number, string, Wire]): void {
    const { room, author } = this.#opened(message[2])
    this.#tied.set(room, author)
    this.#writeEphemeral(message as never)
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
    this.#inLine++
    room.exclusive.enter(() => {
      this.#inLine--
      // Not at once: who is in line comes first.
      if (this.#later.length > 0) setImmediate(this.#goOn)
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
      while (!this.#isFull() && goesOn(call))
      return
    }
    this.#loading = true
    fn.then(ready => this.#run(ready, room, author, id, args))
      .catch(error => this.#fail(id, error))
      .finally(() => {
        this.#loading = false
        this.#goOn()
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
      const author = { session: this.number, state, pid: this.#pid, name: String(name) }
      this.#states.set(state, { room, author })
      this.#client = author
      this.#tell([Tell.ok, id, room.space.revision])
    },
    [Ask.close]: ([, state]: [number, number]) => {
      this.#leave(state)
    },
    ...Object.fromEntries(Object.keys(reads).map(kind => [kind, this.#read(Number(kind))])),
    ...Object.fromEntries(Object.keys(writes).map(kind => [kind, this.#write(Number(kind))])),
    [Ask.leave]: () => this.close(),
    [Ask.setEphemeral]: message => this.#setEphemeral(message),
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

type AtomicCall = ClientMessage & { 0: typeof Ask.atomic }

/** Makes the request for a run of calls that for the next of them, if there is one. */
function goesOn(call: AtomicCall): boolean {
  const { 5: times = 1 } = call
  if (!(times > 1)) return false
  if (times > RUN) throw new TypeError(`a run of ${times} calls; at most ${RUN} go`)
  call[1]++
  call[5] = times - 1
  return true
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
