import { types } from 'node:util'
import { equalInAnyOrder } from './value-classes.ts'
import { hasElementsOnly } from './value-tree.ts'

/**
 * Equal as values: as `util.isDeepStrictEqual` says (NaN is NaN, 0 is not -0, the order of keys is of no account), and so for
 * values of any depth; two invalid dates are equal.
 */
export function deepEqual(a: unknown, b: unknown): boolean {
  return new Comparison().equal(a, b)
}

class Comparison {
  /** Pairs that were found equal, or are about to be: so that cycles end. */
  readonly #pairs = new Map<object, Set<object>>()
  /** Objects were taken by their places, though their order is of no account. */
  #ordered = false

  equal(a: unknown, b: unknown): boolean {
    const todo: unknown[] = [a, b]
    while (todo.length > 0) {
      const y = todo.pop()
      const x = todo.pop()
      if (Object.is(x, y)) continue
      if (!isObject(x) || !isObject(y) || !this.#level(x, y, todo))
        return this.#ordered && isObject(a) && isObject(b) && equalInAnyOrder(a, b)
    }
    return true
  }

  /** Compares two objects by what is theirs alone; what they hold is left to do. */
  #level(x: object, y: object, todo: unknown[]): boolean {
    const known = this.#pairs.get(x)
    if (known?.has(y)) return true
    if (known) known.add(y)
    else this.#pairs.set(x, new Set([y]))

    if (Object.getPrototypeOf(x) !== Object.getPrototypeOf(y)) return false
    if (Array.isArray(x)) return Array.isArray(y) && equalArrays(x, y, todo)
    if (types.isMap(x)) return types.isMap(y) && this.#maps(x, y, todo)
    if (types.isSet(x)) return types.isSet(y) && this.#sets(x, y, todo)
    if (types.isDate(x)) return types.isDate(y) && Object.is(x.getTime(), y.getTime())
    if (types.isRegExp(x)) return types.isRegExp(y) && equalRegExps(x, y)
    if (ArrayBuffer.isView(x)) return ArrayBuffer.isView(y) && bytesOf(x).equals(bytesOf(y))
    if (types.isArrayBuffer(x)) return types.isArrayBuffer(y) && Buffer.from(x).equals(Buffer.from(y))
    if (types.isNativeError(x) && !equalErrors(x, y as Error, todo)) return false
    return equalFields(x, y, todo)
  }

  #sets(x: Set<unknown>, y: Set<unknown>, todo: unknown[]): boolean {
    if (x.size !== y.size) return false
    const ours: object[] = []
    for (const held of x) {
      if (isObject(held)) ours.push(held)
      else if (!y.has(held)) return false
    }
    return ours.length === 0 || this.#inOrder(ours, [...y].filter(isObject), todo)
  }

  #maps(x: Map<unknown, unknown>, y: Map<unknown, unknown>, todo: unknown[]): boolean {
    if (x.size !== y.size) return false
    const ours: [unknown, unknown][] = []
    for (const [key, held] of x) {
      if (isObject(key)) ours.push([key, held])
      else if (!y.has(key)) return false
      else todo.push(held, y.get(key))
    }
    if (ours.length === 0) return true
    const theirs = [...y].filter(([key]) => isObject(key))
    return this.#inOrder(ours, theirs, todo)
  }

  /** Most likely each is equal to the one at its place. */
  #inOrder(ours: unknown[], theirs: unknown[], todo: unknown[]): boolean {
    if (ours.length !== theirs.length) return false
    if (ours.length > 1) this.#ordered = true
    todo.push(ours, theirs)
    return true
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)

const equalRegExps = (x: RegExp, y: RegExp): boolean =>
  x.source === y.source && x.flags === y.flags && x.lastIndex === y.lastIndex

// Where it was thrown makes no difference.
function equalErrors(x: Error, y: Error, todo: unknown[]): boolean {
  if (x.name !== y.name || x.message !== y.message) return false
  for (const key of ['cause', 'errors']) {
    if (Object.hasOwn(x, key) !== Object.hasOwn(y, key)) return false
    todo.push((x as unknown as Record<string, unknown>)[key], (y as unknown as Record<string, unknown>)[key])
  }
  return true
}

function equalArrays(x: unknown[], y: unknown[], todo: unknown[]): boolean {
  if (x.length !== y.length) return false
  for (let i = 0; i < x.length; i++) {
    const one = x[i]
    const other = y[i]
    // A hole is not undefined; and an array may be nearly all holes.
    if ((one === undefined && !(i in x)) || (other === undefined && !(i in y))) return equalFields(x, y, todo)
    if (!push(one, other, todo)) return false
  }
  return (hasElementsOnly(x) && hasElementsOnly(y)) || equalFields(x, y, todo)
}

function equalFields(x: object, y: object, todo: unknown[]): boolean {
  const keys = Object.keys(x)
  if (keys.length !== Object.keys(y).length) return false
  for (const key of keys) {
    if (!Object.hasOwn(y, key)) return false
    if (!push((x as Record<string, unknown>)[key], (y as Record<string, unknown>)[key], todo)) return false
  }
  return true
}

/** What no later comparison could change is decided at once. */
function push(x: unknown, y: unknown, todo: unknown[]): boolean {
  if (Object.is(x, y)) return true
  if (!isObject(x) || !isObject(y)) return false
  todo.push(x, y)
  return true
}
