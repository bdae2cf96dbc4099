import { inspect, types } from 'node:util'
import type { LiveTree } from '../protocol/live-tree.ts'
import type { Step, WireChange } from '../protocol/messages.ts'
import { equalWires, Packed, toWire, type Wire } from '../protocol/values.ts'
import { ABSENT, slot, type Values } from './commit.ts'
import { type Part, partOf, type Whole } from './part.ts'
import { FieldsPart } from './part-fields.ts'
import { ListPart } from './part-list.ts'
import { stepsOf } from './part-steps.ts'
import { copyWithSteps } from './steps.ts'
import { DELETED, UNWRITTEN, Written } from './written.ts'

/** Beyond this many steps inside one value, the whole value is less to say. */
export const STEPS = 64

type State = Record<string, unknown>
const NONE = Symbol('none')
type Key = string | symbol

/** What a function has done to the state. */
export interface Drafted {
  changes: WireChange[]
  /** Nothing differs after it. */
  identical: boolean
}

/**
 * The state as an object that a function may change freely: `changes` says what it did. Nothing is changed by it: what is
 * written is kept beside what was. It is its own proxy handler, so that making one costs next to nothing.
 *
 * All that the function reads of the keys (a value, whether there is one, which keys there are) is asked of `values`: one that
 * notes what it is asked, given in its place, knows what was read.
 */
export class Draft implements ProxyHandler<State>, Whole {
  readonly state: State
  readonly #values: Pick<Values, 'get' | 'has' | 'keys'>
  readonly #call: string
  readonly #written = new Written()
  /** By what they stand for. */
  #parts: Map<object, Part> | undefined
  #onlyPart: Part | undefined
  /** The one that was read last. */
  #latest: Part | undefined
  #dirty: Part[] | undefined
  /** Values that are no trees are copied when they are read: the function has them as they are. */
  #copies: Map<string, unknown> | undefined
  #phase: 'running' | 'ending' | 'ended' = 'running'

  constructor(values: Pick<Values, 'get' | 'has' | 'keys'>, call: string) {
    this.#values = values
    this.#call = call
    this.state = new Proxy<State>(TARGET, this)
  }

  /** Ends the draft of `values`. A value that is no data is a TypeError, and then nothing is to be committed. */
  changes(values: Values): Drafted {
    this.#phase = 'ending'
    const { onlyKey } = this.#written
    if (onlyKey !== undefined && !this.#dirty && !this.#copies) return this.#onlyChange(onlyKey, values)
    const changes: WireChange[] = []
    let identical = this.#dirty ? this.#changedParts(this.#dirty, changes) : true
    const puts = changes.length
    this.#written.forEach((value, key) => {
      if (value !== DELETED) changes.push([key, toWire(value, this.#call, key)])
      else if (values.has(key)) changes.push([key])
    })
    const written = changes.length
    this.#copies?.forEach((value, key) => {
      if (this.#written.get(key) === UNWRITTEN) changes.push([key, toWire(value, this.#call, key)])
    })
    // From here on nothing is read through parts, whose trees are settled when they are read as a whole.
    this.#phase = 'ended'
    for (let i = 0; i < puts; i++) {
      const [key, , steps] = changes[i] as [string, null, Step[]?]
      if (steps && steps.length > STEPS) changes[i] = [key, copyWithSteps(values.get(key) as Packed, steps)]
    }
    let kept = puts
    for (let i = puts; i < changes.length; i++) {
      const change = changes[i] as WireChange
      const before = slot(values, change[0] as string)
      const equal = change.length === 2 && before !== ABSENT && equalWires(before, change[1])
      identical &&= equal
      // A copy that is as it was has only been read. Equal ones may differ in what is shared.
      if (i < written || !equal || !isSame(before, change[1])) changes[kept++] = change
    }
    changes.length = kept
    return { changes, identical }
  }

  /** What most functions do is a single write, and most are small: this is all that is needed of the above. */
  #onlyChange(key: string, values: Values): Drafted {
    const value = this.#written.get(key)
    const before = slot(values, key)
    if (value === DELETED) {
      this.#phase = 'ended'
      return before === ABSENT ? { changes: [], identical: true } : { changes: [[key]], identical: false }
    }
    const wire = toWire(value, this.#call, key)
    this.#phase = 'ended'
    return { changes: [[key, wire]], identical: before !== ABSENT && equalWires(before, wire) }
  }

  /** Adds what became of the values that were changed inside. Whether nothing differs after it. */
  #changedParts(dirty: Part[], changes: WireChange[]): boolean {
    let identical = true
    for (const [root, parts] of byRoot(dirty)) {
      if (!this.holdsRoot(root)) continue
      const key = root.key as string
      const steps = stepsOf(root, parts)
      if (steps?.length === 0) continue
      changes.push(steps ? [key, null, steps] : [key, toWire(root.proxy, this.#call, key)])
      identical &&= !parts.some(part => stands(part) && part.differs())
    }
    return identical
  }

  get(_: State, key: Key): unknown {
    if (typeof key === 'symbol') return Reflect.get(Object.prototype, key)
    const own = this.#own(key)
    return own === NONE ? Reflect.get(Object.prototype, key) : own
  }

  /** What is at a key; NONE: there is none. */
  #own(key: string): unknown {
    this.checkReading()
    const written = this.#written.get(key)
    if (written !== UNWRITTEN) return written === DELETED ? NONE : written
    const wire = this.#values.get(key)
    if (wire instanceof Packed) return wire.isTree ? this.#openRoot(wire, key) : this.#copy(wire, key)
    return wire === undefined && !this.#values.has(key) ? NONE : wire
  }

  set(_: State, key: Key, value: unknown, receiver: object): boolean {
    if (typeof key === 'symbol' || key === '__proto__') throw this.#refuseKey(key)
    if (receiver !== this.state)
      return Reflect.defineProperty(receiver, key, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      })
    this.checkWriting()
    this.#written.set(key, value)
    return true
  }

  has(_: State, key: Key): boolean {
    return (typeof key === 'string' && this.#owns(key)) || key in Object.prototype
  }

  deleteProperty(_: State, key: Key): boolean {
    this.checkWriting()
    if (typeof key === 'string' && this.#owns(key)) this.#written.delete(key, this.#values.has(key))
    return true
  }

  ownKeys(): string[] {
    this.checkReading()
    return this.#written.keys(this.#values.keys())
  }

  getOwnPropertyDescriptor(_: State, key: Key): PropertyDescriptor | undefined {
    const value = typeof key === 'symbol' ? NONE : this.#own(key)
    return value === NONE ? undefined : { value, writable: true, enumerable: true, configurable: true }
  }

  defineProperty(_: State, key: Key, descriptor: PropertyDescriptor): boolean {
    if (typeof key === 'symbol' || key === '__proto__') throw this.#refuseKey(key)
    const isThere = this.#owns(key)
    const { writable = isThere, enumerable = isThere, configurable = isThere } = descriptor
    if (descriptor.get || descriptor.set || !writable || !enumerable || !configurable)
      throw this.refuse(
        key,
        'can only be a plain field (writable, enumerable, configurable): assign its value',
      )
    return isThere && !('value' in descriptor) ? true : this.set(_, key, descriptor.value, this.state)
  }

  getPrototypeOf(): object {
    return Object.prototype
  }

  preventExtensions(): never {
    throw this.refuse('', 'the state it is given cannot be frozen or sealed')
  }

  setPrototypeOf(_: State, prototype: object | null): boolean {
    if (prototype === Object.prototype) return true
    throw this.refuse('', 'the state it is given is a plain object, and stays one')
  }

  checkReading(): void {
    if (this.#phase === 'ended')
      throw new TypeError(`${this.#call} has ended: the state it was given is of no use any more`)
  }

  checkWriting(): void {
    this.checkReading()
    if (this.#phase === 'ending')
      throw new TypeError(
        `${this.#call} has returned: a getter in a value that it put cannot change the state`,
      )
  }

  refuse(path: string, why: string): TypeError {
    return new TypeError(`${this.#call}: ${path === '' ? why : `${path} ${why}`}`)
  }

  /** What a function threw. That the language cannot clone a proxy says nothing to who wrote it. */
  explained(error: unknown): unknown {
    if (types.isProxy(error) || !(error instanceof DOMException)) return error
    if (error.name !== 'DataCloneError' || !this.#latest) return error
    const why =
      'is a part of the state, which cannot be cloned or posted: give a copy, such as { ...part } or [...part]'
    return Object.assign(this.refuse(this.#latest.path, why), { cause: error })
  }

  holdsRoot(part: Part): boolean {
    return this.#written.get(part.key as string) === UNWRITTEN
  }

  dirty(part: Part): void {
    if (this.#dirty) this.#dirty.push(part)
    else this.#dirty = [part]
  }

  open(base: object, holder: Part, key: string | number): object {
    const known = this.#known(base)
    if (!known) return this.#opened(base, holder.tree, holder, key)
    known.key = key
    this.#latest = known
    return known.proxy
  }

  #openRoot(wire: Packed, key: string): unknown {
    const tree = wire.tree()
    const { root } = tree
    if (typeof root !== 'object' || root === null) return root
    const known = this.#known(root)
    if (known) this.#latest = known
    return known?.proxy ?? this.#opened(root, tree, undefined, key)
  }

  #known(base: object): Part | undefined {
    if (this.#parts) return this.#parts.get(base)
    return this.#onlyPart?.base === base ? this.#onlyPart : undefined
  }

  #opened(base: object, tree: LiveTree, holder: Part | undefined, key: string | number): object {
    const part = Array.isArray(base)
      ? new ListPart(this, tree, base, holder, key)
      : new FieldsPart(this, tree, base as State, holder, key)
    // Most functions open one part, and a Map takes longer to make.
    if (this.#parts) this.#parts.set(base, part)
    else if (!this.#onlyPart) this.#onlyPart = part
    else
      this.#parts = new Map<object, Part>([
        [this.#onlyPart.base, this.#onlyPart],
        [base, part],
      ])
    this.#latest = part
    return part.proxy
  }

  #copy(wire: Packed, key: string): unknown {
    if (this.#copies?.has(key)) return this.#copies.get(key)
    const value = wire.read()
    if (typeof value === 'object' && value !== null) {
      this.#copies ??= new Map()
      this.#copies.set(key, value)
    }
    return value
  }

  #owns(key: string): boolean {
    this.checkReading()
    const written = this.#written.get(key)
    return written === UNWRITTEN ? this.#values.has(key) : written !== DELETED
  }

  #refuseKey(key: Key): TypeError {
    return this.refuse('', `${String(key)} is refused as a key of the state: use text`)
  }
}

function byRoot(parts: Part[]): Iterable<[Part, Part[]]> {
  const first = (parts[0] as Part).root
  if (parts.every(({ root }) => root === first)) return [[first, parts]]
  const roots = new Map<Part, Part[]>()
  for (const part of parts) {
    const known = roots.get(part.root)
    if (known) known.push(part)
    else roots.set(part.root, [part])
  }
  return roots
}

/** Whether a part is where it was: only then does it say what differs. Of others, the list that they were moved in says it. */
function stands(part: Part): boolean {
  if (!part.place()) return false
  for (let at = part.holder; at; at = at.holder) if (at.isMoved) return false
  return true
}

const isSame = (one: Wire, other: Wire): boolean =>
  one instanceof Packed && other instanceof Packed
    ? Buffer.compare(one.bytes, other.bytes) === 0
    : one === other

/** Behind each proxy, so that printing the state prints the state: what prints looks past proxies. */
const printed = {
  [inspect.custom](this: object): unknown {
    return Object.fromEntries(
      Object.entries(this).map(([key, value]) => [key, partOf(value)?.plain() ?? value]),
    )
  },
}

// Nothing is ever looked up in it, nor put there: one is enough.
const TARGET: State = Object.create(printed)
