import { type ClientMessage, type ServerMessage, Tell } from '../protocol/messages.ts'
import { errorFromWire } from '../protocol/values.ts'
import type { Finish } from './store.ts'

// Requests that are seldom under way at once: a power of two.
const PLACES = 1024

export interface Request {
  id: number
  call: string
  resolve(value: unknown): void
  reject(error: unknown): void
  finish: Finish
  extra: unknown
  bytes: number
  /** As it was sent; undefined: it cannot be asked again. */
  message: ClientMessage | undefined
}

/**
 * What a store was asked and has not answered, by numbers that count up. Each has a place by its number; one that is
 * still there when its place is needed makes room. With a Map alone a client that keeps 100 requests under way spends 40 %
 * of its time collecting garbage: the tables that a Map has outgrown keep each other alive, and what was in them.
 */
export class Requests {
  /** The newest number. */
  last = 0
  size = 0
  readonly #places = new Array<Request | undefined>(PLACES).fill(undefined)
  /** Those that made room: older than all others, in order. */
  readonly #slow = new Map<number, Request>()
  // None in a place is older.
  #oldest = 1
  #settling: { last: number; done(): void }[] = []

  add(
    call: string,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
    finish: Finish,
    extra: unknown,
    bytes = 0,
    message?: ClientMessage,
  ): number {
    const id = ++this.last
    const place = id % PLACES
    const before = this.#places[place]
    if (before) this.#slow.set(before.id, before)
    this.#places[place] = { id, call, resolve, reject, finish, extra, bytes, message }
    this.size++
    return id
  }

  /** What the request was called; undefined when it is over. */
  callOf(id: number): string | undefined {
    return this.#find(id)?.call
  }

  /** The answer is not waited for any more. The request, if it was. */
  forget(id: number): Request | undefined {
    return this.#take(id)
  }

  /** Settles the request with its answer. Gives it, unless it was forgotten. */
  answer(message: ServerMessage): Request | undefined {
    const request = this.#take(message[1] as number)
    if (!request) return undefined
    if (message[0] === Tell.error) request.reject(errorFromWire(message[2]))
    else
      try {
        request.resolve(request.finish(message, request.extra))
      } catch (error) {
        request.reject(error)
      }
    return request
  }

  refuse(id: number, error: unknown): void {
    this.#take(id)?.reject(error)
  }

  /** The requests that are not answered, oldest first. */
  all(): Request[] {
    return this.#ids().map(id => this.#find(id) as Request)
  }

  /** Refuses each for which `errorOf` gives an error. */
  refuseAll(errorOf: (id: number) => Error | undefined): void {
    for (const id of this.#ids()) {
      const error = errorOf(id)
      if (error) this.refuse(id, error)
    }
  }

  /** Resolves when all that was asked so far is over. */
  settled(): Promise<void> {
    return new Promise(done => {
      this.#settling.push({ last: this.last, done })
      this.#look()
    })
  }

  /** The request gets a message that comes ahead of its answer, unless it was forgotten. */
  part(id: number, message: ServerMessage): void {
    const request = this.#find(id)
    request?.finish(message, request.extra)
  }

  /** What the request gives for a message that does not settle it. */
  ask(id: number, message: ServerMessage): unknown {
    const request = this.#find(id)
    if (!request) throw new Error(`request ${id} is over`)
    return request.finish(message, request.extra)
  }

  #find(id: number): Request | undefined {
    const here = this.#places[id % PLACES]
    return here?.id === id ? here : this.#slow.get(id)
  }

  #take(id: number): Request | undefined {
    const request = this.#find(id)
    if (!request) return undefined
    if (this.#slow.size === 0 || !this.#slow.delete(id)) this.#places[id % PLACES] = undefined
    this.size--
    if (this.#settling.length > 0) this.#look()
    return request
  }

  #ids(): number[] {
    const ids = [...this.#slow.keys()]
    for (let id = Math.max(1, this.last - PLACES + 1); id <= this.last; id++)
      if (this.#places[id % PLACES]) ids.push(id)
    return ids
  }

  #look(): void {
    this.#oldest = Math.max(this.#oldest, this.last - PLACES + 1)
    while (this.#oldest <= this.last && !this.#places[this.#oldest % PLACES]) this.#oldest++
    const oldest: number = this.#slow.keys().next().value ?? this.#oldest
    this.#settling = this.#settling.filter(({ last, done }) => {
      if (oldest > last) done()
      return oldest <= last
    })
  }
}
