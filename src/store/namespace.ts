import { monotonic, wallClock } from '../async/interval.ts'
import type { LeaseInfo, WireLease } from '../protocol/messages.ts'
import { MAX_DEPTH, Packed } from '../protocol/values.ts'
import { commits, isTraced } from '../tracing/channels.ts'
import { beginCommit, endCommit } from '../tracing/commit.ts'
import type { CommitTrace } from '../tracing/messages.ts'
import {
  ABSENT,
  type Author,
  type Change,
  type Commit,
  change,
  equalSlots,
  type Slot,
  slot,
  type Values,
} from './commit.ts'
import { History } from './history.ts'
import { type Lease, Leases } from './leases.ts'

// Entries of keys that are gone, besides as many as there are keys, before the order is made anew.
const SPARE = 1000

// Bytes of values that are deleted together when their time is up, about: the log keeps them encoded.
const EXPIRED_BYTES = 16 << 10

// The State of commits that no State of a client makes: every watcher is told of them.
const NO_STATE = 0

/** What keeps a namespace elsewhere than in memory. */
export interface Recorder {
  /** A commit is about to be made: what this throws refuses it. */
  committing(changes: readonly Change[]): void
  committed(commit: Commit): void
  /** A key that was just committed has got a lease. */
  tied(key: string, author: Author, lease: WireLease): void
}

export interface NamespaceOptions {
  /** Levels of nesting that a value may have. */
  maxDepth?: number
  /** Bytes of memory that the kept commits may take besides the state, the newest commit apart. */
  historyBytes?: number
  /** The revision of the state at first, which is empty. */
  revision?: number
  /** Whether the channel for tracing hears of its commits. */
  isTraced?: boolean
  /** Milliseconds, from any beginning, that only go up. */
  clock?: () => number
}

/** One ordered log of commits, its newest `historyLimit` kept, and the state they add up to. */
export class Namespace {
  readonly name: string
  values: Values = new Map()
  revision: number
  /** Levels of nesting that a value may have. */
  readonly maxDepth: number
  readonly #history: History
  // The keys in the order in which they came, once somebody asks for the newest: gone ones are left in until then.
  #order: string[] | undefined
  readonly #leases = new Leases()
  /** What the leases' times are measured with. */
  readonly clock: () => number
  /** Called after each commit. */
  onCommit: (() => void) | undefined
  recorder: Recorder | undefined
  readonly #isTraced: boolean
  /** Called when a key has got a time to live. */
  onLease: (() => void) | undefined

  /** `historyLimit`: commits that are kept. */
  constructor(name: string, historyLimit: number, options: NamespaceOptions = {}) {
    this.name = name
    this.maxDepth = options.maxDepth ?? MAX_DEPTH
    this.#isTraced = options.isTraced ?? false
    this.clock = options.clock ?? monotonic
    this.revision = options.revision ?? 0
    this.#history = new History(historyLimit, options.historyBytes, this.revision)
  }

  get historyLimit(): number {
    return this.#history.limit
  }

  /** The oldest revision whose commit is kept; one above `revision` while there is none. */
  get first(): number {
    return this.#history.first
  }

  /** Bytes of memory that the kept commits take besides the state, about; 0 where they are not bounded. */
  get historyBytes(): number {
    return this.#history.bytes
  }

  at(revision: number): Commit {
    return this.#history.at(revision)
  }

  /** When a commit was made: milliseconds since 1970. */
  timeAt(revision: number): number {
    return this.#history.timeAt(revision)
  }

  /** Whether a commit can be made now: what keeps the namespace may refuse it. */
  get isWritable(): boolean {
    try {
      this.recorder?.committing([])
      return true
    } catch {
      return false
    }
  }

  /** The only way in which a namespace changes. */
  commit(
    author: Author,
    method: string,
    changes: readonly Change[],
    identical = allEqual(changes),
    time = wallClock(),
  ): void {
    this.recorder?.committing(changes)
    const message = this.#isTraced && isTraced(commits) ? this.#traced(author, method, changes) : undefined
    for (const change of changes) {
      if (change.key === null) {
        this.values = new Map()
        this.#order = undefined
      } else if (change.after === ABSENT) this.values.delete(change.key)
      else {
        if (this.#order && !this.values.has(change.key)) this.#came(change.key)
        this.values.set(change.key, change.after)
      }
    }
    if (this.#leases.size > 0) this.#endLeases(method, changes)
    this.#history.add(author, method, time, identical, changes)
    this.revision++
    this.recorder?.committed({ author, method, time, identical, changes })
    this.onCommit?.()
    if (message) endCommit(message)
  }

  #traced({ pid, name }: Author, method: string, changes: readonly Change[]): CommitTrace {
    const { name: namespace, revision } = this
    return beginCommit({ namespace, revision: revision + 1, method, keys: changes.map(keyOf), pid, name })
  }

  /** Ties `key`, which `author` has just put, to a time, to the author's session, or to both. */
  tie(key: string, author: Author, [ephemeral, ttl]: WireLease): void {
    if (!ephemeral && ttl === null) return
    const due = ttl === null ? Number.POSITIVE_INFINITY : this.clock() + ttl
    this.#leases.add(key, author, ephemeral, due)
    this.recorder?.tied(key, author, [ephemeral, ttl])
    if (ttl !== null) this.onLease?.()
  }

  /** The leases of all keys that have one. */
  leases(): Iterable<Lease> {
    return this.#leases.all()
  }

  /** How many keys end with each session that has such. */
  get ephemeral(): Iterable<[session: number, keys: number]> {
    return this.#leases.perSession()
  }

  /** How many keys have a time to live. */
  get timed(): number {
    return this.#leases.timed
  }

  /** What `key` is tied to; null: nothing, or it is not there. */
  leaseOf(key: string): LeaseInfo | null {
    const lease = this.#leases.get(key)
    if (!lease) return null
    const { author, ephemeral, due } = lease
    const expires = due === Number.POSITIVE_INFINITY ? null : wallClock() + Math.max(0, due - this.clock())
    return [author.pid, author.name, ephemeral, expires]
  }

  /** The session of `author` is over: the keys that are tied to it go, in one commit. */
  expire(author: Author): void {
    const keys = this.#leases.ofSession(author.session)
    if (keys.length > 0) this.#expire(author, keys)
  }

  /** When the next time to live ends, by `clock`; `Infinity`: none does. */
  get nextDue(): number {
    return this.#leases.next
  }

  /** Deletes keys whose time is up, `most` at most and fewer large ones, in one commit for each State that wrote them. */
  expireDue(most: number): void {
    const now = this.clock()
    const due = new Map<Author, string[]>()
    let bytes = 0
    for (let count = 0; count < most && bytes < EXPIRED_BYTES; count++) {
      const lease: Lease | undefined = this.#leases.takeDue(now)
      if (!lease) break
      const keys = due.get(lease.author)
      if (keys) keys.push(lease.key)
      else due.set(lease.author, [lease.key])
      const value = this.values.get(lease.key)
      if (value instanceof Packed) bytes += value.weight
    }
    for (const [author, keys] of due) this.#expire(author, keys)
  }

  #expire(author: Author, keys: string[]): void {
    const changes = keys.map(key => change(key, slot(this.values, key), ABSENT))
    this.commit({ ...author, state: NO_STATE }, 'expire', changes, false)
  }

  // To put a key anew ends its lease. An atomic function changes the value of a key, and the key keeps its lease.
  #endLeases(method: string, changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.key === null) this.#leases.clear()
      else if (method !== 'atomic' || change.after === ABSENT) this.#leases.delete(change.key)
    }
  }

  /** The key that came last; undefined when there is none. Costs the same for any number of keys. */
  newestKey(): string | undefined {
    const { values } = this
    this.#order ??= [...values.keys()]
    const order = this.#order
    // A key that went and came again was added again: the last time that it is found is when it came.
    while (order.length > 0 && !values.has(order[order.length - 1] as string)) order.pop()
    return order[order.length - 1]
  }

  #came(key: string): void {
    const order = this.#order as string[]
    if (order.length > 2 * this.values.size + SPARE) this.#order = undefined
    else order.push(key)
  }
}

const keyOf = ({ key }: Change): string | null => key

function allEqual(changes: readonly Change[]): boolean {
  if (changes.length === 1) {
    const only = changes[0] as Change
    return only.key === null ? only.before.size === 0 : equalSlots(only.before, only.after)
  }
  // After a clear, the later changes say what became of each key.
  const cleared = changes.find(change => change.key === null)
  const puts = changes.filter(change => change.key !== null)
  if (!cleared) return puts.every(change => equalSlots(change.before, change.after))
  const now = new Map<string, Slot>(puts.map(change => [change.key, change.after]))
  const was = cleared.before as Values
  return (
    now.size === was.size && [...now].every(([key, after]) => was.has(key) && equalSlots(was.get(key), after))
  )
}
