import { types } from 'node:util'
import { limitTraces } from '../async/traces.ts'
import { ownErrors } from '../errors.ts'
import { className } from './describe.ts'

type ErrorClass = { prototype: Error; name: string }

const everywhere: ErrorClass[] = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
  ...Object.values(ownErrors),
]
const byName = new Map(everywhere.map(one => [one.name, one]))
const byPrototype = new Map<object, ErrorClass>(everywhere.map(one => [one.prototype, one]))

/** Whether this is an error of a class that every process has: a built-in one or zproc's. */
export function isKnownError(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  if (byPrototype.has(prototype)) return types.isNativeError(value)
  return types.isNativeError(value) && !(value instanceof Error) && byName.has(className(value))
}

export const isError = (value: unknown): value is Error =>
  value instanceof Error || types.isNativeError(value)

/** An error in parts. `hidden` properties are not enumerable, as the language makes an error's own ones. */
export interface ErrorParts {
  className: string
  /** The nearest class that every process has. */
  base: string
  hidden: [key: string, value: unknown][]
  keys: string[]
}

export function errorParts(error: Error): ErrorParts {
  const base = baseOf(error)
  const ownName = className(error) || base.name
  const hidden: [string, unknown][] = []
  const keys = Object.keys(error)
  const hide = (key: string, value: unknown) => {
    if (!keys.includes(key)) hidden.push([key, value])
  }
  // What the class says goes along, for where the class is not known.
  const message = read(error, 'message')
  if (typeof message === 'string' && (Object.hasOwn(error, 'message') || message !== ''))
    hide('message', message)
  const stack = read(error, 'stack')
  if (typeof stack === 'string') hide('stack', stack)
  const name = read(error, 'name')
  if (typeof name === 'string') {
    if (name !== base.prototype.name || Object.hasOwn(error, 'name')) hide('name', name)
    else if (ownName !== base.name) hide('name', ownName)
  }
  for (const key of ['cause', 'errors']) if (Object.hasOwn(error, key)) hide(key, read(error, key))
  return { className: ownName, base: base.name, hidden, keys }
}

// Somebody's class may compute these, and fail.
function read(error: Error, key: string): unknown {
  try {
    return (error as unknown as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

function baseOf(error: Error): ErrorClass {
  for (let at: object | null = error; at; at = Object.getPrototypeOf(at)) {
    const known = byPrototype.get(at)
    if (known) return known
  }
  return (error instanceof Error ? undefined : byName.get(className(error))) ?? Error
}

/** An error of this class that has nothing of its own yet. */
export function makeError(name: string, base: string): Error {
  const { stackTraceLimit } = Error
  // The stack that counts is the original one.
  limitTraces(0)
  const error = new Error()
  limitTraces(stackTraceLimit)
  delete error.stack
  Object.setPrototypeOf(error, classFor(name, base).prototype)
  return error
}

/** Sets a property as the language sets an error's own ones. */
export function hide(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, enumerable: false, configurable: true })
}

// Classes that another process has and this one has not: one of the same name stands in. Not without end: names are input.
const standIns = new Map<string, ErrorClass>()
const STAND_INS = 1000

function classFor(name: string, base: string): ErrorClass {
  const Base = byName.get(base) ?? Error
  if (name === Base.name) return Base
  const id = `${base} ${name}`
  let made = standIns.get(id)
  if (!made) {
    made = class extends (Base as ErrorConstructor) {}
    Object.defineProperty(made, 'name', { value: name })
    if (standIns.size >= STAND_INS) standIns.clear()
    standIns.set(id, made)
  }
  return made
}
