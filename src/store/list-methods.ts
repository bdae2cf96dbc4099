import type { Elements } from './elements.ts'
import { partOf } from './part.ts'

type Method = (elements: Elements, args: unknown[], proxy: object) => unknown

/** A list as these methods need it. */
interface List {
  readonly proxy: object
  /** The elements, about to be changed. */
  changing(): Elements
}

// The methods that change a list, where the language's own would move each element by itself.
const methods: Record<string, Method> = {
  push(elements, items) {
    for (const item of items) elements.push(item)
    return elements.length
  },
  pop: elements => (elements.length > 0 ? elements.pop() : undefined),
  shift: elements => (elements.length > 0 ? elements.shift() : undefined),
  unshift(elements, items) {
    for (let i = items.length - 1; i >= 0; i--) elements.unshift(items[i])
    return elements.length
  },
  splice(elements, args) {
    const { length } = elements
    const start = bounded(relative(args[0], length), length)
    const asked = args.length === 0 ? 0 : args.length === 1 ? length : whole(args[1])
    const removed = bounded(asked, length - start)
    return replace(elements, start, removed, args.slice(2))
  },
  reverse(elements, _, proxy) {
    elements.copied().reverse()
    return proxy
  },
  sort(elements, [compare], proxy) {
    const copy = elements.copied()
    // The elements of before, by how they are shown. An object that is also put into the list comes twice.
    const before = new Map<unknown, unknown>()
    const sorted: unknown[] = []
    for (let i = 0; i < copy.length; i++) {
      if (!(i in copy)) continue
      const shown = elements.shown(copy[i], i)
      if (shown !== copy[i]) before.set(shown, copy[i])
      sorted.push(shown)
    }
    sorted.sort(compare as (a: unknown, b: unknown) => number)
    const { length } = copy
    for (let i = 0; i < sorted.length; i++) {
      const shown = sorted[i]
      copy[i] = before.get(shown) ?? shown
      before.delete(shown)
    }
    for (let i = sorted.length; i < length; i++) delete copy[i]
    return proxy
  },
}

/** The methods as a list has them; those that only read are the language's own. */
export const listMethods: ReadonlyMap<string, (...args: unknown[]) => unknown> = new Map(
  Object.entries(methods).map(([name, method]) => {
    const own: (...args: unknown[]) => unknown = Array.prototype[name as 'push']
    const made = function (this: unknown, ...args: unknown[]): unknown {
      const part = partOf(this)
      // Of something else; or the language says what is wrong.
      const isWrong = name === 'sort' && args[0] !== undefined && typeof args[0] !== 'function'
      return isList(part) && !isWrong
        ? method(part.changing(), args, part.proxy)
        : Reflect.apply(own, this, args)
    }
    Object.defineProperties(made, { name: { value: name }, length: { value: own.length } })
    return [name, made]
  }),
)

const isList = (part: object | undefined): part is List => part !== undefined && 'changing' in part

function replace(elements: Elements, start: number, removed: number, items: unknown[]): unknown[] {
  const { length } = elements
  const gone: unknown[] = []
  if (!elements.copy && start === 0) {
    for (let i = 0; i < removed; i++) gone.push(elements.shift())
    for (let i = items.length - 1; i >= 0; i--) elements.unshift(items[i])
  } else if (!elements.copy && start + removed === length) {
    for (let i = 0; i < removed; i++) gone.push(elements.pop())
    gone.reverse()
    for (const item of items) elements.push(item)
  } else {
    const copy = elements.copied()
    for (let i = start; i < start + removed; i++) {
      const at = i - start
      if (i in copy) gone[at] = elements.shown(copy[i], i)
    }
    gone.length = removed
    for (const item of items) elements.give(item)
    copy.splice(start, removed, ...items)
  }
  return gone
}

/** As the language reads a whole number, and a place that may be counted from the end. */
const whole = (value: unknown): number => Math.trunc(Number(value)) || 0
const relative = (value: unknown, length: number): number => {
  const at = whole(value)
  return at < 0 ? at + length : at
}
const bounded = (value: number, most: number): number => Math.min(Math.max(value, 0), most)
