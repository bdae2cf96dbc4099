import { copyHelp, deleteHelp, getHelp, keysHelp, setHelp } from './help.ts'
import { options } from './options.ts'
import { wrong } from './parse.ts'
import { json, shown } from './shown.ts'
import { type Asked, aboutState, mustWrite, numberOf } from './target.ts'

/** Of a command that is about one key: the key is not there. */
const MISSING = 3

/** `zproc get`: the value of a key. */
export const get = aboutState('get', options.get, getHelp, given => {
  const key = keyOf('get', given)
  return async state => {
    const none = Symbol('none')
    const value: unknown = await state.get<string, symbol>(key, none)
    if (value === none) return missing(key)
    console.log(given.isJson ? json(value) : shown(value, true))
    return 0
  }
})

/** `zproc set`: puts a value, given as JSON. */
export const set = aboutState('set', options.set, setHelp, given => {
  const key = keyOf('set', given)
  const text = given.rest.shift()
  if (text === undefined) throw wrong('set', 'the value is missing: JSON, such as 5 or \'{"n": 5}\'')
  const value = jsonOf(text)
  const ttl = numberOf('set', given, 'ttl', undefined)
  mustWrite('set', given)
  return async state => {
    await state.set(key, value, ttl === undefined ? undefined : { ttl })
    if (given.isJson) console.log(json({ key, set: true }))
    return 0
  }
})

/** `zproc delete`: deletes a key. */
export const remove = aboutState('delete', options.delete, deleteHelp, given => {
  const key = keyOf('delete', given)
  mustWrite('delete', given)
  return async state => {
    const deleted = await state.delete(key)
    if (given.isJson) console.log(json({ key, deleted }))
    return deleted ? 0 : missing(key)
  }
})

/** `zproc keys`: all keys, a line each. */
export const keys = aboutState('keys', options.keys, keysHelp, given => async state => {
  const all = await state.keys()
  if (given.isJson) console.log(json(all))
  else for (const key of all) console.log(shown(key))
  return 0
})

/** `zproc copy`: the whole state. */
export const copy = aboutState('copy', options.copy, copyHelp, given => async state => {
  const all = await state.copy()
  console.log(given.isJson ? json(all) : shown(all, true))
  return 0
})

function keyOf(command: string, { rest }: Asked): string {
  const key = rest.shift()
  if (key === undefined) throw wrong(command, 'the key is missing')
  return key
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw wrong(
      'set',
      `the value must be JSON, got '${text}'; a text has quotes in it: '${JSON.stringify(text)}'`,
    )
  }
}

/** Says that a key is not there, and gives the exit code. */
export function missing(key: string, is = 'is'): number {
  console.error(`zproc: there ${is} no key ${shown(key)}`)
  return MISSING
}
