import { wallClock } from '../async/interval.ts'
import type { Step } from '../protocol/messages.ts'
import { MAX_DEPTH, Packed, sharedFromWire } from '../protocol/values.ts'
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
import { applySteps } from './steps.ts'

// Entries of keys that are gone, besides as many as there are keys, before the order is made anew.
const SPARE = 1000

/** One ordered log of commits, its newest `historyLimit` kept, and the state they add up to. */
export class Namespace {
  readonly name: string
  values: Values = new Map()
  revision = 0
  /** Levels of nesting that a value may have. */
  readonly maxDepth: number
  readonly #history: History
  // The keys in the order in which they came, once somebody asks for the newest: gone ones are left in until then.
  #order: string[] | undefined
  /** The keys that live as long as a session, and its number. */
  readonly #ephemeral = new Map<string, number>()
  /** Called after each commit. */
  onCommit: (() => void) | undefined

  /** `historyLimit`: commits that are kept; `historyBytes`: of values, that those may hold, the newest commit apart. */
  constructor(name: string, historyLimit: number, maxDepth = MAX_DEPTH, historyBytes?: number) {
    this.name = name
    this.maxDepth = maxDepth
    this.#history = new History(historyLimit, historyBytes)
  }

  get historyLimit(): number {
    return this.#history.limit
  }

  /** The oldest revision whose commit is kept; one above `revision` while there is none. */
  get first(): number {
    return this.#history.first
  }

  at(revision: number): Commit {
    return this.#history.at(revision)
  }

  /** The only way in which a namespace changes. */
  commit(author: Author, method: string, changes: readonly Change[], identical = allEqual(changes)): void {
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
    if (this.#ephemeral.size > 0) this.#outlive(changes)
    this.#history.add(author, method, wallClock(), identical, changes)
    this.revision++
    this.onCommit?.()
  }

  /** From now on `key`, just committed by `author`, goes when the author's session does. */
  tie(key: string, author: Author): void {
    this.#ephemeral.set(key, author.session)
  }

  /** The session of `author` is over: what was tied to it goes, in one commit. */
  expire(author: Author): void {
    const changes: Change[] = []
    for (const [key, session] of this.#ephemeral)
      if (session === author.session) changes.push(change(key, slot(this.values, key), ABSENT))
    if (changes.length > 0) this.commit(author, 'expire', changes)
  }

  // Whoever writes a key makes it one like any other.
  #outlive(changes: readonly Change[]): void {
    for (const { key } of changes) {
      if (key === null) this.#ephemeral.clear()
      else this.#ephemeral.delete(key)
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

  /** The state as it was at `revision`, from `first - 1` on: today's, with the later commits taken back. */
  stateAt(revision: number): Values {
    if (revision === this.revision) return this.values
    let values: Values = new Map(this.values)
    // Steps back are gathered: each time that they are made, what they change is copied.
    const undo = new Map<string, Step[]>()
    for (let r = this.revision; r > revision; r--) {
      const { changes } = this.at(r)
      for (let i = changes.length - 1; i >= 0; i--) {
        const change = changes[i] as Change
        if (change.key === null) {
          values = new Map(change.before)
          undo.clear()
        } else if (change.undo) {
          const steps = undo.get(change.key)
          if (steps) steps.push(...change.undo)
          else undo.set(change.key, [...change.undo])
        } else {
          undo.delete(change.key)
          if (change.before === ABSENT) values.delete(change.key)
          else values.set(change.key, change.before)
        }
      }
    }
    for (const [key, steps] of undo)
      values.set(key, Packed.of(applySteps(sharedFromWire(values.get(key)), steps), true))
    return values
  }

  #came(key: string): void {
    const order = this.#order as string[]
    if (order.length > 2 * this.values.size + SPARE) this.#order = undefined
    else order.push(key)
  }
}

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
