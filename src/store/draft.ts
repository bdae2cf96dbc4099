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
  #touched: Map<string, Touched> | undefined
  #ended = false

  constructor(values: Values, call: string) {
    this.#values = values
    this.#call = call
    this.state = new Proxy<State>(new Printed() as unknown as State, this)
  }

  /** Ends the draft. A value that is no data is a TypeError, and then nothing is to be committed. */
  changes(): { changes: Change[]; identical: boolean } {
    const touched = this.#touched
    const changes: Change[] = []
    let identical = true
    this.#touched = undefined
    this.#ended = true
    if (!touched) return { changes, identical }
    // Values that were put may hold parts of drafts: encode them while those are alive.
    for (const [key, made] of touched)
      if (made.kind === 'put' || made.kind === 'copied') made.wire = toWire(made.value, this.#call, key)
    for (const [key, made] of touched) {
      const before = slot(this.#values, key)
      if (made.kind === 'deleted') {
        if (before === ABSENT) continue
        changes.push(change(key, before, ABSENT))
        identical = false
      } else if (made.kind === 'drafted') {
        const done = stepped(key, before as Packed, made.finish(), this.#call)
        if (!done) continue
        changes.push(done.change)
        identical &&= done.identical
      } else {
        const after = made.wire
        const equal = before !== ABSENT && equalWires(before, after)
        // A copy that is as it was has only been read.
        if (equal && made.kind === 'copied') continue
        changes.push(change(key, before, after))
        identical &&= equal
      }
    }
    return { changes, identical }
  }

  get(_: State, key: string | symbol): unknown {
    if (typeof key === 'symbol') return undefined
    this.#check()
    const touched = this.#touched?.get(key)
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
    const touched = this.#touched?.get(key)
    return touched ? touched.kind !== 'deleted' : this.#values.has(key)
  }

  deleteProperty(_: State, key: string | symbol): boolean {
    if (this.has(_, key)) this.#touch(key as string, { kind: 'deleted' })
    return true
  }

  ownKeys(): string[] {
    this.#check()
    const keys = new Set(this.#values.keys())
    for (const [key, { kind }] of this.#touched ?? []) {
      if (kind === 'deleted') keys.delete(key)
      else keys.add(key)
    }
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

  #check(): void {
    if (this.#ended)
      throw new TypeError(`${this.#call} has ended: the state it was given is of no use any more`)
  }

  #touch(key: string, touched: Touched): void {
    this.#touched ??= new Map()
    this.#touched.set(key, touched)
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

/** Behind the proxy, so that printing the state prints the state: what prints looks past proxies. */
class Printed {
  [Symbol.for('nodejs.util.inspect.custom')](): unknown {
    return Object.fromEntries(
      Object.entries(this).map(([key, value]) => [key, isDraft(value) ? current(value) : value]),
    )
  }
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
