import { type Deferred, deferred } from '../async/deferred.ts'
import { MissedUpdatesError } from '../errors.ts'
import { checkKey, frozenFromWire } from '../protocol/values.ts'
import type { Link } from './link.ts'
import { Reader } from './reader.ts'
import type { Frozen, Key, Snapshot, Value } from './types.ts'

/** A local copy of the state that the server keeps current: reading it is synchronous. Made by `state.view()`. */
export class StateView<S extends object> {
  readonly #link: Link
  #reader: Reader
  /** While a new reader replaces one that fell behind, the last one goes on answering. */
  #shown: Reader
  readonly #waiting: { revision: number; done: Deferred<void> }[] = []
  #closed = false

  private constructor(link: Link, reader: Reader) {
    this.#link = link
    this.#reader = this.#shown = reader
    link.views.add(this)
    this.#follow()
  }

  /** @internal */
  static async open<S extends object>(link: Link): Promise<StateView<S>> {
    await link.start
    const reader = new Reader(link, -1)
    await new Promise<void>((resolve, reject) => {
      reader.wait({
        begin: () => {
          resolve()
          return true
        },
        offer: () => true,
        fail: error => {
          reader.close()
          reject(error)
        },
      })
    })
    return new StateView<S>(link, reader)
  }

  /** The value of `key`, frozen; undefined when it is not there. */
  get<K extends Key<S>>(key: K): Frozen<Value<S, K>> {
    if (typeof key !== 'string') checkKey(key, 'view.get')
    return frozenFromWire(this.#shown.values.get(key)) as Frozen<Value<S, K>>
  }

  has(key: Key<S>): boolean {
    return this.#shown.values.has(key)
  }

  /** The whole state at `revision`. */
  get snapshot(): Snapshot<S> {
    return this.#shown.snapshot() as Snapshot<S>
  }

  get revision(): number {
    return this.#shown.position
  }

  /** It is kept current no longer, and goes on showing what it showed; so it does once its State is closed. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#link.views.delete(this)
    this.#reader.close()
    for (const { done } of this.#waiting) done.resolve()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal Resolves when the view is at `revision`, or will never be. */
  reached(revision: number): Promise<void> | undefined {
    if (this.#closed || this.revision >= revision) return undefined
    const done = deferred<void>()
    this.#waiting.push({ revision, done })
    return done.promise
  }

  /** @internal */
  otherLog(): void {
    this.#reader = new Reader(this.#link, -1)
    this.#follow(true)
  }

  #follow(otherLog = false): void {
    const reader = this.#reader
    reader.onArrival = () => {
      while (reader.take(false));
      if (this.#reader !== reader) return
      // Revisions of different logs have nothing to do with each other.
      if (reader.open && (otherLog || reader.position >= this.#shown.position)) this.#shown = reader
      if (reader.error instanceof MissedUpdatesError && !this.#closed) {
        this.#reader = new Reader(this.#link, -1)
        this.#follow()
      }
      this.#wake(false)
    }
    reader.onFailure = () => {
      if (!(reader.error instanceof MissedUpdatesError)) this.#wake(true)
    }
    reader.onArrival()
  }

  #wake(all: boolean): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const { revision, done } = this.#waiting[i] as { revision: number; done: Deferred<void> }
      if (!all && revision > this.revision) continue
      this.#waiting.splice(i, 1)
      done.resolve()
    }
  }
}
