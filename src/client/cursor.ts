import type { Entry, WireChange, WireCommit } from '../protocol/messages.ts'
import { frozenFromWire } from '../protocol/values.ts'
import { ABSENT, equalSlots, type Slot, slot, slotAfter, type Values } from '../store/commit.ts'

/** What a cursor has just passed: one commit, or several of which only the difference that they made is known. */
export class Update {
  /** The first revision of what was passed; `revision` for one commit. */
  readonly first: number
  readonly revision: number
  /** undefined: several commits were passed at once. */
  readonly commit: WireCommit | undefined
  /** The whole state before; only made for those who ask ahead, see Waiter.wantsBefore. */
  readonly beforeSnapshot: object | undefined
  readonly #before: Map<string, Slot>
  readonly #emptied: Values | undefined
  readonly #after: Values

  constructor(
    first: number,
    revision: number,
    commit: WireCommit | undefined,
    snapshot: object | undefined,
    before: Map<string, Slot>,
    emptied: Values | undefined,
    after: Values,
  ) {
    this.first = first
    this.revision = revision
    this.commit = commit
    this.beforeSnapshot = snapshot
    this.#before = before
    this.#emptied = emptied
    this.#after = after
  }

  get identical(): boolean {
    return this.commit?.[6] ?? !this.#changedAny()
  }

  /** The keys that it wrote, those that it left equal included. */
  *keys(): Iterable<string> {
    if (this.#emptied) yield* this.#emptied.keys()
    for (const key of this.#before.keys()) if (!this.#emptied?.has(key)) yield key
  }

  wrote(key: string): boolean {
    return this.#before.has(key) || this.#emptied?.has(key) === true
  }

  #changedAny(): boolean {
    for (const key of this.keys()) if (this.changed(key)) return true
    return false
  }

  changed(key: string): boolean {
    const before = this.#emptied ? slot(this.#emptied, key) : (this.#before.get(key) as Slot)
    return !equalSlots(before, slot(this.#after, key))
  }
}

/** A namespace's state at one revision, which moves on by commits. */
export class Cursor {
  /** The revision that the state below is at; -1 until the server has said. */
  position: number
  values: Values = new Map()
  #snapshot: { revision: number; value: object } | undefined

  constructor(position: number) {
    this.position = position
  }

  /** The whole state where it is. */
  snapshot(): object {
    if (this.#snapshot?.revision !== this.position) {
      const value: Record<string, unknown> = {}
      for (const [key, wire] of this.values) value[key] = frozenFromWire(wire)
      this.#snapshot = { revision: this.position, value: Object.freeze(value) }
    }
    return this.#snapshot.value
  }

  /** Moves on by one commit; throws if it does not fit. */
  move(commit: WireCommit, wantsBefore: boolean): Update {
    const snapshot = wantsBefore ? this.snapshot() : undefined
    const before = new Map<string, Slot>()
    const emptied = this.#apply(commit[7], before)
    this.position++
    return new Update(this.position, this.position, commit, snapshot, before, emptied, this.values)
  }

  /** Moves to a revision, by all that was changed on the way there, or to the state that it is there. */
  jump(revision: number, changes: WireChange[] | null, entries: Entry[] | null): Update {
    const first = this.position + 1
    const before = new Map<string, Slot>()
    let emptied: Values | undefined
    if (changes) emptied = this.#apply(changes, before)
    else {
      emptied = this.values
      this.values = new Map(entries)
      for (const key of this.values.keys()) if (!emptied.has(key)) before.set(key, ABSENT)
    }
    this.position = revision
    return new Update(first, revision, undefined, undefined, before, emptied, this.values)
  }

  #apply(changes: WireChange[], before: Map<string, Slot>): Values | undefined {
    let emptied: Values | undefined
    for (const change of changes) {
      if (change.length === 0) {
        emptied ??= this.values
        this.values = new Map()
        continue
      }
      const [key] = change
      const was = slot(this.values, key)
      if (!before.has(key)) before.set(key, was)
      const after = slotAfter(was, change)
      if (after === ABSENT) this.values.delete(key)
      else this.values.set(key, after)
    }
    return emptied
  }
}
