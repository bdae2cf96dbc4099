/** The descriptor of an own property. The `stack` of an error is data, also where the engine makes it an accessor. */
export function ownProperty(object: object, key: PropertyKey): PropertyDescriptor | undefined {
  const described = Object.getOwnPropertyDescriptor(object, key)
  if (!described || key !== 'stack' || !isOfEngine(described.get)) return described
  const { enumerable, configurable } = described
  return { value: Reflect.get(object, key), writable: true, enumerable, configurable }
}

/** Since Node 22 errors, and what `Error.captureStackTrace` was called with, have an accessor: one function per realm. */
function isOfEngine(getter: PropertyDescriptor['get']): boolean {
  if (getter === undefined) return false
  return (
    getter === engineStack || (getter.name === '' && NATIVE.test(Function.prototype.toString.call(getter)))
  )
}

const engineStack = Object.getOwnPropertyDescriptor(new Error(), 'stack')?.get
const NATIVE = /\{\s*\[native code\]\s*\}$/
