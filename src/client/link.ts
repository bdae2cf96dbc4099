import { type Deferred, deferred } from '../async/deferred.ts'
import { interruptible, interruptsAreOn } from '../async/interrupt.ts'
import { Members } from '../async/members.ts'
import { Ask, isWrite } from '../protocol/kinds-of-requests.ts'
import { type ClientMessage, type ServerMessage, Tell } from '../protocol/messages.ts'
import type { Begun, Finish, Store } from '../store/store.ts'
import { commands, isTraced } from '../tracing/channels.ts'
import { isHolding } from './holding.ts'
import { OwnWrites } from './own.ts'
import { asRequest, isWholeCommand } from './traced.ts'

/** One State's standing on a connection: what a State, its watchers and atomic functions have in common. */
export class Link implements Begun {
  readonly connection: Store
  readonly state: number
  readonly namespace: string
  /** It is that of a spare child, which rehearses. */
  readonly isSpare: boolean
  readonly views = new Set<Follower>()
  /** The writes of this State that were acknowledged. */
  readonly own = new OwnWrites()
  /** Whether the server is known to run atomic functions itself. */
  runsCode = false
  /** What the State waits for at present. */
  readonly waits = new Members<{ closed(error: Error): void }>()
  /** Called when the State goes on at another log. */
  onOtherLog: (() => void) | undefined
  readonly #name: string
  #from: number | undefined
  #start: Deferred<number>
  #failed = false
  // The message that the State begins with.
  #opening: ClientMessage | undefined
  #closing: Error | undefined
  #closed: Error | undefined

  constructor(
    connection: Store,
    namespace: string,
    {
      name,
      from,
      isSpare = false,
    }: { name: string; from: number | undefined; isSpare?: boolean | undefined },
  ) {
    this.connection = connection
    this.namespace = namespace
    this.#name = name
    this.isSpare = isSpare
    this.#from = from
    this.state = connection.number()
    this.#start = started()
    connection.states.set(this.state, this)
    this.#begin()
  }

  /** Whether the State was given the revision that it starts at. */
  get isPlaced(): boolean {
    return this.#from !== undefined
  }

  /** The revision at which the State starts. */
  get start(): Promise<number> {
    if (this.#failed && !this.#closed) this.#begin()
    return this.#start.promise
  }

  beginAgain(hasLeft: (id: number) => boolean, otherLog: boolean): void {
    if (otherLog) {
      this.#from = undefined
      this.#start = started()
      this.own.clear()
      this.onOtherLog?.()
    }
    if (otherLog || hasLeft(this.#opening?.[1] as number)) this.#begin()
    if (otherLog) for (const view of this.views) view.otherLog()
  }

  #begin(): void {
    const opening: ClientMessage = [Ask.open, 0, this.state, this.namespace, this.#name]
    if (this.isSpare) opening[5] = true
    this.#opening = opening
    if (this.#failed) this.#start = started()
    this.#failed = false
    const start = this.#start
    this.connection
      .request<number>(
        'new State',
        opening,
        message => this.#from ?? (message as [number, number, number])[2],
      )
      .then(start.resolve, error => {
        if (this.#opening !== opening) return
        this.#failed = true
        start.reject(error)
      })
  }

  request<T>(call: string, message: ClientMessage, finish: Finish, extra?: unknown): Promise<T> {
    return isWholeCommand(message[0]) && isTraced(commands) && !this.isSpare
      ? this.#traced(call, message, finish, extra)
      : this.#request(call, message, finish, extra)
  }

  // These are by themselves: a function that holds a closure costs more at each call, whether it makes that or not.

  #traced<T>(call: string, message: ClientMessage, finish: Finish, extra: unknown): Promise<T> {
    return asRequest(this, call, message, () => this.#request<T>(call, message, finish, extra))
  }

  #interruptible<T>(call: string, message: ClientMessage, finish: Finish, extra: unknown): Promise<T> {
    return interruptible(() => this.connection.request<T>(call, message, finish, extra))
  }

  #request<T>(call: string, message: ClientMessage, finish: Finish, extra: unknown): Promise<T> {
    if (this.#closed) return Promise.reject(this.#closed)
    const kind = message[0]
    if ((isWrite(kind) || kind === Ask.hold) && isHolding(this))
      return Promise.reject(new TypeError(inside(call)))
    // What gives a hold back must reach the server in any case.
    const reply =
      interruptsAreOn() && kind !== Ask.release
        ? this.#interruptible<T>(call, message, finish, extra)
        : this.connection.request<T>(call, message, finish, extra)
    return this.views.size === 0 ? reply : this.#seen(reply)
  }

  /** The views of this State hold a write once it is acknowledged. */
  async #seen<T>(reply: Promise<T>): Promise<T> {
    const value = await reply
    for (const view of this.views) {
      const reached = view.reached(this.own.last)
      if (!reached) continue
      // Not every store brings updates before replies, nor keeps the program alive until they are here.
      const callOff = this.connection.keepAwaited()
      await reached
      callOff()
    }
    return value
  }

  /** A write was acknowledged. What changed nothing has no revision of its own: see Tell.committed. */
  committed(message: ServerMessage): void {
    if (message[0] === Tell.committed && message[2] > 0) this.own.add(message[2])
  }

  /** Throws if the State is closed, or being closed. */
  check(): void {
    const error = this.#closing ?? this.#closed
    if (error) throw error
  }

  /** Why nothing is waited for any more, if so. */
  get closing(): Error | undefined {
    return this.#closing
  }

  /** Ends all that the State waits for: loops quietly, and everything else with `error`. */
  stopWaiting(error: Error): void {
    this.#closing = error
    for (const wait of this.waits.all()) wait.closed(error)
  }

  close(error: Error): boolean {
    if (this.#closed) return false
    this.#closed = error
    this.connection.states.delete(this.state)
    this.connection.send([Ask.close, this.state])
    return true
  }
}

const inside = (call: string): string =>
  call.startsWith('atomic')
    ? `${call} was called inside another atomic function on the same namespace: call the plain function instead`
    : `${call} was called inside an atomic function on the same namespace, and would wait for that to end: change the state that the function is given instead`

/** Something that shows the state, and what it has to do with those who write. */
interface Follower {
  reached(revision: number): Promise<void> | undefined
  otherLog(): void
  close(): void
}

// Whoever uses the State hears of a failure; a State that nobody uses is no reason to crash.
function started(): Deferred<number> {
  const start = deferred<number>()
  start.promise.catch(() => {})
  return start
}
