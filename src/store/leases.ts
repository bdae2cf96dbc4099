import type { Author } from './commit.ts'

/** What a key is tied to: whichever ends first, the session of its author or its time, ends the key. */
export interface Lease {
  readonly key: string
  /** The State that wrote the key. */
  readonly author: Author
  /** true: the key ends with the author's session. */
  readonly ephemeral: boolean
  /** When its time is up, by the clock of the namespace; `Infinity`: it has no time to live. */
  readonly due: number
}

interface Entry extends Lease {
  /** Where it is in the heap. */
  place: number
}

/**
 * The leases of one namespace, by key, by session and by the time when they end: a binary heap whose entries know their
 * places, so that one that ends early is taken out at once, and no lease costs more than the logarithm of their number.
 */
export class Leases {
  readonly #byKey = new Map<string, Entry>()
  readonly #bySession = new Map<number, Set<Entry>>()
  readonly #heap: Entry[] = []

  get size(): number {
    return this.#byKey.size
  }

  /** How many keys end with each session. */
  *perSession(): Iterable<[session: number, keys: number]> {
    for (const [session, { size }] of this.#bySession) yield [session, size]
  }

  /** How many have a time to live. */
  get timed(): number {
    return this.#heap.length
  }

  /** When the first of them is due; `Infinity`: none ever is. */
  get next(): number {
    return this.#heap[0]?.due ?? Number.POSITIVE_INFINITY
  }

  all(): Iterable<Lease> {
    return this.#byKey.values()
  }

  get(key: string): Lease | undefined {
    return this.#byKey.get(key)
  }

  /** The keys that end with a session. */
  ofSession(session: number): string[] {
    return Array.from(this.#bySession.get(session) ?? [], ({ key }) => key)
  }

  add(key: string, author: Author, ephemeral: boolean, due: number): void {
    this.delete(key)
    const entry: Entry = { key, author, ephemeral, due, place: -1 }
    this.#byKey.set(key, entry)
    if (ephemeral) {
      const own = this.#bySession.get(author.session)
      if (own) own.add(entry)
      else this.#bySession.set(author.session, new Set([entry]))
    }
    if (due !== Number.POSITIVE_INFINITY) this.#rise(entry, this.#heap.length)
  }

  delete(key: string): void {
    const entry = this.#byKey.get(key)
    if (!entry) return
    this.#byKey.delete(key)
    if (entry.place >= 0) this.#takeOut(entry.place)
    if (!entry.ephemeral) return
    const own = this.#bySession.get(entry.author.session)
    own?.delete(entry)
    if (own?.size === 0) this.#bySession.delete(entry.author.session)
  }

  clear(): void {
    this.#byKey.clear()
    this.#bySession.clear()
    this.#heap.length = 0
  }

  /** Takes out the lease that is due first, if it is due at `now`. */
  takeDue(now: number): Lease | undefined {
    const first = this.#heap[0]
    if (!first || first.due > now) return undefined
    this.delete(first.key)
    return first
  }

  #takeOut(place: number): void {
    const last = this.#heap.pop() as Entry
    if (place === this.#heap.length) return
    if (place > 0 && last.due < (this.#heap[(place - 1) >> 1] as Entry).due) this.#rise(last, place)
    else this.#sink(last, place)
  }

  /** Puts an entry at a place, or above. */
  #rise(entry: Entry, place: number): void {
    let at = place
    while (at > 0) {
      const above = this.#heap[(at - 1) >> 1] as Entry
      if (above.due <= entry.due) break
      this.#put(above, at)
      at = (at - 1) >> 1
    }
    this.#put(entry, at)
  }

  /** Puts an entry at a place, or below. */
  #sink(entry: Entry, place: number): void {
    let at = place
    for (;;) {
      let child = 2 * at + 1
      const [left, right] = [this.#heap[child], this.#heap[child + 1]]
      if (!left) break
      if (right && right.due < left.due) child++
      const below = this.#heap[child] as Entry
      if (below.due >= entry.due) break
      this.#put(below, at)
      at = child
    }
    this.#put(entry, at)
  }

  #put(entry: Entry, place: number): void {
    this.#heap[place] = entry
    entry.place = place
  }
}
