import type { Wire } from '../../protocol/values.ts'
import { ABSENT, type Slot } from '../../store/commit.ts'
import { type Known, Reads } from './reads.ts'

/** The values of a state as far as they are kept here, with changes that are not made yet. What is read of them is noted. */
export class Touched extends Map<string, Wire> {
  readonly reads = new Reads()
  readonly #kept: { find(key: string): Known | undefined }
  #gone: Set<string> | undefined

  /** `kept`: finds what is known of a key. */
  constructor(kept: { find(key: string): Known | undefined }) {
    super()
    this.#kept = kept
  }

  /** What the changes come to, key by key. */
  written(take: (key: string, slot: Slot) => void): void {
    if (this.#gone) for (const key of this.#gone) take(key, ABSENT)
    for (const [key, value] of super.entries()) take(key, value)
  }

  override get(key: string): Wire {
    if (super.has(key)) return super.get(key)
    if (this.#gone?.has(key)) return undefined
    const known = this.#kept.find(key) ?? this.reads.miss(key)
    this.reads.value(key, known)
    return known.slot === ABSENT ? undefined : known.slot
  }

  override has(key: string): boolean {
    if (super.has(key)) return true
    if (this.#gone?.has(key)) return false
    const known = this.#kept.find(key) ?? this.reads.miss(key)
    this.reads.presence(key, known)
    return known.slot !== ABSENT
  }

  override set(key: string, value: Wire): this {
    this.#gone?.delete(key)
    return super.set(key, value)
  }

  /** Whether there was a value is not looked up: it would be a reading. */
  override delete(key: string): boolean {
    this.#gone ??= new Set()
    this.#gone.add(key)
    return super.delete(key)
  }

  override get size(): number {
    this.reads.list()
    return super.size
  }

  override keys(): MapIterator<string> {
    this.reads.list()
    return super.keys()
  }

  override values(): MapIterator<Wire> {
    this.reads.list()
    return super.values()
  }

  override entries(): MapIterator<[string, Wire]> {
    this.reads.list()
    return super.entries()
  }

  override [Symbol.iterator](): MapIterator<[string, Wire]> {
    return this.entries()
  }

  override forEach(): void {
    this.reads.list()
  }
}
