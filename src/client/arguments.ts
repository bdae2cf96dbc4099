import type { Entry } from '../protocol/messages.ts'
import { checkKey, describe, toWire } from '../protocol/values.ts'

/** A whole state, or a part of one, as the user gives it. */
export function entriesOf(object: unknown, call: string): Entry[] {
  const prototype = typeof object === 'object' && object !== null ? Object.getPrototypeOf(object) : undefined
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError(`${call}: the state must be a plain object, got ${describe(object)}`)
  const symbol = Object.getOwnPropertySymbols(object)[0]
  if (symbol) throw new TypeError(`${call}: ${String(symbol)} is a symbol; keys are strings`)
  return Object.entries(object as object).map(([key, value]) => {
    checkKey(key, call)
    return [key, toWire(value, call, key)]
  })
}
