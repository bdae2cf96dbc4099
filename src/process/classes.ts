/** The names of the classes that an error is an instance of, so that another process, or realm, can tell. Never throws. */
export function classesOf(error: unknown): string[] {
  const names: string[] = []
  try {
    let prototype: unknown = error
    while (typeof prototype === 'object' && prototype !== null) {
      prototype = Object.getPrototypeOf(prototype)
      const made: unknown = prototype === null ? undefined : Reflect.get(prototype as object, 'constructor')
      const name: unknown = typeof made === 'function' ? made.name : undefined
      if (typeof name === 'string' && name !== 'Object') names.push(name)
    }
  } catch {
    // A proxy, or a getter, that throws: what is known so far stands.
  }
  // Whatever was thrown is an error, for `retryFor: [Error]`.
  return names.includes('Error') ? names : [...names, 'Error']
}

/** The `code` of an error. By it, not by class, are errors of zproc told: the target may have them from another copy. */
export const codeOf = (value: unknown): unknown => fieldOf(value, 'code')

/** A field of anything that was thrown or returned; undefined where reading it throws. */
export function fieldOf(value: unknown, field: string): unknown {
  try {
    return typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined
  } catch {
    return undefined
  }
}
