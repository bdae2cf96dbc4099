import { hasElementsOnly } from '../protocol/value-tree.ts'

/** How an element that was there before is shown: an object as its part. */
type Show = (value: unknown, index: number) => unknown

// Most lists are only read, and what is not written costs nothing.
const NO_ELEMENTS: unknown[] = []
const NOT_OVER = new Map<number, unknown>()
const NOT_GIVEN = new Set<unknown>()

/**
 * The elements of a list as a function leaves them. As long as only its ends change and single elements are replaced, the list
 * as it was is read through, and the cost is that of the changes; anything else is done on a copy.
 */
export class Elements {
  readonly base: readonly unknown[]
  /** Of the list as it was, what is still there, at places in `base`. */
  start: number
  end: number
  /** What was put in front, the last one first; behind; and in place of others, by their places in `base`. */
  front = NO_ELEMENTS
  back = NO_ELEMENTS
  over = NOT_OVER
  /** The copy, where there had to be one. It may have holes, and fields that are no elements. */
  copy: unknown[] | undefined
  /** The objects in the copy that were put there: the others are the ones of `base`. */
  given = NOT_GIVEN
  readonly #show: Show

  /** `dead`: slots of `base` that hold nothing any more. */
  constructor(base: readonly unknown[], dead: number, show: Show) {
    this.base = base
    this.start = dead
    this.end = base.length
    this.#show = show
  }

  /** They are about to be changed. */
  begin(): void {
    if (this.front !== NO_ELEMENTS) return
    this.front = []
    this.back = []
  }

  get length(): number {
    return this.copy ? this.copy.length : this.front.length + this.end - this.start + this.back.length
  }

  get(index: number): unknown {
    if (this.copy) return this.shown(this.copy[index], index)
    const front = this.front.length
    if (index < front) return this.front[front - 1 - index]
    const at = index - front + this.start
    if (at >= this.end) return this.back[at - this.end]
    if (this.over.size > 0 && this.over.has(at)) return this.over.get(at)
    return this.#show(this.base[at], at)
  }

  /** What stands in the copy, as it is shown. */
  shown(value: unknown, index: number): unknown {
    return typeof value === 'object' && value !== null && !this.given.has(value)
      ? this.#show(value, index)
      : value
  }

  /** Replaces an element, or adds one behind the last. */
  set(index: number, value: unknown): void {
    if (this.copy) {
      this.give(value)
      this.copy[index] = value
      return
    }
    const front = this.front.length
    const at = index - front + this.start
    if (index < front) this.front[front - 1 - index] = value
    else if (at < this.end) {
      if (this.over === NOT_OVER) this.over = new Map()
      this.over.set(at, value)
    } else this.back[at - this.end] = value
  }

  push(value: unknown): void {
    if (this.copy) this.set(this.copy.length, value)
    else this.back.push(value)
  }

  unshift(value: unknown): void {
    if (this.copy) {
      this.give(value)
      this.copy.unshift(value)
    } else this.front.push(value)
  }

  /** Not of an empty list. */
  pop(): unknown {
    const value = this.get(this.length - 1)
    if (this.copy) this.copy.pop()
    else if (this.back.length > 0) this.back.pop()
    else if (this.end > this.start) this.over.delete(--this.end)
    else this.front.shift()
    return value
  }

  /** Not of an empty list. */
  shift(): unknown {
    const value = this.get(0)
    if (this.copy) this.copy.shift()
    else if (this.front.length > 0) this.front.pop()
    else if (this.end > this.start) this.over.delete(this.start++)
    else this.back.shift()
    return value
  }

  /** The copy, for changes of any kind; objects that are put there have to be given. */
  copied(): unknown[] {
    if (this.copy) return this.copy
    const kept = this.base.slice(this.start, this.end)
    for (const [at, value] of this.over) kept[at - this.start] = value
    this.copy = [...this.front].reverse().concat(kept, this.back)
    for (const value of this.front) this.give(value)
    for (const value of this.back) this.give(value)
    for (const value of this.over.values()) this.give(value)
    return this.copy
  }

  /** Whether the copy is elements only, without holes. */
  get isDense(): boolean {
    const { copy } = this
    if (!copy) return true
    for (let i = 0; i < copy.length; i++) if (copy[i] === undefined && !(i in copy)) return false
    return hasElementsOnly(copy)
  }

  give(value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    if (this.given === NOT_GIVEN) this.given = new Set()
    this.given.add(value)
  }

  /** Where an object of `base` is now: it was at place `at`, or that is its last known index. */
  indexOf(value: object, at: number): number {
    if (this.copy) return this.copy[at] === value ? at : this.copy.indexOf(value)
    const isThere = at >= this.start && at < this.end && this.base[at] === value && !this.over.has(at)
    return isThere ? at - this.start + this.front.length : -1
  }
}
