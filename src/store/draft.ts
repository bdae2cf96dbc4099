import { create, current, isDraft } from 'mutative'
import type { Step } from '../protocol/messages.ts'
import { equalWires, keptWire, Packed, sharedFromWire, toWire, type Wire } from '../protocol/values.ts'
import { ABSENT, type Change, change, type Slot, slot, type Values } from './commit.ts'
import { applySteps } from './steps.ts'

/** Beyond this many steps inside one value, the whole value is less to say. */
export const STEPS = 64

interface Patch {
  op: string
  path: (string | number)[]
  value?: unknown
}

/** What a draft has become, by which patches, and those that lead back. */
type Drafted = [next: unknown, patches: Patch[], undo: Patch[]]

/** What a function has read as an object, or written: only these keys cost anything when it is done. */
type Touched =
  | { kind: 'put' | 'copied'; value: unknown; wire?: Wire }
  | { kind: 'deleted' }
  | { kind: 'drafted'; value: unknown; finish: () => Drafted }

type State = Record<string, unknown>

/**
 * The state as an object that a function may change freely: `changes` says what it did.
 * It is its own proxy handler, so that making one costs next to nothing.
 */
export class Draft implements ProxyHandler<State> {
  readonly state: State
  readonly #values: Values
  readonly #call: string
  // Most functions touch one key, and a map takes longer to make than all the rest: only the others are in one.
  #firstKey: string | undefined
  #first: Touched | undefined
  #others: Map<string, Touched> | undefined
  #ended = false

  constructor(values: Values, call: string) {
    this.#values = values
    this.#call = call
    this.state = new Proxy<State>(TARGET, this)
  }

  /** Ends the draft. A value that is no data is a TypeError, and then nothing is to be committed. */
  changes(): { changes: Change[]; identical: boolean } {
    const first = this.#first
    const key = this.#firstKey as string
    const others = this.#others
    const changes: Change[] = []
    this.#ended = true
    this.#first = this.#others = this.#firstKey = undefined
    if (!first) return { changes, identical: true }
    // Values that were put may hold parts of drafts: encode them while those are alive.
    encode(first, this.#call, key)
    if (others) for (const [key, made] of others) encode(made, this.#call, key)
    let identical = this.#change(key, first, changes)
    if (others) for (const [key, made] of others) identical = this.#change(key, made, changes) && identical
    return { changes, identical }
  }

  /** Adds what became of a key. Whether nothing differs after it. */
  #change(key: string, made: Touched, changes: Change[]): boolean {
    const before = slot(this.#values, key)
    if (made.kind === 'deleted') {
      if (before === ABSENT) return true
      changes.push(change(key, before, ABSENT))
      return false
    }
    if (made.kind === 'drafted') {
      const done = stepped(key, before as Packed, made.finish(), this.#call)
      if (done) changes.push(done.change)
      return !done || done.identical
    }
    const after = made.wire
    const equal = before !== ABSENT && equalWires(before, after)
    // A copy that is as it was has only been read.
    if (!equal || made.kind === 'put') changes.push(change(key, before, after))
    return equal
  }

  get(_: State, key: string | symbol): unknown {
    if (typeof key === 'symbol') return undefined
    this.#check()
    const touched = this.#find(key)
    if (touched) return touched.kind === 'deleted' ? undefined : touched.value
    const wire = this.#values.get(key)
    if (wire instanceof Packed) return this.#open(key, wire)
    if (wire === undefined && !this.#values.has(key)) return Reflect.get(Object.prototype, key)
    return wire
  }

  set(_: State, key: string | symbol, value: unknown): boolean {
    this.#check()
    if (typeof key === 'symbol' || key === '__proto__')
      throw new TypeError(`${this.#call}: ${String(key)} is refused as a key of the state`)
    this.#touch(key, { kind: 'put', value })
    return true
  }

  has(_: State, key: string | symbol): boolean {
    if (typeof key === 'symbol') return false
    this.#check()
    const touched = this.#find(key)
    return touched ? touched.kind !== 'deleted' : this.#values.has(key)
  }

  deleteProperty(_: State, key: string | symbol): boolean {
    if (this.has(_, key)) this.#touch(key as string, { kind: 'deleted' })
    return true
  }

  ownKeys(): string[] {
    this.#check()
    const keys = new Set(this.#values.keys())
    const add = (key: string, { kind }: Touched) => {
      if (kind === 'deleted') keys.delete(key)
      else keys.add(key)
    }
    if (this.#first) add(this.#firstKey as string, this.#first)
    for (const [key, made] of this.#others ?? []) add(key, made)
    return [...keys]
  }

  getOwnPropertyDescriptor(_: State, key: string | symbol): PropertyDescriptor | undefined {
    if (!this.has(_, key)) return undefined
    return { value: this.get(_, key), writable: true, enumerable: true, configurable: true }
  }

  defineProperty(_: State, key: string | symbol, descriptor: PropertyDescriptor): boolean {
    if (!('value' in descriptor))
      throw new TypeError(`${this.#call}: the state takes plain values only; assign to state.${String(key)}`)
    return this.set(_, key, descriptor.value)
  }

  getPrototypeOf(): object {
    return Object.prototype
  }

  // The target is not the state's own: it stays as it is.
  preventExtensions(): never {
    throw new TypeError(`${this.#call}: the state it is given cannot be frozen`)
  }

  setPrototypeOf(): never {
    throw new TypeError(`${this.#call}: the state it is given is a plain object, and stays one`)
  }

  #check(): void {
    if (this.#ended)
      throw new TypeError(`${this.#call} has ended: the state it was given is of no use any more`)
  }

  #touch(key: string, touched: Touched): void {
    if (this.#first === undefined || key === this.#firstKey) {
      this.#firstKey = key
      this.#first = touched
    } else {
      this.#others ??= new Map()
      this.#others.set(key, touched)
    }
  }

  #find(key: string): Touched | undefined {
    return key === this.#firstKey ? this.#first : this.#others?.get(key)
  }

  #open(key: string, wire: Packed): unknown {
    if (wire.isTree) {
      const [value, finish] = create(wire.shared() as object, {
        enablePatches: { pathAsArray: true, arrayLengthAssignment: false },
      })
      this.#touch(key, { kind: 'drafted', value, finish: finish as unknown as () => Drafted })
      return value
    }
    const value = wire.read()
    if (typeof value === 'object' && value !== null) this.#touch(key, { kind: 'copied', value })
    return value
  }
}

/** Behind each proxy, so that printing the state prints the state: what prints looks past proxies. */
class Printed {
  [Symbol.for('nodejs.util.inspect.custom')](): unknown {
    return Object.fromEntries(
      Object.entries(this).map(([key, value]) => [key, isDraft(value) ? current(value) : value]),
    )
  }
}

// Nothing is ever looked up in it, nor put there: one is enough.
const TARGET = new Printed() as unknown as State

function encode(made: Touched, call: string, key: string): void {
  if (made.kind === 'put' || made.kind === 'copied') made.wire = toWire(made.value, call, key)
}

function stepped(
  key: string,
  before: Packed,
  [next, patches, undo]: Drafted,
  call: string,
): { change: Change; identical: boolean } | undefined {
  if (patches.length === 0) return undefined
  if (patches.length > STEPS || patches.some(({ path }) => path.length === 0)) {
    const after = toWire(next, call, key)
    return { change: change(key, before, after), identical: equalWires(before, after) }
  }
  let plain = true
  const steps = patches.map(({ op, path, value }): Step => {
    if (op === 'remove') return ['remove', path]
    const wire = toWire(
      value,
      call,
      path.reduce<string>((at, part) => at + step(part), key),
    )
    if (wire instanceof Packed) plain = false
    return [op === 'add' ? 'insert' : 'put', path, wire]
  })
  // Objects that the function put in stay its own: what is kept is made from their encoded form.
  const after: Slot = Packed.of(plain ? next : applySteps(before.shared(), steps), true)
  const back = undo.map(
    ({ op, path, value }): Step =>
      op === 'remove' ? ['remove', path] : [op === 'add' ? 'insert' : 'put', path, keptWire(value)],
  )
  return { change: change(key, before, after, steps, back), identical: unchanged(before, after, steps) }
}

const step = (part: string | number): string => (typeof part === 'number' ? `[${part}]` : `.${part}`)

function unchanged(before: Packed, after: Packed, steps: Step[]): boolean {
  if (steps.length === 1 && steps[0]?.[0] !== 'put') return false
  if (steps.some(([op]) => op !== 'put')) return equalWires(before, after)
  return steps.every(([, path, value]) => {
    let node = sharedFromWire(before) as Record<string | number, unknown> | undefined
    for (const part of path) node = node?.[part] as typeof node
    return equalWires(toWire(node, 'atomic'), value as Wire)
  })
}
