/** The names of the classes that an error is an instance of, so that another process, or realm, can tell. */
export function classesOf(error: unknown): string[] {
  const names: string[] = []
  let prototype: unknown = error
  while (typeof prototype === 'object' && prototype !== null) {
    prototype = Object.getPrototypeOf(prototype)
    const made = prototype === null ? undefined : Reflect.get(prototype as object, 'constructor')
    if (typeof made === 'function' && made.name !== 'Object') names.push(made.name)
  }
  // Whatever was thrown is an error, for `retryFor: [Error]`.
  return names.includes('Error') ? names : [...names, 'Error']
}
