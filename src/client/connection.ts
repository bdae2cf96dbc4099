import { wallClock } from '../async/interval.ts'
import { ConnectionError, ValueTooLargeError } from '../errors.ts'
import { decode, encodeFrame, weigh } from '../protocol/frames.ts'
import { Ask, unanswered } from '../protocol/kinds-of-requests.ts'
import {
  AHEAD,
  type ClientMessage,
  RUN,
  type ServerHello,
  type ServerMessage,
  Tell,
  type WireCommit,
} from '../protocol/messages.ts'
import type { Shipped } from '../shipping/ship.ts'
import { type Request, Requests } from '../store/requests.ts'
import type {
  Begun,
  ConnectionEvent,
  DescriptionEvents,
  DescriptionWatch,
  FeedEvents,
  Finish,
  Reporter,
  Store,
} from '../store/store.ts'
import { Wakefulness } from '../store/wakefulness.ts'
import { BATCH } from '../transport/channel.ts'
import { Descriptions } from './descriptions.ts'
import { Line, type LineOptions } from './line.ts'
import { Reporters } from './reporters.ts'

/** An event without what they all have. */
type TypeOf<E> = E extends unknown ? Omit<E, 'address' | 'time'> : never

type Waiting = [message: ClientMessage, bytes: number, call: string]

const open = new Map<string, Connection>()

/** This process's session with one server; States of the same address share it. */
export class Connection implements Store {
  readonly address: string
  /** The server's number for this session, once it is made. */
  session = -1
  readonly events = new Set<(event: ConnectionEvent) => void>()
  readonly states = new Map<number, Begun>()
  readonly feeds = new Map<number, FeedEvents>()
  readonly holds = new Map<number, (why: number | Error) => void>()
  readonly functions = new Map<string, number>()
  readonly #key: string
  readonly #line: Line
  #log = ''
  #newLog = false
  #users = 0
  readonly #requests = new Requests()
  #numbers = 0
  #maxMessageBytes = Number.POSITIVE_INFINITY
  #maxInFlight = Number.POSITIVE_INFINITY
  // Requests that are under way, and their bytes.
  #inFlight = 0
  #ahead = 0
  // The bytes of those that were forgotten, by their ids.
  readonly #forgotten = new Map<number, number>()
  // What waits for the connection, or has too many requests under way before it; and what that was called.
  #later: Waiting[] = []
  readonly #wakefulness = new Wakefulness(this.#requests)
  // Whether something is awaited since the requests that leave at the end of this turn.
  #isAwaiting = false
  readonly #reporters = new Reporters(message => this.send(message))
  readonly #descriptions = new Descriptions(message => this.send(message))

  static use(address: string, options: LineOptions): Connection {
    // Whoever has another key, or none, does not get through on somebody else's connection.
    const key = `${address}\n${options.connectTimeout}\n${options.secretKey ?? ''}`
    let connection = open.get(key)
    if (!connection) {
      connection = new Connection(key, address, options)
      open.set(key, connection)
    }
    connection.#users++
    return connection
  }

  private constructor(key: string, address: string, options: LineOptions) {
    this.address = address
    this.#key = key
    this.#line = new Line(address, options, {
      frame: messages => this.#frame(messages),
      begun: server => this.#begin(server),
      connected: resumed => {
        for (const waiting of this.#later) if (overtakes(waiting[0])) this.#pass(...waiting)
        this.#later = this.#later.filter(([message]) => !overtakes(message))
        this.#passMore()
        this.#tell(resumed ? { type: 'resumed' } : { type: 'connected', newLog: this.#newLog })
        this.#endWhenIdle()
      },
      lost: error => this.#tell({ type: 'disconnected', error }),
      failed: (error, wasConnected) => this.#fail(error, wasConnected),
    })
    this.#line.channel.beforeFlush = () => {
      const { channel } = this.#line
      if (this.#isAwaiting && this.#wakefulness.isAwaiting) channel.queue([Ask.awaiting, channel.received])
      this.#isAwaiting = false
    }
  }

  number(): number {
    return ++this.#numbers
  }

  request<T>(call: string, message: ClientMessage, finish: Finish, extra?: unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const bytes = weigh(message)
      message[1] = this.#requests.add(
        call,
        resolve as (value: unknown) => void,
        reject,
        finish,
        extra,
        bytes,
        message,
      )
      if (this.#line.phase === 'down') this.#line.dial()
      this.#send(message, bytes, call)
      this.#wakefulness.wake()
    })
  }

  send(message: ClientMessage): void {
    this.#send(message, weigh(message), '')
  }

  #send(message: ClientMessage, bytes: number, call: string): void {
    const { phase } = this.#line
    if (phase === 'up' && ((this.#later.length === 0 && this.#mayPass(message, bytes)) || overtakes(message)))
      this.#pass(message, bytes, call)
    // What has no answer is about a session that is over.
    else if (phase !== 'down' || !unanswered.has(message[0])) this.#later.push([message, bytes, call])
  }

  /** Whether it can be asked now: what a client has under way is bounded. */
  #mayPass(message: ClientMessage, bytes: number): boolean {
    if (this.#inFlight < this.#maxInFlight && this.#ahead + bytes <= AHEAD) return true
    return this.#inFlight === 0 || unanswered.has(message[0])
  }

  #pass(message: ClientMessage, bytes: number, call: string): void {
    const { channel } = this.#line
    if (bytes > BATCH || bytes > this.#maxMessageBytes) {
      const frame = this.#frameOf(message, bytes, call)
      if (!frame) return
      channel.sendFrame(frame)
    } else if (!joins(message, channel.newest as ClientMessage | undefined)) channel.send(message, bytes)
    if (unanswered.has(message[0])) return
    this.#inFlight++
    this.#ahead += bytes
  }

  /** The message as a frame of its own. What is larger than the server takes is refused. */
  #frameOf(message: ClientMessage, bytes: number, call: string): Buffer | undefined {
    let size = bytes
    try {
      const frame = encodeFrame([message], bytes)
      if (frame.length <= this.#maxMessageBytes) return frame
      size = frame.length
    } catch {
      // It is larger than any buffer.
    }
    if (unanswered.has(message[0])) return undefined
    this.#requests.refuse(message[1] as number, this.#tooLarge(call, size))
    this.#look()
    return undefined
  }

  #passMore(): void {
    const later = this.#later
    let i = 0
    for (; i < later.length; i++) {
      const [message, bytes, call] = later[i] as Waiting
      if (!this.#mayPass(message, bytes)) break
      this.#pass(message, bytes, call)
    }
    if (i > 0) this.#later = later.slice(i)
  }

  settled(): Promise<void> {
    return this.#requests.settled()
  }

  forget(id: number): void {
    const forgotten = this.#requests.forget(id)
    if (!forgotten) return
    const waiting = this.#later.findIndex(([message]) => message[1] === id && !unanswered.has(message[0]))
    if (waiting >= 0) this.#later.splice(waiting, 1)
    else this.#forgotten.set(id, forgotten.bytes)
    this.#look()
  }

  release(): undefined {
    if (--this.#users > 0) return
    if (open.get(this.#key) === this) open.delete(this.#key)
    this.#endWhenIdle()
  }

  report(reporter: Reporter): () => void {
    const callOff = this.#reporters.add(reporter)
    // A session that is yet to begin is told then; one that may go on is told when it does.
    if (this.#line.phase !== 'connecting') this.#reporters.begin()
    return callOff
  }

  watchDescriptions(watch: DescriptionWatch, events: DescriptionEvents): () => void {
    const number = this.number()
    const callOff = this.#descriptions.add(number, watch, events)
    if (this.#line.phase !== 'connecting' && this.#line.phase !== 'down') this.#descriptions.begin(number)
    if (this.#line.phase === 'down') this.#line.dial()
    const rest = this.#wakefulness.keep()
    return () => {
      callOff()
      rest()
    }
  }

  keepAwaited(): () => void {
    // Nobody can wait for what comes from nowhere.
    if (this.#line.phase === 'down') this.#line.dial()
    if (this.#line.channel.scheduled) this.#isAwaiting = true
    return this.#wakefulness.keep()
  }

  #endWhenIdle(): void {
    if (this.#users > 0 || this.#requests.size > 0 || this.#line.phase === 'closed') return
    this.#line.close(() => this.#line.channel.send([Ask.leave]))
    this.#wakefulness.end()
  }

  #look(): void {
    if (this.#requests.size > 0) return
    if (this.#users === 0) this.#endWhenIdle()
    this.#wakefulness.rest()
  }

  #frame(messages: ServerMessage[]): void {
    for (const message of messages) if (message[0] >= Tell.updates) this.#updates(message)
    for (const message of messages) {
      if (message[0] >= Tell.updates) this.#ended(message)
      else if (message[0] === Tell.done) this.#done(message)
      else if (message[0] === Tell.part) this.#requests.part(message[1], message)
      else if (message[0] === Tell.unknownFunction) this.#define(message)
      else this.#answered(message)
    }
    if (this.#later.length > 0) this.#passMore()
    this.#look()
  }

  #answered(message: ServerMessage): void {
    this.#inFlight--
    const request = this.#requests.answer(message)
    if (request) this.#ahead -= request.bytes
    else {
      const id = message[1] as number
      this.#ahead -= this.#forgotten.get(id) ?? 0
      this.#forgotten.delete(id)
    }
  }

  /** Sends the code of the function that a call is about; the server does not have it. */
  #define(message: ServerMessage & { 0: typeof Tell.unknownFunction }): void {
    const [, id, fn] = message
    const { channel } = this.#line
    try {
      const { hash, bytes } = this.#requests.ask(id, message) as Shipped
      const define: ClientMessage = [Ask.define, fn, hash, bytes]
      const frame = encodeFrame([define], bytes.length)
      if (frame.length <= this.#maxMessageBytes) return channel.sendFrame(frame)
      this.#requests.refuse(id, this.#tooLarge(this.#requests.callOf(id) ?? '', frame.length))
    } catch (error) {
      this.#requests.refuse(id, error)
    }
    channel.send([Ask.define, fn, null, null] satisfies ClientMessage)
  }

  #done([, id, revision, count]: ServerMessage & { 0: typeof Tell.done }): void {
    if (id + count - 1 > this.#requests.last)
      throw new RangeError(`${count} calls from ${id} on are said to be done: some were never made`)
    // One message for all of them: who reads it keeps nothing of it.
    const each: ServerMessage & { 0: typeof Tell.committed } = [Tell.committed, id, revision, undefined]
    for (let i = 0; i < count; i++) {
      this.#answered(each)
      each[1]++
      each[2]++
    }
  }

  /** What has ended comes in its order among the answers: a hold ends after it was granted. */
  #ended(message: ServerMessage): void {
    if (message[0] === Tell.holdEnded) this.holds.get(message[1])?.(message[2])
    else if (message[0] === Tell.ended) throw new Error(`the server ended the session: ${message[1]}`)
    else if (message[0] === Tell.report) void this.#reporters.report()
    else if (message[0] === Tell.endProcess) this.#reporters.end(message[1])
    else if (message[0] === Tell.output) this.#reporters.printed(message[1], message[2])
    else if (message[0] === Tell.described) this.#descriptions.described(message[1], message[2])
  }

  #updates(message: ServerMessage): void {
    if (message[0] === Tell.updates) {
      const [, feeds, first, sent] = message
      // Decoded once for all feeds: so are the values in it, when the first of them reads one.
      const commits = Array.isArray(sent) ? sent : (decode(sent) as WireCommit[])
      const bytes = Array.isArray(sent) ? weigh(sent[0]) : sent.length
      for (const feed of feeds) this.feeds.get(feed)?.updates(first, commits, bytes)
    } else if (message[0] === Tell.fellBehind) this.feeds.get(message[1])?.fellBehind(message[2], message[3])
  }

  /** A session begins: it is told what this process has open, and who asked something of the one before is told too. */
  #begin(server: ServerHello): void {
    const otherLog = this.#log !== '' && server.log !== this.#log
    this.#log = server.log
    this.#newLog = otherLog
    this.session = server.session
    this.#maxMessageBytes = server.maxMessageBytes
    this.#maxInFlight = server.maxInFlight
    this.#inFlight = this.#ahead = 0
    this.#forgotten.clear()
    const why = otherLog
      ? `the server at ${this.address} is another one, with a log of its own`
      : `the server at ${this.address} had ended this session, for lack of a connection`
    const lost = new ConnectionError(`${why}; what was asked may or may not have been done`, {
      outcome: 'unknown',
    })
    const later = this.#later
    this.#later = []
    const before = this.#requests.last
    const hasLeft = left(later)
    const feeds = [...this.feeds.values()]
    for (const end of [...this.holds.values()]) end(lost)
    for (const [hash, number] of this.functions) this.send([Ask.define, number, hash, null])
    this.#reporters.begin()
    this.#descriptions.beginAll()
    for (const state of [...this.states.values()]) state.beginAgain(hasLeft, otherLog)
    for (const feed of feeds)
      if (otherLog) feed.lost(new ConnectionError(`${why}: this one's updates are no continuation`))
      else feed.reopen(hasLeft)
    // A server that was started again has done each of them once, or not at all: it says which when it is asked again.
    const again = server.remembers
      ? this.#requests
          .all()
          .filter(({ id }) => id <= before && hasLeft(id))
          .filter(isAskedAgain)
      : []
    for (const { message, bytes, call } of again)
      this.#later.push([alone(message as ClientMessage), bytes, call])
    this.#later = this.#later.concat(later)
    const asked = new Set(again.map(({ id }) => id))
    this.#refuse(id => (id <= before && hasLeft(id) && !asked.has(id) ? lost : undefined))
  }

  #fail(cause: Error, wasConnected: boolean): void {
    const given = (outcome: 'none' | 'unknown') => {
      if (!wasConnected) return cause
      const done = outcome === 'none' ? 'nothing was sent' : 'what was asked may or may not have been done'
      return new ConnectionError(
        `the connection to ${this.address} ended, and could not be made again: ${cause.message}; ${done}`,
        { cause, outcome },
      )
    }
    const hasLeft = left(this.#later)
    this.#later = []
    this.#inFlight = this.#ahead = 0
    this.#forgotten.clear()
    const unknown = given('unknown')
    const none = given('none')
    for (const end of [...this.holds.values()]) end(unknown)
    for (const feed of [...this.feeds.values()]) feed.failed(unknown)
    this.#descriptions.failed(unknown)
    this.#refuse(id => (hasLeft(id) ? unknown : none))
  }

  #refuse(errorOf: (id: number) => Error | undefined): void {
    this.#requests.refuseAll(errorOf)
    this.#look()
  }

  #tell(event: TypeOf<ConnectionEvent>): void {
    if (this.events.size === 0) return
    const whole = { ...event, address: this.address, time: wallClock() }
    for (const listener of [...this.events]) listener(whole)
  }

  #tooLarge(call: string, bytes: number): ValueTooLargeError {
    return new ValueTooLargeError(
      `${call}: ${bytes} bytes to send; the server takes ${this.#maxMessageBytes} (its maxMessageBytes)`,
    )
  }
}

/** Whether a request is asked again of a server that was started again. States and readings of the log begin anew. */
const isAskedAgain = ({ message }: Request): boolean =>
  message !== undefined && message[0] !== Ask.open && message[0] <= Ask.release

/** The message of one call, which may have stood for the calls after it too. */
const alone = (message: ClientMessage): ClientMessage =>
  message[0] === Ask.atomic && message.length < 7 ? (message.slice(0, 5) as ClientMessage) : message

/** Makes one message of a call and the one before, where they ask for the same. Whether it did. */
function joins(message: ClientMessage, before: ClientMessage | undefined): boolean {
  if (message[0] !== Ask.atomic || before?.[0] !== Ask.atomic) return false
  const { 1: id, 2: state, 3: fn, 4: args } = message
  const { 1: first, 2: itsState, 3: itsFn, 4: itsArgs, 5: times = 1 } = before
  if (times === RUN || first + times !== id || itsState !== state || itsFn !== fn) return false
  if (args.length > 0 || itsArgs.length > 0) return false
  // Each call belongs to a trace of its own.
  if (message.length > 6 || before.length > 6) return false
  before[5] = times + 1
  return true
}

// What ends a hold goes before all that may be waiting for that end; so does what a server asked for.
const overtakes = ([kind]: ClientMessage): boolean =>
  kind === Ask.release || kind === Ask.credit || kind === Ask.reported || kind === Ask.printed

/** Tells of a request whether it has left: whether it is none of those that wait. */
function left(waiting: readonly Waiting[]): (id: number) => boolean {
  const ids = new Set<unknown>()
  for (const [message] of waiting) if (!unanswered.has(message[0])) ids.add(message[1])
  return id => !ids.has(id)
}
