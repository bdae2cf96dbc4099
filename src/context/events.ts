import { type Deferred, deferred } from '../async/deferred.ts'
import { type Process, type ProcessEvent, refreshKeepAlive } from '../process/process.ts'
import type { HungServer } from '../server/options.ts'

/** What happened to a Context's processes, and to its own server. */
export type ContextEvent = ProcessEvent | ({ type: 'serverHung'; time: number } & HungServer)

interface Listener {
  queue: ContextEvent[]
  waiting: Deferred<IteratorResult<ContextEvent>>[]
}

/** What happens to a Context's processes, for as many listeners as there are; each has its own queue. */
export class Events {
  readonly #processes: () => readonly Process[]
  readonly #listeners = new Set<Listener>()
  #over = false

  constructor(processes: () => readonly Process[]) {
    this.#processes = processes
  }

  /** Whether somebody awaits an event: the processes, from which it may come, keep the program alive then. */
  get awaited(): boolean {
    for (const { waiting } of this.#listeners) if (waiting.length > 0) return true
    return false
  }

  add(event: ContextEvent): void {
    for (const { queue, waiting } of this.#listeners) {
      const next = waiting.shift()
      if (next) next.resolve({ done: false, value: event })
      else queue.push(event)
    }
  }

  iterate(): AsyncIterableIterator<ContextEvent> {
    const listener: Listener = { queue: [], waiting: [] }
    if (!this.#over) this.#listeners.add(listener)
    const iterator: AsyncIterableIterator<ContextEvent> = {
      next: () => {
        const value = listener.queue.shift()
        if (value) return Promise.resolve({ done: false, value })
        if (!this.#listeners.has(listener)) return Promise.resolve({ done: true, value: undefined })
        const next = deferred<IteratorResult<ContextEvent>>()
        listener.waiting.push(next)
        this.#refresh()
        return next.promise.finally(() => this.#refresh())
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

  #finish(listener: Listener): void {
    this.#listeners.delete(listener)
    for (const next of listener.waiting.splice(0)) next.resolve({ done: true, value: undefined })
  }

  #refresh(): void {
    for (const process of this.#processes()) refreshKeepAlive(process)
  }
}
