import * as own from '../errors.ts'

type ErrorClass = { prototype: Error; name: string }

const builtIn = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
]
const known = new Map<string, ErrorClass>([...builtIn, ...Object.values(own)].map(one => [one.name, one]))

// Classes that live in another process only: ones with their names stand for them here.
const standIns = new Map<string, ErrorClass>()
const STAND_INS = 1000

/** The names of an error's classes, from its own to the first that every process knows. */
export function classNames(error: Error): string[] {
  const names: string[] = []
  for (let at: object | null = Object.getPrototypeOf(error); at; at = Object.getPrototypeOf(at)) {
    if (!Object.hasOwn(at, 'constructor')) continue
    const { name } = at.constructor
    names.push(name)
    if (known.has(name)) return names
  }
  return [...names, 'Error']
}

/** Whether the class is one that every process has. */
export const isKnownClass = (error: Error): boolean => {
  const prototype = Object.getPrototypeOf(error)
  return known.get(prototype?.constructor?.name)?.prototype === prototype
}

/** An error of these classes that says and holds what another one did. */
export function makeError(names: string[], name: string, message: string, stack: string | null): Error {
  const error = new Error(message)
  const { prototype } = classFor(names)
  Object.setPrototypeOf(error, prototype)
  if (error.name !== name) hide(error, 'name', name)
  hide(error, 'message', message)
  hide(error, 'stack', stack ?? undefined)
  return error
}

/** Sets a property the way the language sets an error's own ones: not enumerable. */
export function hide(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, enumerable: false, configurable: true })
}

function classFor(names: string[]): ErrorClass {
  const [name = 'Error', ...rest] = names
  if (rest.length === 0) return known.get(name) ?? Error
  const path = names.join(' ')
  let made = standIns.get(path)
  if (!made) {
    const Parent = classFor(rest) as unknown as typeof Error
    made = { [name]: class extends Parent {} }[name] as unknown as ErrorClass
    standIns.set(path, made)
    if (standIns.size > STAND_INS) standIns.delete(standIns.keys().next().value as string)
  }
  return made
}
