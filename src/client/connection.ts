import { ConnectionError, ValueTooLargeError } from '../errors.ts'
import { Ask, type ClientMessage, type ServerMessage, Tell, unanswered } from '../protocol/messages.ts'
import { errorFromWire } from '../protocol/values.ts'
import type { FeedEvents, Finish, Store } from '../store/store.ts'
import { Channel } from '../transport/channel.ts'
import { connect } from '../transport/connect.ts'

// Milliseconds; long, since a machine that starts many processes at once is slow to greet.
const CONNECT_TIMEOUT = 10_000
// Milliseconds without a pending call after which the connection does not keep the program alive any more.
const LET_GO = 5
// Servers may answer with whole states: what they send is not limited.
const ANY_LENGTH = 2 ** 32

interface Pending {
  resolve(value: unknown): void
  reject(error: unknown): void
  finish: Finish
  extra: unknown
}

const open = new Map<string, Connection>()

/** The connection of this process to one server; States of the same address share it. */
export class Connection implements Store {
  readonly address: string
  /** The server's number for this connection, once it is made. */
  session = -1
  readonly feeds = new Map<number, FeedEvents>()
  /** How to tell whoever holds a namespace that it does no more: the time that was up, or why the connection ended. */
  readonly holds = new Map<number, (why: number | Error) => void>()
  /** The numbers of the functions that the server was given. */
  readonly functions = new Map<string, number>()
  readonly #key: string
  #users = 0
  #channel: Channel | undefined
  // What was sent before the connection was made; and what that was called, as long as its size is to be checked.
  #early: [message: ClientMessage, bytes: number, call?: string][] = []
  readonly #pending = new Map<number, Pending>()
  #lastId = 0
  #numbers = 0
  #error: Error | undefined
  #maxMessageBytes = Number.POSITIVE_INFINITY
  #maxInFlight = Number.POSITIVE_INFINITY
  #inFlight = 0
  // What there are too many requests under way for.
  #later: [message: ClientMessage, bytes: number][] = []
  #referenced = true
  #awaited = 0
  #lettingGo: NodeJS.Timeout | undefined
  readonly #connecting = new AbortController()

  /** `ready`: the server is being started, connect when this resolves. */
  static use(address: string, secretKey: string | undefined, ready?: Promise<unknown>): Connection {
    // Whoever has another key, or none, does not get through on somebody else's connection.
    const key = `${address}\n${secretKey ?? ''}`
    let connection = open.get(key)
    if (!connection) {
      connection = new Connection(key, address, secretKey, ready)
      open.set(key, connection)
    }
    connection.#users++
    return connection
  }

  private constructor(
    key: string,
    address: string,
    secretKey: string | undefined,
    ready: Promise<unknown> | undefined,
  ) {
    this.address = address
    this.#key = key
    Promise.resolve(ready)
      .then(() => connect(address, secretKey, CONNECT_TIMEOUT, this.#connecting.signal))
      .then(
        ({ socket, server }) => {
          this.session = server.session
          this.#maxMessageBytes = server.maxMessageBytes
          this.#maxInFlight = server.maxInFlight
          const channel = new Channel(
            socket,
            ANY_LENGTH,
            {
              frame: value => this.#frame(value as ServerMessage[]),
              closed: error => this.#lose(error),
            },
            process.nextTick,
          )
          this.#channel = channel
          if (this.#users === 0 && this.#pending.size === 0) return channel.end()
          for (const [message, bytes, call = ''] of this.#early)
            if (bytes <= this.#maxMessageBytes) this.#pass(channel, message, bytes)
            else this.#refuse(message[1] as number, this.#tooLarge(call, bytes))
          this.#early = []
          channel.flush()
          socket.resume()
          this.#keepAlive()
        },
        error => this.#fail(error),
      )
  }

  /** A new number for a State, feed or function of this connection. */
  number(): number {
    return ++this.#numbers
  }

  /** Why the connection is of no use any more, if so. */
  get error(): Error | undefined {
    return this.#error
  }

  /** Resolves when the request is answered. `message` gets the request's id as its second part; `bytes`: about how large it is. */
  request<T>(call: string, message: ClientMessage, finish: Finish, extra?: unknown, bytes = 0): Promise<T> {
    if (this.#error) return Promise.reject(this.#error)
    if (bytes > this.#maxMessageBytes) return Promise.reject(this.#tooLarge(call, bytes))
    const id = ++this.#lastId
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject, finish, extra })
      message[1] = id
      this.send(message, bytes, call)
    })
  }

  send(message: ClientMessage, bytes = 0, call?: string): void {
    if (this.#error) return
    if (this.#channel) this.#pass(this.#channel, message, bytes)
    else this.#early.push([message, bytes, call])
    if (!this.#referenced) this.#keepAlive()
  }

  // What ends a hold overtakes all that may be waiting for that end.
  #pass(channel: Channel, message: ClientMessage, bytes: number): void {
    const [kind] = message
    if (
      (this.#inFlight < this.#maxInFlight && this.#later.length === 0) ||
      kind === Ask.release ||
      kind === Ask.credit
    ) {
      if (!unanswered.has(kind)) this.#inFlight++
      channel.send(message, bytes)
    } else this.#later.push([message, bytes])
  }

  #passMore(channel: Channel): void {
    const later = this.#later
    this.#later = []
    let i = 0
    for (; i < later.length && this.#inFlight < this.#maxInFlight; i++)
      this.#pass(channel, ...(later[i] as [ClientMessage, number]))
    this.#later = later.slice(i)
  }

  #tooLarge(call: string, bytes: number): ValueTooLargeError {
    return new ValueTooLargeError(
      `${call}: ${bytes} bytes to send; the server takes ${this.#maxMessageBytes} (its maxMessageBytes)`,
    )
  }

  #refuse(id: number, error: Error): void {
    this.#pending.get(id)?.reject(error)
    this.#pending.delete(id)
  }

  /** Nobody waits for the answer to this request any more. */
  forget(id: number): void {
    if (this.#pending.delete(id)) this.#look()
  }

  /** Somebody who used the connection does not need it any more: the last one ends it once all is answered. */
  release(): void {
    if (--this.#users > 0) return
    if (open.get(this.#key) === this) open.delete(this.#key)
    this.#endWhenIdle()
  }

  #endWhenIdle(): void {
    if (this.#users > 0 || this.#pending.size > 0) return
    if (this.#channel) this.#channel.end()
    else this.#connecting.abort()
  }

  /** Somebody awaits what the server will say unasked; to be called off by the function that it returns, once. */
  keepAwaited(): () => void {
    this.#awaited++
    if (!this.#referenced) this.#keepAlive()
    return () => {
      this.#awaited--
      this.#look()
    }
  }

  // Whoever was waiting may well ask again: to let go after each answer would be work for nothing.
  #look(): void {
    if (this.#pending.size > 0) return
    if (this.#users === 0) this.#endWhenIdle()
    this.#lettingGo ??= setTimeout(() => {
      this.#lettingGo = undefined
      this.#keepAlive()
    }, LET_GO).unref()
  }

  // A call that is awaited keeps the program alive; an idle connection does not.
  #keepAlive(): void {
    const wanted = this.#pending.size > 0 || this.#awaited > 0
    if (!this.#channel || wanted === this.#referenced) return
    this.#referenced = wanted
    if (wanted) this.#channel.socket.ref()
    else this.#channel.socket.unref()
  }

  #frame(messages: ServerMessage[]): void {
    for (const message of messages) if (message[0] >= Tell.updates) this.#unasked(message)
    for (const message of messages) if (message[0] < Tell.updates) this.#reply(message)
    if (this.#later.length > 0) this.#passMore(this.#channel as Channel)
    this.#look()
  }

  #reply(message: ServerMessage): void {
    const id = message[1] as number
    this.#inFlight--
    const pending = this.#pending.get(id)
    if (!pending) return
    this.#pending.delete(id)
    if (message[0] === Tell.error) return pending.reject(errorFromWire(message[2]))
    try {
      pending.resolve(pending.finish(message, pending.extra))
    } catch (error) {
      pending.reject(error)
    }
  }

  #unasked(message: ServerMessage): void {
    if (message[0] === Tell.updates)
      for (const feed of message[1]) this.feeds.get(feed)?.updates(message[2], message[3])
    else if (message[0] === Tell.fellBehind) this.feeds.get(message[1])?.fellBehind(message[2], message[3])
    else if (message[0] === Tell.holdEnded) this.holds.get(message[1])?.(message[2])
  }

  #lose(cause: Error | undefined): void {
    const why = cause ? `: ${cause.message}` : ''
    this.#fail(
      new ConnectionError(
        `the connection to ${this.address} ended${why}; what was asked may or may not have been done`,
        {
          outcome: 'unknown',
          cause,
        },
      ),
    )
  }

  #fail(error: Error): void {
    this.#error ??= error
    if (open.get(this.#key) === this) open.delete(this.#key)
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { reject } of pending) reject(this.#error)
    for (const feed of [...this.feeds.values()]) feed.lost(this.#error)
    this.feeds.clear()
    for (const end of this.holds.values()) end(this.#error)
  }
}
