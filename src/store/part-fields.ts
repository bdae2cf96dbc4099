import type { LiveTree } from '../protocol/live-tree.ts'
import { deepEqual } from '../protocol/value-equal.ts'
import { Part, printed, type Whole } from './part.ts'
import { DELETED, UNWRITTEN, Written } from './written.ts'

type Fields = Record<string, unknown>
type Key = string | symbol

const NONE = Symbol('none')
const NOTHING = new Written()

/** A plain object of the state, as a function sees it. */
export class FieldsPart extends Part<Fields> {
  /** Most parts are only read. */
  written = NOTHING

  constructor(whole: Whole, tree: LiveTree, base: Fields, holder: Part | undefined, key: string | number) {
    super(whole, tree, base, holder, key, TARGET)
  }

  get(_: Fields, key: Key, receiver: unknown): unknown {
    if (typeof key === 'symbol') return this.symbol(key, Object.prototype)
    const value = this.#own(key)
    return value === NONE ? Reflect.get(Object.prototype, key, receiver) : value
  }

  set(_: Fields, key: Key, value: unknown, receiver: object): boolean {
    if (typeof key === 'symbol' || key === '__proto__') throw this.refuseKey(key)
    // Something else has it for a prototype.
    if (receiver !== this.proxy)
      return Reflect.defineProperty(receiver, key, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      })
    return this.#put(key, value)
  }

  has(_: Fields, key: Key): boolean {
    if (typeof key === 'symbol') return key in Object.prototype
    return this.#own(key) !== NONE || key in Object.prototype
  }

  deleteProperty(_: Fields, key: Key): boolean {
    if (typeof key === 'symbol' || this.#own(key) === NONE) return true
    this.#writes()
    this.written.delete(key, Object.hasOwn(this.base, key))
    return true
  }

  ownKeys(): string[] {
    this.whole.checkReading()
    return this.isDirty ? this.written.keys(Object.keys(this.base)) : Object.keys(this.base)
  }

  getOwnPropertyDescriptor(_: Fields, key: Key): PropertyDescriptor | undefined {
    const value = typeof key === 'symbol' ? NONE : this.#own(key)
    return value === NONE ? undefined : { value, writable: true, enumerable: true, configurable: true }
  }

  defineProperty(_: Fields, key: Key, descriptor: PropertyDescriptor): boolean {
    const isThere = typeof key === 'string' && this.#own(key) !== NONE
    const value = this.described(key, descriptor, isThere)
    return !isThere || 'value' in descriptor ? this.#put(key as string, value) : true
  }

  getPrototypeOf(): object {
    return Object.prototype
  }

  setPrototypeOf(_: Fields, prototype: object | null): boolean {
    if (prototype === Object.prototype) return true
    throw this.whole.refuse(this.path, 'is a plain object, and stays one')
  }

  override keyOf({ key }: Part): string | number | undefined {
    return this.written.get(`${key}`) === UNWRITTEN ? key : undefined
  }

  override readonly isMoved = false

  override differs(): boolean {
    let differs = false
    this.written.forEach((value, key) => {
      if (differs) return
      differs = value === DELETED || !Object.hasOwn(this.base, key)
      if (!differs) differs = !deepEqual(this.tree.plain(this.base[key]), value)
    })
    return differs
  }

  override plain(): unknown {
    return { ...this.proxy }
  }

  #put(key: string, value: unknown): boolean {
    // What is left as it is was not written.
    if (Object.is(this.#own(key), value)) return true
    this.#writes()
    this.written.set(key, value)
    return true
  }

  #writes(): void {
    this.writing()
    if (this.written === NOTHING) this.written = new Written()
  }

  #own(key: string): unknown {
    this.whole.checkReading()
    if (this.isDirty) {
      const value = this.written.get(key)
      if (value !== UNWRITTEN) return value === DELETED ? NONE : value
    }
    if (!Object.hasOwn(this.base, key)) return NONE
    const value = this.base[key]
    return typeof value === 'object' && value !== null ? this.whole.open(value, this, key) : value
  }
}

// Nothing is ever looked up in it, nor put there: one is enough.
const TARGET: Fields = Object.create(printed)
