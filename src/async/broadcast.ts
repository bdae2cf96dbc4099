import { type Deferred, deferred } from './deferred.ts'

interface Listener<T> {
  queue: T[]
  waiting: Deferred<IteratorResult<T>>[]
}

/** One stream of events for as many listeners as there are; each has its own queue, from when it began to listen. */
export class Broadcast<T> {
  readonly #listeners = new Set<Listener<T>>()
  readonly #onWaiting: () => void
  #over = false

  /** `onWaiting` is called when somebody begins, or ceases, to wait for an event. */
  constructor(onWaiting = () => {}) {
    this.#onWaiting = onWaiting
  }

  /** Whether somebody awaits an event. */
  get awaited(): boolean {
    for (const { waiting } of this.#listeners) if (waiting.length > 0) return true
    return false
  }

  readonly add = (event: T): void => {
    for (const { queue, waiting } of this.#listeners) {
      const next = waiting.shift()
      if (next) next.resolve({ done: false, value: event })
      else queue.push(event)
    }
  }

  iterate(): AsyncIterableIterator<T> {
    const listener: Listener<T> = { queue: [], waiting: [] }
    if (!this.#over) this.#listeners.add(listener)
    const iterator: AsyncIterableIterator<T> = {
      next: () => {
        if (listener.queue.length > 0)
          return Promise.resolve({ done: false, value: listener.queue.shift() as T })
        if (!this.#listeners.has(listener)) return Promise.resolve({ done: true, value: undefined })
        const next = deferred<IteratorResult<T>>()
        listener.waiting.push(next)
        this.#onWaiting()
        return next.promise.finally(this.#onWaiting)
      },
      return: async () => {
        this.#finish(listener)
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  end(): void {
    this.#over = true
    for (const listener of [...this.#listeners]) this.#finish(listener)
  }

  #finish(listener: Listener<T>): void {
    this.#listeners.delete(listener)
    for (const next of listener.waiting.splice(0)) next.resolve({ done: true, value: undefined })
  }
}
