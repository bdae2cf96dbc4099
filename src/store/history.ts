import { Packed } from '../protocol/values.ts'
import type { Author, Change, Commit, KeyChange, Slot } from './commit.ts'

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
  // Its only change, unless that is a list of changes.
  readonly #keys: (string | readonly Change[])[] = []
  readonly #befores: Slot[] = []
  readonly #afters: Slot[] = []
  readonly #steps: KeyChange['steps'][] = []

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
    if (only && only.key !== null) this.#put(at, only.key, only.before, only.after, only.steps)
    else this.#put(at, changes, undefined, undefined, null)
    if (this.#limitBytes === Number.POSITIVE_INFINITY) return
    this.#bytes += this.#weight(at)
    while (this.#bytes > this.#limitBytes && this.first < this.#last) this.#drop()
  }

  at(revision: number): Commit {
    const at = (revision - 1) % this.limit
    return {
      author: this.#authors[at] as Author,
      method: this.#methods[at] as string,
      time: this.#times[at] as number,
      identical: this.#identical[at] as boolean,
      changes: this.#changes(at),
    }
  }

  #changes(at: number): readonly Change[] {
    const key = this.#keys[at] as string | readonly Change[]
    if (typeof key !== 'string') return key
    const [before, after] = [this.#befores[at] as Slot, this.#afters[at] as Slot]
    return [{ key, before, after, steps: this.#steps[at] as KeyChange['steps'] }]
  }

  #put(
    at: number,
    key: string | readonly Change[],
    before: Slot,
    after: Slot,
    steps: KeyChange['steps'],
  ): void {
    this.#keys[at] = key
    this.#befores[at] = before
    this.#afters[at] = after
    this.#steps[at] = steps
  }

  #drop(): void {
    if (this.#limitBytes !== Number.POSITIVE_INFINITY) {
      const at = (this.first - 1) % this.limit
      this.#bytes -= this.#weight(at)
      this.#put(at, [], undefined, undefined, null)
    }
    this.first++
  }

  /** The bytes of the values that a commit has put. */
  #weight(at: number): number {
    let bytes = 0
    for (const { key, after } of this.#changes(at) as readonly Partial<KeyChange>[])
      if (key === null) continue
      else if (after instanceof Packed) bytes += after.bytes.length
      else if (typeof after === 'string') bytes += after.length
    return bytes
  }
}
