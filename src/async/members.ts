/**
 * A set, in the order of adding, for where one member comes and goes again and again: a Set makes itself a new table each
 * time its only member is deleted, which takes longer than everything else that happens at that time.
 */
export class Members<T> {
  #only: T | undefined
  readonly #others = new Set<T>()

  get size(): number {
    return this.#others.size + (this.#only === undefined ? 0 : 1)
  }

  add(member: T): void {
    if (this.#only === undefined && this.#others.size === 0) this.#only = member
    else if (this.#only !== member) this.#others.add(member)
  }

  delete(member: T): boolean {
    if (this.#only !== member) return this.#others.size > 0 && this.#others.delete(member)
    this.#only = undefined
    return true
  }

  clear(): void {
    this.#only = undefined
    this.#others.clear()
  }

  /** Those that are in it now: what is added or deleted while they are gone through makes no difference. */
  all(): T[] {
    if (this.#others.size === 0) return this.#only === undefined ? [] : [this.#only]
    return this.#only === undefined ? [...this.#others] : [this.#only, ...this.#others]
  }
}
