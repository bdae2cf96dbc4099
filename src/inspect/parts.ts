import type { PathStep } from './messages.ts'

/** A part of a value, and how it is called there. */
export interface Part {
  step: PathStep
  label: string
  value: unknown
}

/** The parts of a value, by their places. */
export interface Parts {
  size: number
  at(index: number): Part
  /** The place of a part; -1: it is not there. */
  indexOf(step: PathStep): number
}

// A list of the names of a large object, or of the entries of a Map, is made once.
const lists = new WeakMap<object, unknown[]>()

/** What a value consists of; undefined: it has no parts. */
export function partsOf(value: unknown): Parts | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) return indexed(value, i => `${i}`)
  if (value instanceof Set)
    return indexed(
      listed(value, () => [...value]),
      i => `${i}`,
    )
  if (value instanceof Map) return entries(listed(value, () => [...value]))
  if (isWhole(value)) return undefined
  return fields(value as Record<string, unknown>)
}

// Fields are counted so far: a longer list is not made for a number.
export const MANY = 1000

/** How many parts a value has; of an object up to MANY. undefined: it has none by its kind. */
export function sizeOf(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) return value.length
  if (value instanceof Map || value instanceof Set) return value.size
  if (isWhole(value)) return undefined
  let count = 0
  for (const name in value) if (Object.hasOwn(value, name) && ++count === MANY) break
  return count
}

/** What is an object, and has no parts all the same. */
const isWhole = (value: object): boolean =>
  value instanceof Date ||
  value instanceof RegExp ||
  value instanceof Error ||
  value instanceof ArrayBuffer ||
  ArrayBuffer.isView(value)

const indexed = (list: readonly unknown[], label: (index: number) => string): Parts => ({
  size: list.length,
  at: index => ({ step: index, label: label(index), value: list[index] }),
  indexOf: step => (typeof step === 'number' && step < list.length ? step : -1),
})

function entries(list: readonly [unknown, unknown][]): Parts {
  return {
    size: list.length,
    at: index => {
      const [key, value] = list[index] as [unknown, unknown]
      return { step: index, label: typeof key === 'object' ? `${index} =>` : `${String(key)} =>`, value }
    },
    indexOf: step => (typeof step === 'number' && step < list.length ? step : -1),
  }
}

function fields(value: Record<string, unknown>): Parts {
  // A value of the state may be changed in place, so its names are not kept.
  const names = Object.keys(value)
  return {
    size: names.length,
    at: index => {
      const name = names[index] as string
      return { step: name, label: name, value: value[name] }
    },
    indexOf: step => (typeof step === 'string' ? names.indexOf(step) : -1),
  }
}

function listed<T>(value: object, list: () => T[]): T[] {
  const known = lists.get(value) as T[] | undefined
  if (known) return known
  const parts = list()
  lists.set(value, parts)
  return parts
}
