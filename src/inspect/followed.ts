import { monotonic } from '../async/interval.ts'
import type { Update } from '../client/cursor.ts'
import type { Link } from '../client/link.ts'
import { Reader } from '../client/reader.ts'
import { linkOf, State } from '../client/state.ts'
import type { AnyState } from '../client/types.ts'
import { ABSENT, type Values } from '../store/commit.ts'
import type { ConnectionEvent } from '../store/store.ts'
import { KeyList, type Order } from './key-list.ts'
import { Log } from './log.ts'
import { Past } from './past.ts'
import type { Redactor } from './redact.ts'
import type { Shown } from './tree.ts'

// Of more commits than these in a tenth of a second not each is taken: to send all to one more reader would cost the server as much
// again as half of what they cost it. Instead the newest state is asked for, after some time at the least, and so much longer that
// the keys that have changed meanwhile cost the server a few percent of its time. In milliseconds.
const TAKEN = 1000
const TICK = 100
const LEAST = 400
const PER_KEY = 0.04

// Logs that were followed.
let logs = 0

/** How to get to the state. */
export interface Home {
  address: string
  secretKey: string | undefined
}

/** A namespace that is being looked at: its newest state, its log, and its earlier states. */
export class Followed {
  readonly state: State<AnyState>
  /** Which log it follows: a server that was started anew may have begun another one, whose revisions begin anew. */
  logId = ++logs
  log: Log
  past: Past
  keys = new KeyList()
  /** Why it is not being followed at present. */
  error: Error | undefined
  readonly #link: Link
  readonly #redactor: Redactor
  #reader: Reader
  readonly #ready = new Set<() => void>()
  // Commits that were taken since; when the newest state may be asked for, once there were too many; and whether it is.
  #taken = 0
  #since = 0
  #due = 0
  #isSeeking = false

  constructor({ address, secretKey }: Home, namespace: string, redactor: Redactor) {
    this.state = new State<AnyState>(address, { secretKey, namespace }, { name: 'zproc inspect' })
    this.#link = linkOf(this.state, 'inspect')
    this.#redactor = redactor
    this.log = new Log(this.#link, redactor)
    this.past = new Past(this.#link)
    this.#link.start.catch(error => this.#failed(error))
    this.#reader = this.#read()
    this.#link.views.add(this.#standing)
    this.#link.connection.events.add(this.#heard)
  }

  get namespace(): string {
    return this.#link.namespace
  }

  /** The newest revision; -1: not known yet. */
  get revision(): number {
    return this.#reader.position
  }

  /** The newest state. */
  get values(): Values {
    return this.#reader.values
  }

  /** Resolves when the state is here, or it is known why it is not. */
  ready(): Promise<void> {
    return this.revision >= 0 || this.error
      ? Promise.resolve()
      : new Promise(resolve => this.#ready.add(resolve))
  }

  /** Comes up to date, as far as that is due: called before each answer, and ten times a second while a page is open. */
  refresh(): Promise<void> {
    const now = monotonic()
    if (this.#rests) {
      if (now >= this.#due && !this.#isSeeking && !this.error) {
        this.#isSeeking = true
        this.#reader.seek()
      }
    } else if (now - this.#since >= TICK) {
      this.#taken = 0
      this.#since = now
    }
    if (!this.#isSeeking) return this.ready()
    return new Promise(resolve => this.#ready.add(resolve))
  }

  /** Whether there are too many commits to take each of them. */
  get #rests(): boolean {
    return this.#taken >= TAKEN
  }

  /** The newest state as a tree has it. */
  shown(filter: string, order: Order): Shown {
    const { values, position } = this.#reader
    const list = this.keys.list(values, filter, order)
    return {
      namespace: this.namespace,
      revision: position,
      values,
      keys: list.keys,
      placeOf: list.placeOf,
      writtenAt: key => this.keys.writtenAt(key),
    }
  }

  async close(): Promise<void> {
    this.#link.views.delete(this.#standing)
    this.#link.connection.events.delete(this.#heard)
    this.#reader.close()
    await this.state.close()
  }

  #read(): Reader {
    const isNewest = () => this.#reader === undefined || this.#reader === reader
    const rests = () => this.#rests
    const reader: Reader = new Reader(this.#link, -1, {
      follower: {
        get rests() {
          return rests()
        },
        passed: update => this.#passed(reader, update),
        stands: () => isNewest() && this.#stands(reader),
        failed: error => isNewest() && this.#failed(error),
        lost: error => isNewest() && this.#failed(error),
      },
    })
    return reader
  }

  #passed({ values }: Reader, update: Update): void {
    let written = 0
    for (const key of update.keys()) {
      written++
      const isThere = values.has(key)
      if (isThere !== (update.was(key) !== ABSENT)) this.keys.moved()
      this.keys.wrote(key, update.revision, isThere)
    }
    if (update.commit) {
      this.#taken++
      this.log.add(update.revision, update.commit)
    } else {
      this.#due = monotonic() + Math.max(LEAST, written * PER_KEY)
      this.log.newest = update.revision
    }
  }

  #stands(reader: Reader): void {
    if (this.error) this.keys.moved()
    this.error = undefined
    if (this.#isSeeking) this.#landed()
    this.log.newest = reader.position
    this.#wake()
  }

  /** The newest state is here: commits are taken again, for a while. */
  #landed(): void {
    this.#isSeeking = false
    this.#taken = 0
    this.#since = monotonic()
    this.#due = Math.max(this.#due, this.#since + LEAST)
  }

  #failed(error: Error): void {
    this.error = error
    this.#isSeeking = false
    this.#wake()
  }

  #wake(): void {
    for (const ready of this.#ready) ready()
    this.#ready.clear()
  }

  readonly #standing = {
    reached: () => undefined,
    otherLog: () => {
      this.#reader.close()
      this.logId = ++logs
      this.log = new Log(this.#link, this.#redactor)
      this.past = new Past(this.#link)
      this.keys = new KeyList()
      this.#reader = this.#read()
    },
    close: () => {},
  }

  readonly #heard = ({ type }: ConnectionEvent): void => {
    // What a lost reader read goes on with a new one.
    if (type !== 'disconnected' && this.#reader.error) this.#reader = this.#read()
  }
}
