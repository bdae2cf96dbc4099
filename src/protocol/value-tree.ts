import { inspect, types } from 'node:util'
import { TREE_DEPTH } from './value-scan.ts'

/**
 * Whether a value is a tree: plain objects, arrays without holes, and primitives that msgpack keeps exactly; nothing in it
 * twice, no cycle, not too deep. Most values are, so this is one quick walk; what is none is for the graph to keep or refuse.
 * As a part of a larger tree, it begins `depth` levels down, and nothing in it may be among `others`, which it is added to.
 */
export function isTree(value: unknown, depth = 0, others?: Set<object>): boolean {
  // A property that is computed may lead here again.
  const [outerFirst, outerSeen] = [first, seen]
  first = others && NOTHING
  seen = others
  try {
    return isBranch(value, depth)
  } finally {
    first = outerFirst
    seen = outerSeen
  }
}

const NOTHING = {}
// Most trees are a single object: a Set is made for the second.
let first: object | undefined
let seen: Set<object> | undefined

function isBranch(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'number':
      return value !== 0 || !Object.is(value, -0)
    case 'string':
      return value.isWellFormed()
    case 'boolean':
    case 'undefined':
      return true
    case 'object':
      return value === null || isContainer(value, depth)
    default:
      return false
  }
}

function isContainer(value: object, depth: number): boolean {
  if (first === undefined) first = value
  else {
    seen ??= new Set([first])
    const before = seen.size
    seen.add(value)
    if (seen.size === before || depth > TREE_DEPTH) return false
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return isPlain(value as Record<string, unknown>, depth)
  return prototype === Array.prototype && Array.isArray(value) && isDenseTree(value, depth)
}

function isPlain(value: Record<string, unknown>, depth: number): boolean {
  if (Object.getOwnPropertySymbols(value).length > 0) return false
  for (const key in value) {
    // Only if somebody has extended Object.prototype is there anything inherited.
    if (!Object.hasOwn(value, key) || key === '__proto__' || !key.isWellFormed()) return false
    if (!isBranch(value[key], depth + 1)) return false
  }
  return true
}

function isDenseTree(value: unknown[], depth: number): boolean {
  if (!hasElementsOnly(value)) return false
  for (let i = 0; i < value.length; i++) {
    const held = value[i]
    if (held === undefined ? !(i in value) : !isBranch(held, depth + 1)) return false
  }
  return true
}

const FEW = 64

/** Whether an array has no properties besides its elements; if all its elements are there, that is. */
export function hasElementsOnly(value: unknown[]): boolean {
  if (value.length <= FEW || types.isProxy(value))
    return Object.keys(value).length <= value.length && Object.getOwnPropertySymbols(value).length === 0
  // Object.keys would make a string of each index. inspect knows of a quicker way, and shows what else there is.
  return inspect(value, elementsHidden) === `[ ... ${value.length} more items ]`
}

const elementsHidden = { maxArrayLength: 0, depth: 0, customInspect: false, getters: false, colors: false }
