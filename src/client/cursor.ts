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
  readonly #before: Before
  readonly #after: Values

  constructor(
    first: number,
    revision: number,
    commit: WireCommit | undefined,
    snapshot: object | undefined,
    before: Before,
    after: Values,
  ) {
    this.first = first
    this.revision = revision
    this.commit = commit
    this.beforeSnapshot = snapshot
    this.#before = before
    this.#after = after
  }

  get identical(): boolean {
    return this.commit?.[6] ?? !this.#changedAny()
  }

  /** The keys that it wrote, those that it left equal included. */
  keys(): Iterable<string> {
    return this.#before.keys()
  }

  wrote(key: string): boolean {
    return this.#before.has(key)
  }

  /** What was at a key that it wrote. */
  was(key: string): Slot {
    return this.#before.get(key)
  }

  #changedAny(): boolean {
    for (const key of this.keys()) if (this.changed(key)) return true
    return false
  }

  changed(key: string): boolean {
    return !equalSlots(this.#before.get(key), slot(this.#after, key))
  }
}

/** What was at the keys that an update wrote. Most write one key: a Map for it would take longer than all else about it. */
class Before {
  /** All that the state held, if it was emptied. */
  emptied: Values | undefined
  #key: string | undefined
  #slot: Slot = ABSENT
  #others: Map<string, Slot> | undefined

  /** Only the first slot of a key is kept. */
  add(key: string, slot: Slot): void {
    if (this.#key === undefined) {
      this.#key = key
      this.#slot = slot
    } else if (key !== this.#key) {
      this.#others ??= new Map()
      if (!this.#others.has(key)) this.#others.set(key, slot)
    }
  }

  has(key: string): boolean {
    return key === this.#key || this.#others?.has(key) === true || this.emptied?.has(key) === true
  }

  /** Of a key that was written. */
  get(key: string): Slot {
    if (this.emptied) return slot(this.emptied, key)
    return key === this.#key ? this.#slot : this.#others?.get(key)
  }

  *keys(): Iterable<string> {
    const { emptied } = this
    if (emptied) yield* emptied.keys()
    if (this.#key !== undefined && !emptied?.has(this.#key)) yield this.#key
    for (const key of this.#others?.keys() ?? []) if (!emptied?.has(key)) yield key
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
    const before = this.#apply(commit[7])
    this.position++
    return new Update(this.position, this.position, commit, snapshot, before, this.values)
  }

  /** Moves to a revision, by all that was changed on the way there, or to the state that it is there. */
  jump(revision: number, changes: WireChange[] | null, entries: Entry[] | null): Update {
    const first = this.position + 1
    const before = changes ? this.#apply(changes) : this.#replace(new Map(entries))
    this.position = revision
    return new Update(first, revision, undefined, undefined, before, this.values)
  }

  #apply(changes: WireChange[]): Before {
    const before = new Before()
    for (const change of changes) {
      if (change.length === 0) {
        before.emptied ??= this.values
        this.values = new Map()
        continue
      }
      const [key] = change
      const was = slot(this.values, key)
      before.add(key, was)
      const after = slotAfter(was, change)
      if (after === ABSENT) this.values.delete(key)
      else this.values.set(key, after)
    }
    return before
  }

  #replace(values: Values): Before {
    const before = new Before()
    before.emptied = this.values
    this.values = values
    for (const key of values.keys()) if (!before.has(key)) before.add(key, ABSENT)
    return before
  }
}
