import type { Wire } from '../../protocol/values.ts'

/** A Map with changes that are not made yet: the one below stays as it is, however large it is. */
export class Overlay extends Map<string, Wire> {
  readonly #below: ReadonlyMap<string, Wire>
  readonly #gone = new Set<string>()
  /** Keys of this Map that come behind those below. */
  #added = 0
  /** It was read which keys there are, or how many. */
  isListed = false

  constructor(below: ReadonlyMap<string, Wire>) {
    super()
    this.#below = below
  }

  override get size(): number {
    this.isListed = true
    return this.#below.size - this.#gone.size + this.#added
  }

  override get(key: string): Wire {
    if (super.has(key)) return super.get(key)
    return this.#gone.has(key) ? undefined : this.#below.get(key)
  }

  override has(key: string): boolean {
    return super.has(key) || this.#shows(key)
  }

  override set(key: string, value: Wire): this {
    if (!super.has(key) && !this.#shows(key)) this.#added++
    return super.set(key, value)
  }

  override delete(key: string): boolean {
    const had = this.has(key)
    if (super.delete(key) && !this.#shows(key)) this.#added--
    if (this.#below.has(key)) this.#gone.add(key)
    return had
  }

  override *keys(): MapIterator<string> {
    this.isListed = true
    for (const key of this.#below.keys()) if (!this.#gone.has(key)) yield key
    for (const key of super.keys()) if (!this.#shows(key)) yield key
  }

  override *entries(): MapIterator<[string, Wire]> {
    for (const key of this.keys()) yield [key, this.get(key)]
  }

  override *values(): MapIterator<Wire> {
    for (const key of this.keys()) yield this.get(key)
  }

  override [Symbol.iterator](): MapIterator<[string, Wire]> {
    return this.entries()
  }

  #shows(key: string): boolean {
    return this.#below.has(key) && !this.#gone.has(key)
  }
}
