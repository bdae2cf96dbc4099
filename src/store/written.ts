/** Stands for a key that was there, and was deleted. */
export const DELETED = Symbol('deleted')
/** Stands where nothing was written. */
export const UNWRITTEN = Symbol('unwritten')

/**
 * What was written over the fields of an object, which stays as it is. The order of keys is the one that the object itself
 * would have.
 */
export class Written {
  // Most functions write one field, and a Map takes longer to make than all the rest: only several are in one.
  #key: string | undefined
  #value: unknown
  #all: Map<string, unknown> | undefined
  /** Fields that were deleted once: where they were written again, they come behind the others. */
  #moved: Set<string> | undefined

  get(key: string): unknown {
    if (this.#all) {
      const value = this.#all.get(key)
      return value !== undefined || this.#all.has(key) ? value : UNWRITTEN
    }
    return key === this.#key ? this.#value : UNWRITTEN
  }

  set(key: string, value: unknown): void {
    if (this.#all) {
      if (this.#all.get(key) === DELETED) this.#all.delete(key)
      this.#all.set(key, value)
    } else if (this.#key === undefined || this.#key === key) {
      this.#key = key
      this.#value = value
    } else
      this.#all = new Map<string, unknown>([
        [this.#key, this.#value],
        [key, value],
      ])
  }

  /** `wasThere`: the object itself has the field. */
  delete(key: string, wasThere: boolean): void {
    if (wasThere) {
      this.set(key, DELETED)
      this.#moved ??= new Set()
      this.#moved.add(key)
    } else if (this.#all) this.#all.delete(key)
    else this.#key = undefined
  }

  /** Whether the object's own field was deleted, though it may have been written again. */
  moved(key: string): boolean {
    return this.#moved?.has(key) === true
  }

  /** The key that was written, if it was a single one. */
  get onlyKey(): string | undefined {
    return this.#all ? undefined : this.#key
  }

  /** Calls `visit` with each key that was written, and what it holds now, or DELETED. */
  forEach(visit: (value: unknown, key: string) => void): void {
    if (this.#all) this.#all.forEach(visit)
    else if (this.#key !== undefined) visit(this.#value, this.#key)
  }

  /** All keys, of an object that has these itself. */
  keys(own: Iterable<string>): string[] {
    if (!this.#all && this.#key === undefined) return inOrder([...own])
    const keys = new Set(own)
    this.forEach((value, key) => {
      if (value === DELETED || this.moved(key)) keys.delete(key)
      if (value !== DELETED) keys.add(key)
    })
    return inOrder([...keys])
  }
}

/** As an object has its keys: whole numbers first. */
export function inOrder(keys: string[]): string[] {
  if (!keys.some(key => key <= '9' && key >= '0' && `${Number.parseInt(key, 10)}` === key)) return keys
  return Object.keys(Object.fromEntries(keys.map(key => [key, true])))
}
