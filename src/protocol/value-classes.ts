import { types } from 'node:util'
import { hasElementsOnly } from './value-tree.ts'

// Objects in Sets, and as keys of Maps, may come in any order. To try each with each other one takes for ever, and finds no end
// where they hold each other. Instead all objects in both values are put into classes: at first by what is theirs alone, then
// again and again by the classes of what they hold, until no class falls apart any more. Equal values are in one class.

/** Parts of objects that are looked at before the order of objects in Sets and Maps counts: two values must not keep a server busy. */
const MOST_PARTS = 3_000_000

/** Whether two values are equal, whatever the order in their Sets and Maps. */
export function equalInAnyOrder(a: object, b: object): boolean {
  const classes = new Classes()
  const [one, other] = [classes.add(a), classes.add(b)]
  return classes.found() && classes.settle(one, other)
}

/** A part: what is known of it at once, or the number of an object. */
type Part = string | number

class Classes {
  readonly #numbers = new Map<object, number>()
  readonly #objects: object[] = []
  /** Of each object, the parts that have an order, and those that have none, by twos for the entries of a Map. */
  readonly #ordered: Part[][] = []
  readonly #loose: [Part, Part][][] = []
  readonly #holders: number[][] = []
  readonly #class: number[] = []
  readonly #names = new Map<string, number>()
  readonly #prototypes = new Map<object | null, number>()
  /** How many are in each class. */
  readonly #sizes: number[] = []
  #classes = 0
  #looked = 0

  /** The number of an object. */
  add(object: object): number {
    let number = this.#numbers.get(object)
    if (number === undefined) {
      number = this.#objects.push(object) - 1
      this.#numbers.set(object, number)
      this.#holders.push([])
    }
    return number
  }

  /** Looks at all objects; false: they are too many. */
  found(): boolean {
    for (let i = 0; i < this.#objects.length; i++) {
      const ordered: Part[] = []
      const loose: [Part, Part][] = []
      const own = this.#look(this.#objects[i] as object, ordered, loose)
      for (const part of ordered) this.#holds(i, part)
      for (const parts of loose) for (const part of parts) this.#holds(i, part)
      this.#looked += ordered.length + loose.length
      if (this.#looked > MOST_PARTS) return false
      this.#ordered.push(ordered)
      this.#loose.push(loose)
      const name = this.#named(own)
      this.#class.push(name)
      this.#sizes[name] = (this.#sizes[name] ?? 0) + 1
    }
    return true
  }

  /** Whether two objects are in one class in the end. */
  settle(one: number, other: number): boolean {
    let due = new Set(this.#objects.keys())
    while (due.size > 0) {
      if (this.#class[one] !== this.#class[other]) return false
      const moved = this.#split(due)
      if (this.#looked > MOST_PARTS) return false
      due = new Set(moved.flatMap(number => this.#holders[number] as number[]))
    }
    return this.#class[one] === this.#class[other]
  }

  /** Gives those of a class that hold other classes than its others a class of their own. Gives who has another class now. */
  #split(due: Set<number>): number[] {
    const byClass = new Map<number, Map<string, number[]>>()
    for (const number of due) {
      const was = this.#class[number] as number
      const groups = byClass.get(was) ?? new Map<string, number[]>()
      byClass.set(was, groups)
      const held = this.#held(number)
      const group = groups.get(held)
      if (group) group.push(number)
      else groups.set(held, [number])
    }
    const moved: number[] = []
    for (const [was, groups] of byClass) {
      const sorted = [...groups.values()].sort((x, y) => y.length - x.length)
      const all = sorted.reduce((sum, { length }) => sum + length, 0)
      // The largest group keeps the class; unless there are others in it, that hold what they held.
      for (const group of all === this.#sizes[was] ? sorted.slice(1) : sorted) {
        const name = this.#classes++
        this.#sizes[was] = (this.#sizes[was] as number) - group.length
        this.#sizes[name] = group.length
        for (const number of group) {
          this.#class[number] = name
          moved.push(number)
        }
      }
    }
    return moved
  }

  #held(number: number): string {
    const ordered = this.#ordered[number] as Part[]
    const loose = this.#loose[number] as [Part, Part][]
    this.#looked += ordered.length + loose.length + 1
    const name = (part: Part) => (typeof part === 'number' ? `${this.#class[part]}` : `(${part})`)
    const names = loose.map(([key, held]) => `${name(key)}=${name(held)}`).sort()
    // What is known at once of parts in order was looked at before.
    return `${ordered.map(part => this.#class[part as number])};${names}`
  }

  #holds(holder: number, part: Part): void {
    if (typeof part === 'number') (this.#holders[part] as number[]).push(holder)
  }

  #named(own: string): number {
    const known = this.#names.get(own)
    if (known !== undefined) return known
    this.#names.set(own, this.#classes)
    return this.#classes++
  }

  #part(value: unknown): Part {
    return typeof value === 'object' && value !== null ? this.add(value) : text(value)
  }

  /** What is an object's alone. */
  #look(object: object, ordered: Part[], loose: [Part, Part][]): string {
    const prototype = Object.getPrototypeOf(object)
    const kind = this.#prototypes.get(prototype) ?? this.#prototypes.size
    this.#prototypes.set(prototype, kind)
    const add = (value: unknown): string => {
      const part = this.#part(value)
      if (typeof part === 'string') return part
      ordered.push(part)
      return 'o'
    }
    if (types.isMap(object)) for (const [key, held] of object) loose.push([this.#part(key), this.#part(held)])
    else if (types.isSet(object)) for (const held of object) loose.push([this.#part(held), ''])
    else return `${kind}:${plain(object, add)}`
    return `${kind}:${object.size}`
  }
}

function plain(object: object, add: (value: unknown) => string): string {
  if (types.isDate(object)) return `${object.getTime()}`
  if (types.isRegExp(object)) return text([object.source, object.flags, object.lastIndex].join('/'))
  if (ArrayBuffer.isView(object))
    return Buffer.from(object.buffer, object.byteOffset, object.byteLength).toString('latin1')
  if (types.isArrayBuffer(object)) return Buffer.from(object).toString('latin1')
  let own = ''
  if (Array.isArray(object)) {
    own = `${object.length}:`
    if (!object.includes(undefined) && hasElementsOnly(object)) return own + object.map(add).join()
  } else if (types.isNativeError(object)) {
    own = text(object.name) + text(object.message)
    for (const key of ['cause', 'errors'])
      if (Object.hasOwn(object, key)) own += key + add((object as unknown as Record<string, unknown>)[key])
  }
  for (const key of Object.keys(object).sort())
    own += text(key) + add((object as Record<string, unknown>)[key])
  return own
}

/** A primitive, so that no other one, or two of them, have the same text. */
function text(value: unknown): string {
  if (typeof value === 'string') return `"${value.length}:${value}`
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : `${value}`
  return typeof value === 'bigint' ? `${value}n` : `${value}`
}
