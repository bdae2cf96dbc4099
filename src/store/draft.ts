import { create } from 'mutative'
import type { Step } from '../protocol/messages.ts'
import { equalWires, Packed, sharedFromWire, toWire, type Wire } from '../protocol/values.ts'
import { ABSENT, type Change, change, type Slot, slot, type Values } from './commit.ts'
import { applySteps } from './steps.ts'

// Beyond this many steps inside one value, the whole value is less to say.
const STEPS = 64

interface Patch {
  op: string
  path: (string | number)[]
  value?: unknown
}

/** What a function has read as an object, or written: only these keys cost anything when it is done. */
type Touched =
  | { kind: 'put'; value: unknown }
  | { kind: 'deleted' }
  | { kind: 'drafted'; value: unknown; finish: () => [unknown, Patch[]] }
  | { kind: 'copied'; value: unknown }

/** The state as an object that a function may change freely: `changes` says what it did. */
export class Draft {
  readonly state: Record<string, unknown>
  readonly #revoke: () => void
  readonly #values: Values
  readonly #touched = new Map<string, Touched>()
  readonly #call: string

  constructor(values: Values, call: string) {
    this.#values = values
    this.#call = call
    const { proxy, revoke } = Proxy.revocable<Record<string, unknown>>({}, this.#handler())
    this.state = proxy
    this.#revoke = revoke
  }

  /** Ends the draft. A value that is no data is a TypeError, and then nothing is to be committed. */
  changes(): { changes: Change[]; identical: boolean } {
    const changes: Change[] = []
    let identical = true
    const puts = new Map<string, Wire>()
    // Values that were put may hold parts of drafts: encode them while those are alive.
    for (const [key, touched] of this.#touched)
      if (touched.kind === 'put' || touched.kind === 'copied')
        puts.set(key, toWire(touched.value, this.#call, key))
    for (const [key, touched] of this.#touched) {
      const before = slot(this.#values, key)
      if (touched.kind === 'deleted') {
        if (before === ABSENT) continue
        changes.push(change(key, before, ABSENT))
        identical = false
      } else if (touched.kind === 'drafted') {
        const made = stepped(key, before as Packed, touched.finish(), this.#call)
        if (!made) continue
        changes.push(made.change)
        identical &&= made.identical
      } else {
        const after = puts.get(key)
        const equal = before !== ABSENT && equalWires(before, after)
        // A copy that is as it was has only been read.
        if (equal && touched.kind === 'copied') continue
        changes.push(change(key, before, after))
        identical &&= equal
      }
    }
    this.#revoke()
    return { changes, identical }
  }

  #read(key: string): unknown {
    const touched = this.#touched.get(key)
    if (touched) return touched.kind === 'deleted' ? undefined : touched.value
    const wire = this.#values.get(key)
    if (!(wire instanceof Packed)) {
      if (wire === undefined && !this.#values.has(key)) return Reflect.get(Object.prototype, key)
      return wire
    }
    if (!wire.isTree) {
      const value = wire.read()
      if (typeof value === 'object' && value !== null) this.#touched.set(key, { kind: 'copied', value })
      return value
    }
    const [value, finish] = create(wire.shared() as object, {
      enablePatches: { pathAsArray: true, arrayLengthAssignment: false },
    })
    this.#touched.set(key, { kind: 'drafted', value, finish: finish as unknown as () => [unknown, Patch[]] })
    return value
  }

  #has(key: string): boolean {
    const touched = this.#touched.get(key)
    return touched ? touched.kind !== 'deleted' : this.#values.has(key)
  }

  #keys(): string[] {
    const keys = new Set(this.#values.keys())
    for (const [key, { kind }] of this.#touched) {
      if (kind === 'deleted') keys.delete(key)
      else keys.add(key)
    }
    return [...keys]
  }

  #handler(): ProxyHandler<Record<string, unknown>> {
    return {
      get: (_, key) => (typeof key === 'string' ? this.#read(key) : undefined),
      set: (_, key, value) => {
        if (typeof key === 'symbol' || key === '__proto__')
          throw new TypeError(`${this.#call}: ${String(key)} is refused as a key of the state`)
        this.#touched.set(key, { kind: 'put', value })
        return true
      },
      has: (_, key) => typeof key === 'string' && this.#has(key),
      deleteProperty: (_, key) => {
        if (typeof key === 'string' && this.#has(key)) this.#touched.set(key, { kind: 'deleted' })
        return true
      },
      ownKeys: () => this.#keys(),
      getOwnPropertyDescriptor: (_, key) =>
        typeof key === 'string' && this.#has(key)
          ? { value: this.#read(key), writable: true, enumerable: true, configurable: true }
          : undefined,
      defineProperty: (_, key, descriptor) => {
        if (typeof key === 'symbol' || key === '__proto__' || !('value' in descriptor))
          throw new TypeError(
            `${this.#call}: the state takes plain values only; assign to state.${String(key)}`,
          )
        this.#touched.set(key, { kind: 'put', value: descriptor.value })
        return true
      },
    }
  }
}

function stepped(
  key: string,
  before: Packed,
  [next, patches]: [unknown, Patch[]],
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
  return { change: change(key, before, after, steps), identical: unchanged(before, after, steps) }
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
