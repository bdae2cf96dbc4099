import { types } from 'node:util'
import { hasElementsOnly } from './value-tree.ts'

/**
 * Equal as values: as `util.isDeepStrictEqual` says (NaN is NaN, 0 is not -0, the order of keys is of no account), and so for
 * values of any depth; two invalid dates are equal.
 */
export function deepEqual(a: unknown, b: unknown): boolean {
  return new Comparison().equal(a, b)
}

// Objects in a Set may be equal in any order, so each may have to be tried with each other one. Not for ever: what two clients
// put into a state must not keep its server busy. Beyond these limits the order counts.
const MOST_TRIALS = 1_000_000
const DEEPEST_TRIAL = 200

class Comparison {
  /** Pairs that were found equal, or are about to be: so that cycles end. */
  readonly #pairs = new Map<object, Set<object>>()
  #trials = 0
  #depth = 0

  equal(a: unknown, b: unknown): boolean {
    const todo: unknown[] = [a, b]
    const assumed: [object, object][] = []
    while (todo.length > 0) {
      const y = todo.pop()
      const x = todo.pop()
      if (Object.is(x, y)) continue
      if (!isObject(x) || !isObject(y) || !this.#level(x, y, todo, assumed)) {
        // What was only assumed must not decide the next trial.
        for (const [one, other] of assumed) this.#pairs.get(one)?.delete(other)
        return false
      }
    }
    return true
  }

  /** Compares two objects by what is theirs alone; what they hold is left to do. */
  #level(x: object, y: object, todo: unknown[], assumed: [object, object][]): boolean {
    const known = this.#pairs.get(x)
    if (known?.has(y)) return true
    if (known) known.add(y)
    else this.#pairs.set(x, new Set([y]))
    assumed.push([x, y])

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
    const theirs: unknown[] = []
    for (const held of y) if (isObject(held) && !x.has(held)) theirs.push(held)
    const ours: unknown[] = []
    for (const held of x) {
      if (y.has(held)) continue
      if (!isObject(held)) return false
      ours.push(held)
    }
    return this.#match(ours, theirs, todo, (one, other) => this.equal(one, other))
  }

  #maps(x: Map<unknown, unknown>, y: Map<unknown, unknown>, todo: unknown[]): boolean {
    if (x.size !== y.size) return false
    const ours: [unknown, unknown][] = []
    for (const [key, held] of x) {
      if (y.has(key)) todo.push(held, y.get(key))
      else if (isObject(key)) ours.push([key, held])
      else return false
    }
    const theirs: [unknown, unknown][] = []
    for (const entry of y) if (isObject(entry[0]) && !x.has(entry[0])) theirs.push(entry)
    return this.#match(
      ours,
      theirs,
      todo,
      (one, other) => this.equal(one[0], other[0]) && this.equal(one[1], other[1]),
    )
  }

  /** Finds an equal one in `theirs` for each of `ours`: most likely the one at the same place. */
  #match<T>(ours: T[], theirs: T[], todo: unknown[], equal: (one: T, other: T) => boolean): boolean {
    if (ours.length !== theirs.length) return false
    if (ours.length < 2 || this.#depth === DEEPEST_TRIAL) {
      todo.push(ours, theirs)
      return true
    }
    this.#depth++
    try {
      for (const one of ours) {
        let found = equal(one, theirs[0] as T) ? 0 : -1
        for (let j = 1; found < 0 && j < theirs.length; j++) {
          if (++this.#trials > MOST_TRIALS) return false
          if (equal(one, theirs[j] as T)) found = j
        }
        if (found < 0) return false
        theirs.splice(found, 1)
      }
      return true
    } finally {
      this.#depth--
    }
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
