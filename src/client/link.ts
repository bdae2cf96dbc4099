import { interruptible, interruptsAreOn } from '../async/interrupt.ts'
import { Ask, type ClientMessage, type ServerMessage, Tell } from '../protocol/messages.ts'
import type { Finish, Store } from '../store/store.ts'

/** One State's standing on a connection: what a State, its watchers and atomic functions have in common. */
export class Link {
  readonly connection: Store
  readonly state: number
  readonly namespace: string
  /** The revision at which the State starts. */
  readonly start: Promise<number>
  readonly views = new Set<Follower>()
  #closed: Error | undefined

  constructor(connection: Store, namespace: string, name: string, from: number | undefined) {
    this.connection = connection
    this.namespace = namespace
    this.state = connection.number()
    const start = connection.request<number>(
      'new State',
      [Ask.open, 0, this.state, namespace, name],
      message => from ?? (message as [number, number, number])[2],
    )
    // Whoever uses the State hears of a failure; a State that nobody uses is no reason to crash.
    start.catch(() => {})
    this.start = start
  }

  request<T>(
    call: string,
    message: ClientMessage,
    finish: Finish,
    extra?: unknown,
    bytes?: number,
  ): Promise<T> {
    if (this.#closed) return Promise.reject(this.#closed)
    // What gives a hold back must reach the server in any case.
    const reply =
      interruptsAreOn() && message[0] !== Ask.release
        ? interruptible(() => this.connection.request<T>(call, message, finish, extra, bytes))
        : this.connection.request<T>(call, message, finish, extra, bytes)
    return this.views.size === 0 ? reply : this.#seen(reply)
  }

  /** The views of this State hold a write once it is acknowledged. */
  async #seen<T>(reply: Promise<T>): Promise<T> {
    const value = await reply
    for (const view of this.views) {
      const reached = view.reached(this.lastCommit)
      if (!reached) continue
      // Not every store brings updates before replies, nor keeps the program alive until they are here.
      const callOff = this.connection.keepAwaited()
      await reached
      callOff()
    }
    return value
  }

  /** The newest revision that an answer to this State told of. */
  lastCommit = 0

  committed(message: ServerMessage): void {
    if (message[0] === Tell.committed && message[2] > this.lastCommit) this.lastCommit = message[2]
  }

  /** Throws, if the State is closed. */
  check(): void {
    if (this.#closed) throw this.#closed
  }

  close(error: Error): boolean {
    if (this.#closed) return false
    this.#closed = error
    this.connection.send([Ask.close, this.state])
    return true
  }
}

/** Something that shows the state, and what it has to do with those who write. */
interface Follower {
  reached(revision: number): Promise<void> | undefined
  close(): void
}
