import type { LiveTree } from '../protocol/live-tree.ts'
import { deepEqual } from '../protocol/value-equal.ts'
import { Elements } from './elements.ts'
import { listMethods } from './list-methods.ts'
import { Part, printed, type Whole } from './part.ts'

type Key = string | symbol

/** A list of the state, as a function sees it. */
export class ListPart extends Part<unknown[]> {
  readonly elements: Elements

  constructor(whole: Whole, tree: LiveTree, base: unknown[], holder: Part | undefined, key: string | number) {
    super(whole, tree, base, holder, key, TARGET)
    this.elements = new Elements(base, tree.deadSlots(base), (value, at) =>
      typeof value === 'object' && value !== null ? whole.open(value, this, at) : value,
    )
  }

  get(_: unknown[], key: Key, receiver: unknown): unknown {
    if (typeof key === 'symbol') return this.symbol(key, Array.prototype)
    this.whole.checkReading()
    const index = indexOf(key)
    const { elements } = this
    if (index >= 0 && index < elements.length)
      return this.#hasHole(key) ? Reflect.get(Array.prototype, key) : elements.get(index)
    if (key === 'length') return elements.length
    if (elements.copy && Object.hasOwn(elements.copy, key)) return this.#field(key)
    return listMethods.get(key) ?? Reflect.get(Array.prototype, key, receiver)
  }

  set(_: unknown[], key: Key, value: unknown, receiver: object): boolean {
    if (typeof key === 'symbol' || key === '__proto__') throw this.refuseKey(key)
    if (receiver !== this.proxy)
      return Reflect.defineProperty(receiver, key, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      })
    return this.#put(key, value)
  }

  has(_: unknown[], key: Key): boolean {
    this.whole.checkReading()
    return (typeof key === 'string' && this.#owns(key)) || key in Array.prototype
  }

  deleteProperty(_: unknown[], key: Key): boolean {
    if (key === 'length') return false
    if (typeof key === 'symbol' || !this.#owns(key)) return true
    return delete this.changing().copied()[key as never]
  }

  ownKeys(): string[] {
    this.whole.checkReading()
    const { copy, length } = this.elements
    if (copy) return Object.getOwnPropertyNames(copy)
    const keys = Array.from({ length }, (_, i) => `${i}`)
    keys.push('length')
    return keys
  }

  getOwnPropertyDescriptor(_: unknown[], key: Key): PropertyDescriptor | undefined {
    this.whole.checkReading()
    if (key === 'length')
      return { value: this.elements.length, writable: true, enumerable: false, configurable: false }
    if (typeof key === 'symbol' || !this.#owns(key)) return undefined
    return { value: this.get(TARGET, key, this.proxy), writable: true, enumerable: true, configurable: true }
  }

  defineProperty(_: unknown[], key: Key, descriptor: PropertyDescriptor): boolean {
    if (key === 'length' && 'value' in descriptor && descriptor.writable !== false)
      return this.#setLength(descriptor.value)
    const isThere = typeof key === 'string' && this.#owns(key)
    const value = this.described(key, descriptor, isThere)
    return !isThere || 'value' in descriptor ? this.#put(key as string, value) : true
  }

  getPrototypeOf(): object {
    return Array.prototype
  }

  setPrototypeOf(_: unknown[], prototype: object | null): boolean {
    if (prototype === Array.prototype) return true
    throw this.whole.refuse(this.path, 'is an array, and stays one')
  }

  override keyOf(part: Part): number | undefined {
    const index = this.elements.indexOf(part.base, part.key as number)
    return index < 0 ? undefined : index
  }

  override get isMoved(): boolean {
    const { copy, start, front } = this.elements
    return copy !== undefined || front.length > 0 || start > this.tree.deadSlots(this.base)
  }

  override differs(): boolean {
    const { elements, base, tree } = this
    const dead = tree.deadSlots(base)
    if (elements.length !== base.length - dead) return true
    if (!elements.copy && elements.start === dead && elements.end === base.length) {
      for (const [at, value] of elements.over) if (!deepEqual(tree.plain(base[at]), value)) return true
      return false
    }
    if (!elements.isDense) return true
    for (let i = 0; i < elements.length; i++)
      if (!deepEqual(tree.plain(base[dead + i]), elements.get(i))) return true
    return false
  }

  override plain(): unknown {
    return this.elements.copy ? Object.assign([], this.proxy) : [...this.proxy]
  }

  /** The elements, about to be changed. */
  changing(): Elements {
    this.writing()
    this.elements.begin()
    return this.elements
  }

  #put(key: string, value: unknown): boolean {
    if (key === 'length') return this.#setLength(value)
    const index = indexOf(key)
    if (this.#owns(key) && Object.is(this.get(TARGET, key, this.proxy), value)) return true
    const elements = this.changing()
    if (index >= 0 && index <= elements.length) elements.set(index, value)
    else {
      elements.give(value)
      Object.assign(elements.copied(), { [key]: value })
    }
    return true
  }

  #setLength(length: unknown): boolean {
    if (length === this.elements.length) return true
    const elements = this.changing()
    const fewer = typeof length === 'number' && Number.isInteger(length) && length >= 0
    if (fewer && length < elements.length && !elements.copy) while (elements.length > length) elements.pop()
    else elements.copied().length = length as number
    return true
  }

  #owns(key: string): boolean {
    const { copy, length } = this.elements
    if (copy) return Object.hasOwn(copy, key)
    const index = indexOf(key)
    return key === 'length' || (index >= 0 && index < length)
  }

  #hasHole(key: string): boolean {
    const { copy } = this.elements
    return copy !== undefined && !Object.hasOwn(copy, key)
  }

  #field(key: string): unknown {
    return this.elements.shown(this.elements.copy?.[key as never], -1)
  }
}

// Never changed: all that is done to a list is done by its part.
const TARGET: unknown[] = Object.setPrototypeOf([], Object.assign(Object.create(Array.prototype), printed))

const ZERO = 48
// Digits of 2³² - 2, the last index that there is.
const MOST_DIGITS = 10

/** The index that a key is; -1: it is none. */
function indexOf(key: string): number {
  const { length } = key
  if (length > MOST_DIGITS || (length > 1 && key.charCodeAt(0) === ZERO) || length === 0) return -1
  let index = 0
  for (let i = 0; i < length; i++) {
    const digit = key.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9) return -1
    index = index * 10 + digit
  }
  return index < 0xffffffff ? index : -1
}
