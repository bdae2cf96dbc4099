import { Packed } from '../protocol/values.ts'
import { ABSENT, type Author, type Change, type Commit, type Slot } from './commit.ts'

/**
 * The newest commits of a log: `limit` of them at most, and as many as hold `bytes` of values, the newest apart. What they
 * consist of lies side by side, and only what is asked for is made an object: each object would be copied twice by the
 * collector, and looked at again and again, for as long as it is kept.
 */
export class History {
  readonly limit: number
  readonly #limitBytes: number
  /** The oldest revision that is kept; one above the newest while there is none. */
  first = 1
  #last = 0
  #bytes = 0
  // Commit r is at (r - 1) % limit, so that a full log is written over in place.
  readonly #authors: Author[] = []
  readonly #methods: string[] = []
  readonly #times: number[] = []
  readonly #identical: boolean[] = []
  // The key of its only change, with what that put in place of what; or else the changes.
  readonly #changes: (string | readonly Change[])[] = []
  readonly #befores: Slot[] = []
  readonly #afters: Slot[] = []

  constructor(limit: number, bytes = Number.POSITIVE_INFINITY) {
    this.limit = limit
    this.#limitBytes = bytes
  }

  add(author: Author, method: string, time: number, identical: boolean, changes: readonly Change[]): void {
    if (this.#last - this.first + 1 === this.limit) this.#drop()
    const at = this.#last++ % this.limit
    const only = changes.length === 1 ? (changes[0] as Change) : undefined
    this.#authors[at] = author
    this.#methods[at] = method
    this.#times[at] = time
    this.#identical[at] = identical
    if (only && only.key !== null && !only.undo) this.#put(at, only.key, only.before, only.after)
    else this.#put(at, changes.map(kept))
    if (this.#limitBytes === Number.POSITIVE_INFINITY) return
    this.#bytes += this.#weight(at)
    while (this.#bytes > this.#limitBytes && this.first < this.#last) this.#drop()
  }

  /** Of a change with steps back, neither of the values is kept. */
  at(revision: number): Commit {
    const at = (revision - 1) % this.limit
    const found = this.#changes[at] as string | readonly Change[]
    const [before, after] = [this.#befores[at] as Slot, this.#afters[at] as Slot]
    return {
      author: this.#authors[at] as Author,
      method: this.#methods[at] as string,
      time: this.#times[at] as number,
      identical: this.#identical[at] as boolean,
      changes: typeof found === 'string' ? [{ key: found, before, after, steps: null, undo: null }] : found,
    }
  }

  #put(at: number, changes: string | readonly Change[], before?: Slot, after?: Slot): void {
    this.#changes[at] = changes
    this.#befores[at] = before
    this.#afters[at] = after
  }

  #drop(): void {
    if (this.#limitBytes !== Number.POSITIVE_INFINITY) {
      const at = (this.first - 1) % this.limit
      this.#bytes -= this.#weight(at)
      this.#put(at, [])
    }
    this.first++
  }

  /** The bytes of the values that a commit has put. */
  #weight(at: number): number {
    const changes = this.#changes[at] as string | readonly Change[]
    if (typeof changes === 'string') return bytesOf(this.#afters[at] as Slot)
    let bytes = 0
    for (const change of changes) {
      if (change.key === null) continue
      bytes += bytesOf(change.after)
      for (const [, , value] of change.steps ?? []) bytes += bytesOf(value)
    }
    return bytes
  }
}

const kept = (change: Change): Change =>
  change.key !== null && change.undo ? { ...change, before: ABSENT, after: ABSENT } : change

function bytesOf(value: Slot): number {
  if (value instanceof Packed) return value.bytes.length
  return typeof value === 'string' ? value.length : 0
}
