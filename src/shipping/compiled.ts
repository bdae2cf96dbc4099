import { hashOf, reviveAtomic } from './atomic.ts'

export type AtomicFunction = (state: object, ...args: unknown[]) => unknown

const KEPT = 1000

/** Atomic functions by the hash of their bytes: compiled once, the least recently used forgotten first. */
export class FunctionCache {
  readonly #compiled = new Map<string, AtomicFunction | Promise<AtomicFunction>>()
  #newest = ''

  /** The function, a promise while its modules are being loaded, or undefined when its bytes are needed. */
  get(hash: string): AtomicFunction | Promise<AtomicFunction> | undefined {
    if (hash === this.#newest) return this.#compiled.get(hash)
    const found = this.#compiled.get(hash)
    if (!found) return undefined
    this.#compiled.delete(hash)
    this.#compiled.set(hash, found)
    this.#newest = hash
    return found
  }

  add(hash: string, bytes: Uint8Array): AtomicFunction | Promise<AtomicFunction> {
    // Others call what is kept under this hash: it is no client's to choose.
    if (hashOf(bytes) !== hash) throw new TypeError('a function was sent under the hash of another one')
    const made = revived(bytes)
    this.#compiled.set(hash, made)
    if (made instanceof Promise) {
      made.then(
        fn => this.#compiled.set(hash, fn),
        () => this.#compiled.delete(hash),
      )
    }
    this.#newest = hash
    if (this.#compiled.size > KEPT) this.#compiled.delete(this.#compiled.keys().next().value as string)
    return made
  }
}

// What cannot be made a function here says so to whoever calls it.
function revived(bytes: Uint8Array): AtomicFunction | Promise<AtomicFunction> {
  try {
    return reviveAtomic(bytes) as AtomicFunction | Promise<AtomicFunction>
  } catch (error) {
    return () => {
      throw error
    }
  }
}
