import { types } from 'node:util'

/**
 * Freezes a value and all that it holds. The bytes of typed arrays, buffers and ArrayBuffers cannot be frozen: the language
 * has no way to.
 */
export function deepFreeze(root: unknown): unknown {
  const left: object[] = []
  const push = (value: unknown) => {
    if (typeof value === 'object' && value !== null) left.push(value)
  }
  push(root)
  for (let value = left.pop(); value; value = left.pop()) {
    // What is frozen has been here: nobody else freezes parts of values.
    if (ArrayBuffer.isView(value) || Object.isFrozen(value)) continue
    if (types.isMap(value)) {
      for (const [key, held] of value) {
        push(key)
        push(held)
      }
      Object.defineProperties(value, mapLocks)
    } else if (types.isSet(value)) {
      for (const held of value) push(held)
      Object.defineProperties(value, setLocks)
    } else if (types.isDate(value)) Object.defineProperties(value, dateLocks)
    else if (types.isNativeError(value))
      for (const { value: held } of Object.values(Object.getOwnPropertyDescriptors(value))) push(held)
    else for (const held of Object.values(value)) push(held)
    Object.freeze(value)
  }
  return root
}

const refuse = () => {
  throw new TypeError('a snapshot cannot be changed: use the State to change the state')
}

// The methods of these reach what freezing does not. Not enumerable, so that equality does not see them.
const locks = (names: string[]): PropertyDescriptorMap =>
  Object.fromEntries(names.map(name => [name, { value: refuse, enumerable: false }]))
const mapLocks = locks(['set', 'delete', 'clear'])
const setLocks = locks(['add', 'delete', 'clear'])
const dateLocks = locks(Object.getOwnPropertyNames(Date.prototype).filter(name => name.startsWith('set')))
