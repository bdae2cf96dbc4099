import { reviveAtomic } from './atomic.ts'

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
    const made = reviveAtomic(bytes) as AtomicFunction | Promise<AtomicFunction>
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
