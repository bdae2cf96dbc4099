const refuse = () => {
  throw new TypeError('a snapshot cannot be changed: use the State to change the state')
}
const mutators = new Map<object, string[]>([
  [Map.prototype, ['set', 'delete', 'clear']],
  [Set.prototype, ['add', 'delete', 'clear']],
  [Date.prototype, Object.getOwnPropertyNames(Date.prototype).filter(name => name.startsWith('set'))],
])

/** Freezes a value and all that it holds. Typed arrays and buffers cannot be frozen: JavaScript has no way to. */
export function deepFreeze(root: unknown): unknown {
  const stack = [root]
  while (stack.length > 0) {
    const value = stack.pop()
    if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value))
      continue
    if (value instanceof Map) for (const [key, held] of value) stack.push(key, held)
    else if (value instanceof Set) stack.push(...value)
    for (const key of Reflect.ownKeys(value)) stack.push((value as Record<PropertyKey, unknown>)[key])
    // The methods of these work on what freezing does not reach. Not enumerable, so that equality does not see them.
    for (const name of mutators.get(Object.getPrototypeOf(value)) ?? [])
      Object.defineProperty(value, name, { value: refuse, enumerable: false })
    Object.freeze(value)
  }
  return root
}
