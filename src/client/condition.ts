import { AsyncResource } from 'node:async_hooks'
import { checkKey, describe, equalWires, toWire } from '../protocol/values.ts'
import type { Update } from './cursor.ts'
import type { ChangeOptions } from './options.ts'
import type { Reader } from './reader.ts'

/** A call of a watcher, for what errors say. */
export interface Call {
  /** The method, as in state.getWhenEqual. */
  name: string
  keys: readonly string[]
  /** Of a loop: where the program made it. Its text is made when an error needs it. */
  trace?: { stack?: string }
}

/** What a watcher waits for. */
export interface Matcher {
  /** The keys that it was given. */
  keys: readonly string[]
  /** Whether the state as it stands is enough: conditions, as against changes. */
  holds?(reader: Reader): boolean
  /** Whether this update, one that counts, is it. */
  matches(reader: Reader, update: Update): boolean
  wantsBefore?: boolean
}

const condition = (keys: readonly string[], holds: (reader: Reader) => boolean): Matcher => ({
  keys,
  holds,
  matches: holds,
})

export function changeOf(given: unknown[], options: ChangeOptions, call: string): Matcher {
  const keys = given.map(key => keyOf(key, call))
  if (keys.length === 0) return { keys, matches: () => true }
  const duplicates = options.duplicateOkay === true
  if (!options.exclude)
    return {
      keys,
      matches: (_, update) => keys.some(key => update.wrote(key) && (duplicates || update.changed(key))),
    }
  const others = new Set(keys)
  return {
    keys,
    matches: (_, update) => {
      for (const key of update.keys())
        if (!others.has(key) && (duplicates || update.changed(key))) return true
      return false
    },
  }
}

function keyOf(given: unknown, call: string): string {
  checkKey(given, call)
  return given
}

export const anyUpdate: Matcher = { keys: [], matches: () => true, wantsBefore: true }

export function test(fn: unknown, call: string): Matcher {
  if (typeof fn !== 'function')
    throw new TypeError(`${call}: the test must be a function of the snapshot, got ${describe(fn)}`)
  // Updates arrive in any async context: the test runs in that of the call.
  const test = AsyncResource.bind(fn as (snapshot: unknown) => unknown)
  return condition([], reader => {
    const found: unknown = test(reader.snapshot())
    // It would always count as true.
    if (found instanceof Promise) {
      found.catch(() => {})
      throw new TypeError(
        `${call}: the test returned a promise; it must answer at once, so it cannot be async`,
      )
    }
    return Boolean(found)
  })
}

export function equal(key: unknown, value: unknown, call: string): Matcher {
  checkKey(key, call)
  const wire = toWire(value, call, key)
  return condition([key], reader => equalWires(reader.values.get(key), wire))
}

export function notEqual(key: unknown, value: unknown, call: string): Matcher {
  const { holds } = equal(key, value, call)
  return condition([key as string], reader => !holds?.(reader))
}

export function none(key: unknown, call: string): Matcher {
  checkKey(key, call)
  return condition([key], reader => (reader.values.get(key) ?? null) === null)
}

export function notNone(key: unknown, call: string): Matcher {
  checkKey(key, call)
  return condition([key], reader => (reader.values.get(key) ?? null) !== null)
}

export function available(key: unknown, call: string): Matcher {
  checkKey(key, call)
  return condition([key], reader => reader.values.has(key))
}
