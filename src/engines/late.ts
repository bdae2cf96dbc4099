import { deferred } from '../async/deferred.ts'
import type { ClientMessage } from '../protocol/messages.ts'
import type { Begun, FeedEvents, Finish, Store } from '../store/store.ts'
import type { Engine } from './engine.ts'

const open = new Map<string, LateStore>()

/** The store of an engine that is being loaded: it takes requests at once, and hands them over in their order. */
export class LateStore implements Store {
  readonly address: string
  readonly states = new Map<number, Begun>()
  readonly events: Store['events'] = new Set()
  readonly feeds = new Map<number, FeedEvents>()
  readonly holds = new Map<number, (why: number | Error) => void>()
  readonly functions = new Map<string, number>()
  #users = 0
  #numbers = 0
  #store: Store | undefined
  #error: Error | undefined
  #early: ((store: Store) => void)[] = []
  readonly #loaded = deferred<void>()

  /** The store at `address`; those who ask for the same one share it. */
  static use(address: string, engine: Engine): LateStore {
    let store = open.get(address)
    if (!store || store.error) {
      store = new LateStore(address, engine)
      open.set(address, store)
    }
    store.#users++
    return store
  }

  private constructor(address: string, engine: Engine) {
    this.address = address
    this.#loaded.promise.catch(() => {})
    engine.load().then(
      ({ open }) => {
        const store = open(address, this)
        this.#store = store
        for (const hand of this.#early) hand(store)
        this.#early = []
        this.#loaded.resolve()
        if (this.#users === 0) store.release()
      },
      error => {
        this.#error = error as Error
        this.#loaded.reject(error)
        for (const feed of [...this.feeds.values()]) feed.lost(error as Error)
      },
    )
  }

  get session(): number {
    return this.#store?.session ?? -1
  }

  get error(): Error | undefined {
    return this.#error ?? this.#store?.error
  }

  number(): number {
    return ++this.#numbers
  }

  request<T>(call: string, message: ClientMessage, finish: Finish, extra?: unknown): Promise<T> {
    if (this.#store) return this.#store.request(call, message, finish, extra)
    return new Promise<T>((resolve, reject) => {
      this.#loaded.promise.catch(reject)
      this.#early.push(store => store.request<T>(call, message, finish, extra).then(resolve, reject))
    })
  }

  send(message: ClientMessage): void {
    if (this.#store) this.#store.send(message)
    else this.#early.push(store => store.send(message))
  }

  forget(id: number): void {
    this.#store?.forget(id)
  }

  keepAwaited(): () => void {
    let callOff: (() => void) | undefined
    let isOver = false
    const begin = (store: Store) => {
      if (!isOver) callOff = store.keepAwaited()
    }
    if (this.#store) begin(this.#store)
    else this.#early.push(begin)
    return () => {
      isOver = true
      callOff?.()
    }
  }

  async settled(): Promise<void> {
    await this.#loaded.promise
    await this.#store?.settled()
  }

  release(): Promise<void> | undefined {
    if (--this.#users > 0) return undefined
    if (open.get(this.address) === this) open.delete(this.address)
    return this.#store?.release()
  }
}
