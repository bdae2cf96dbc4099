import type { InspectOptionsStylized } from 'node:util'
import { type Deferred, deferred } from '../async/deferred.ts'
import { SHOWN, shown } from '../async/shown.ts'
import { ConnectionError } from '../errors.ts'
import { checkKey, frozenFromWire } from '../protocol/values.ts'
import type { ConnectionEvent } from '../store/store.ts'
import type { Call } from './condition.ts'
import type { Link } from './link.ts'
import { Reader } from './reader.ts'
import { end, type Step, Steps } from './steps.ts'
import type { Frozen, Key, Snapshot, Value } from './types.ts'
import { Wait } from './wait.ts'

/** A local copy of the state that the server keeps current: reading it is synchronous. Made by `state.view()`. */
export class StateView<S extends object> {
  readonly #link: Link
  /** The newest reader; and the one that answers, until the newest stands. */
  #reader: Reader
  #shown: Reader
  #connected = true
  // Why it is not kept current any more, since no server answers.
  #error: Error | undefined
  #closed = false
  readonly #waiting: { revision: number; done: Deferred<void> }[] = []
  // The loops that are to be told of the next update.
  readonly #changes = new Set<Changes<S>>()

  private constructor(
    link: Link,
    from: number | undefined,
    opened: () => void,
    failed: (error: Error) => void,
  ) {
    this.#link = link
    this.#reader = this.#shown = this.#read(opened, failed, from)
    link.views.add(this)
    link.connection.events.add(this.#heard)
  }

  /** @internal */
  static async open<S extends object>(link: Link, from?: number): Promise<StateView<S>> {
    const call = { name: 'state.view', keys: [] }
    const wait = new Wait<void>(link, {}, call)
    link.start.catch(error => wait.lost(error))
    const view = new StateView<S>(
      link,
      from,
      () => wait.found(),
      error => wait.lost(error),
    )
    try {
      await wait.promise
    } catch (error) {
      view.close()
      wait.retrace(StateView.open)
      throw error
    }
    return view
  }

  /**
   * Whether the connection is there. While it is not, the view keeps what it shows; when no server can be reached any more,
   * to read it throws `ZPROC_CONNECTION`.
   */
  get connected(): boolean {
    return this.#connected && !this.#error && !this.#closed
  }

  /** The value of `key`, frozen; undefined when the key is missing. Throws `ZPROC_CONNECTION` when the server is gone for good. */
  get<K extends Key<S>>(key: K): Frozen<Value<S, K>> {
    if (typeof key !== 'string') checkKey(key, 'view.get')
    this.#check('view.get')
    return frozenFromWire(this.#shown.values.get(key)) as Frozen<Value<S, K>>
  }

  /** Whether the state has `key`. */
  has(key: Key<S>): boolean {
    this.#check('view.has')
    return this.#shown.values.has(key)
  }

  /** The whole state at `revision`, frozen. Throws `ZPROC_CONNECTION` when the server is gone for good. */
  get snapshot(): Snapshot<S> {
    this.#check('view.snapshot')
    return this.#shown.snapshot() as Snapshot<S>
  }

  /** @internal */
  [SHOWN](depth: number, options: InspectOptionsStylized): string {
    const { namespace, connection } = this.#link
    const { revision, connected } = this
    const fields = { serverAddress: connection.address, namespace, revision, connected }
    return shown('StateView', fields, depth, options)
  }

  /** The revision that the view shows; it never goes back. */
  get revision(): number {
    return this.#shown.position
  }

  /**
   * The snapshots from now on: each step gives the newest, once there is one. Several updates that come while the body
   * of the loop runs are one step. Ends when the view is closed.
   *
   *     for await (const snapshot of view.changes()) draw(snapshot)
   */
  changes(): AsyncIterableIterator<Snapshot<S>> {
    const trace = {}
    Error.captureStackTrace(trace, this.changes)
    const call = { name: 'view.changes', keys: [], trace }
    const changes = new Changes<S>(this.#link, call, {
      error: () => this.#error,
      isClosed: () => this.#closed,
      snapshot: () => this.snapshot,
      listen: () => this.#changes.add(changes),
    })
    this.#changes.add(changes)
    return changes
  }

  /** Stops the updates: the view keeps what it shows. It is closed together with its State. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#link.views.delete(this)
    this.#link.connection.events.delete(this.#heard)
    this.#reader.close()
    this.#wake(Number.POSITIVE_INFINITY)
    for (const changes of this.#changes) changes.closed()
    this.#changes.clear()
  }

  /** `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal Resolves when the view is at `revision`, or will never be. */
  reached(revision: number): Promise<void> | undefined {
    if (this.#closed || this.#error || this.revision >= revision) return undefined
    const done = deferred<void>()
    this.#waiting.push({ revision, done })
    return done.promise
  }

  /** @internal Revisions begin anew: those of different logs have nothing to do with each other. */
  otherLog(): void {
    this.#reader.close()
    this.#reader = this.#read()
  }

  /** A reader that the view moves on to once it stands: at revision `from`, or at the newest. */
  #read(opened = () => {}, failed = (_: Error) => {}, from?: number): Reader {
    const isNewest = () => this.#reader === reader && !this.#closed
    const fail = (error: Error) => {
      if (this.#reader !== undefined && !isNewest()) return
      this.#error = error
      this.#wake(Number.POSITIVE_INFINITY)
      for (const changes of this.#changes) changes.failed(error)
      failed(error)
    }
    const reader: Reader = new Reader(this.#link, from ?? -1, {
      isExact: from !== undefined,
      follower: {
        passed: update => {
          if (!update.identical) this.#changed()
        },
        stands: () => {
          if (!isNewest()) return
          this.#error = undefined
          if (this.#shown !== reader) {
            this.#shown = reader
            this.#changed()
          }
          opened()
          this.#wake(this.revision)
          for (const changes of this.#changes) changes.stands()
        },
        failed: fail,
        lost: fail,
      },
    })
    return reader
  }

  /** A loop that is due is told no more until it takes its next step: one that was dropped is forgotten. */
  #changed(): void {
    for (const changes of this.#changes) {
      changes.isDue = true
      if (!changes.waits) this.#changes.delete(changes)
    }
  }

  readonly #heard = ({ type }: ConnectionEvent): void => {
    this.#connected = type !== 'disconnected'
    // What a lost reader read goes on with a new one.
    if (this.#connected && this.#reader.error) this.#reader = this.#read()
  }

  #check(call: string): void {
    if (!this.#error || this.#closed) return
    throw new ConnectionError(`${call}: ${this.#error.message}`, { cause: this.#error })
  }

  #wake(revision: number): void {
    const waiting = this.#waiting.splice(0)
    for (const waiter of waiting)
      if (waiter.revision <= revision) waiter.done.resolve()
      else this.#waiting.push(waiter)
  }
}

/** The view of a loop, which it must not be kept by. */
interface Viewed<S> {
  error(): Error | undefined
  isClosed(): boolean
  snapshot(): Snapshot<S>
  /** The loop is to be told of the next update. */
  listen(): void
}

class Changes<S> extends Steps<Snapshot<S>> {
  isDue = false
  readonly #link: Link
  readonly #call: Call
  readonly #view: Viewed<S>
  #wait: Wait<Step<Snapshot<S>>> | undefined

  constructor(link: Link, call: Call, view: Viewed<S>) {
    super()
    this.#link = link
    this.#call = call
    this.#view = view
  }

  protected override step(): Promise<Step<Snapshot<S>>> {
    const wait = new Wait<Step<Snapshot<S>>>(this.#link, {}, this.#call, end())
    this.#wait = wait
    const error = this.#view.error()
    if (this.#view.isClosed()) wait.found(end())
    else if (error) wait.lost(error)
    else this.#view.listen()
    this.stands()
    return wait.promise
  }

  protected override left(): void {
    this.closed()
  }

  get waits(): boolean {
    return this.#wait?.over === false
  }

  /** The view stands at a state; hands it out, if it is newer than the one before and waited for. */
  stands(): void {
    if (!this.isDue || !this.#wait || this.#wait.over) return
    this.isDue = false
    this.#wait.found({ done: false, value: this.#view.snapshot() })
  }

  failed(error: Error): void {
    this.#wait?.lost(error)
  }

  closed(): void {
    this.#wait?.found(end())
  }
}
