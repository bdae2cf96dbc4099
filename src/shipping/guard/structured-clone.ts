import { types } from 'node:util'

/**
 * `structuredClone` for functions that work on the state: what it refuses is cloned again with a plain object or array in place
 * of each proxy, since a part of the state is one.
 */
export function cloning<T>(value: T, options?: Parameters<typeof structuredClone>[1]): T {
  try {
    return structuredClone(value, options)
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== 'DataCloneError') throw error
    return structuredClone(unproxied(value, new Map()), options) as T
  }
}

function unproxied(value: unknown, made: Map<object, object>): unknown {
  if (typeof value !== 'object' || value === null) return value
  const known = made.get(value)
  if (known) return known
  const remember = <C extends object>(copy: C): C => {
    made.set(value, copy)
    return copy
  }
  if (types.isMap(value)) {
    const copy = remember(new Map())
    for (const [key, held] of value) copy.set(unproxied(key, made), unproxied(held, made))
    return copy
  }
  if (types.isSet(value)) {
    const copy = remember(new Set())
    for (const held of value) copy.add(unproxied(held, made))
    return copy
  }
  if (types.isNativeError(value)) {
    const { message, name, stack } = value
    const copy = remember(Object.assign(new Error(message), { name, stack }))
    if (Object.hasOwn(value, 'cause')) copy.cause = unproxied(value.cause, made)
    return copy
  }
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return value
  const copy = remember<Record<string, unknown> | unknown[]>(Array.isArray(value) ? [] : {})
  if (Array.isArray(value)) copy.length = value.length
  for (const [key, held] of Object.entries(value)) copy[key as never] = unproxied(held, made) as never
  return copy
}
