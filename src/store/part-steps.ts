import type { Run, Step } from '../protocol/messages.ts'
import { TREE_DEPTH } from '../protocol/value-scan.ts'
import { NO_TREE, toTreeWire, type Wire } from '../protocol/values.ts'
import type { Elements } from './elements.ts'
import { type Part, partOf } from './part.ts'
import { FieldsPart } from './part-fields.ts'
import type { ListPart } from './part-list.ts'
import { extend } from './steps.ts'
import { DELETED } from './written.ts'

type Path = (string | number)[]

// More elements than this that were replaced one by one are said as one splice.
const SINGLE = 16

/**
 * The steps that make of the value of a key what a function has made of it, given its written parts. Undefined: there are none,
 * since it is no tree any more, or its parts are in it twice.
 */
export function stepsOf(root: Part, parts: readonly Part[]): Step[] | undefined {
  const placed: { part: Part; path: Path }[] = []
  for (const part of parts) {
    const path = part.place()
    if (path) placed.push({ part, path })
  }
  // Where a part is was found out in what its holders have become: these come first.
  placed.sort((a, b) => a.path.length - b.path.length)
  const writer = new StepWriter()
  for (const { part, path } of placed) {
    if (part instanceof FieldsPart) writer.fields(part, path)
    else writer.list(part as ListPart, path)
    if (writer.isNoTree) return undefined
  }
  // As long as it is: what grows by itself has room to spare, and the log keeps it.
  return writer.holds(root) ? undefined : writer.steps.slice()
}

class StepWriter {
  readonly steps: Step[] = []
  isNoTree = false
  /** The objects that the steps put into the value. */
  readonly #seen = new Set<object>()

  /** Whether what was put in is a part of the value still. */
  holds(root: Part): boolean {
    for (const object of this.#seen) {
      const part = partOf(object)
      if (part?.root === root && part.place()) return true
    }
    return false
  }

  fields({ written, base }: FieldsPart, path: Path): void {
    written.forEach((value, key) => {
      const wasThere = Object.hasOwn(base, key)
      if (!key.isWellFormed()) this.isNoTree = true
      // A field that was deleted comes behind the others when it is written again.
      else if (wasThere && written.moved(key)) this.steps.push(['remove', path.concat(key)])
      if (value !== DELETED) this.steps.push(['put', path.concat(key), this.#wire(value, path.length + 1)])
    })
  }

  list({ elements, base, tree }: ListPart, path: Path): void {
    const dead = tree.deadSlots(base)
    if (elements.over.size > SINGLE) elements.copied()
    if (elements.copy) return this.#rewritten(elements.copy, elements, dead, path)
    const { start, end, front, back, over } = elements
    const below = path.length + 1
    if (start > dead || front.length > 0) {
      const items = front.map(value => this.#wire(value, below)).reverse()
      this.steps.push(['splice', path, 0, start - dead, items])
    }
    const moved = front.length - start
    for (const [at, value] of over)
      this.steps.push(['put', path.concat(at + moved), this.#wire(value, below)])
    if (end < base.length || back.length > 0) {
      const items = back.map(value => this.#wire(value, below))
      this.steps.push(['splice', path, end + moved, base.length - end, items])
    }
  }

  /** One splice, from the first element that is not what it was to the last. */
  #rewritten(copy: unknown[], elements: Elements, dead: number, path: Path): void {
    const { base, given } = elements
    if (!elements.isDense) {
      this.isNoTree = true
      return
    }
    const isSame = (at: number, index: number) => Object.is(base[at], copy[index]) && !given.has(copy[index])
    const length = base.length - dead
    const both = Math.min(length, copy.length)
    let first = 0
    while (first < both && isSame(dead + first, first)) first++
    let last = 0
    while (last < both - first && isSame(base.length - 1 - last, copy.length - 1 - last)) last++
    const removed = length - first - last
    const changed = copy.slice(first, copy.length - last)
    if (removed === 0 && changed.length === 0) return
    const items = this.#items(
      changed,
      base.slice(dead + first, base.length - last),
      given,
      first,
      path.length + 1,
    )
    this.steps.push(['splice', path, first, removed, items])
  }

  /** `changed` as runs of `before`, which begins at index `first`, with what is new between them. */
  #items(
    changed: unknown[],
    before: readonly unknown[],
    given: Set<unknown>,
    first: number,
    depth: number,
  ): (Wire | Run)[] {
    const places = new Map<unknown, number>()
    for (const [at, value] of before.entries())
      if (typeof value === 'object' && value !== null) places.set(value, at)
    const items: (Wire | Run)[] = []
    // Primitives are told by their order: each is looked for a little further on than the last one that was found.
    let next = 0
    for (const value of changed) {
      let at = given.has(value) ? undefined : places.get(value)
      if (at === undefined && (typeof value !== 'object' || value === null)) {
        for (let i = next; i < next + AHEAD && at === undefined; i++)
          if (i < before.length && Object.is(before[i], value)) at = i
        if (at !== undefined) next = at + 1
      }
      if (at === undefined) items.push(this.#wire(value, depth))
      else extend(items, first + at)
    }
    return items
  }

  #wire(value: unknown, depth: number): Wire {
    const wire = toTreeWire(value, depth, this.#seen)
    if (wire !== NO_TREE && depth <= TREE_DEPTH) return wire
    this.isNoTree = true
    return undefined
  }
}

const AHEAD = 16
