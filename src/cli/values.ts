import { copyHelp, deleteHelp, getHelp, keysHelp, setHelp } from './help.ts'
import { noMore, wholeNumber, wrong } from './parse.ts'
import { json, shown } from './shown.ts'
import { type Asked, asked, mustWrite, ofState, targetOf, textOf, withState } from './target.ts'

/** Of a command that is about one key: the key is not there. */
const MISSING = 3

const writing = { ...ofState, write: { type: 'boolean' } } as const

/** `zproc get`: the value of a key. */
export async function get(args: string[]): Promise<number> {
  const given = asked('get', args, ofState, getHelp)
  if (!given) return 0
  const target = targetOf('get', given)
  const key = keyOf('get', given)
  noMore('get', given.rest)
  return withState(target, async state => {
    const none = Symbol('none')
    const value: unknown = await state.get<string, symbol>(key, none)
    if (value === none) return missing(key)
    console.log(given.isJson ? json(value) : shown(value, true))
    return 0
  })
}

/** `zproc set`: puts a value, given as JSON. */
export async function set(args: string[]): Promise<number> {
  const given = asked('set', args, { ...writing, ttl: { type: 'string' } }, setHelp)
  if (!given) return 0
  const target = targetOf('set', given)
  const key = keyOf('set', given)
  const text = given.rest.shift()
  if (text === undefined) throw wrong('set', 'the value is missing: JSON, such as 5 or \'{"n": 5}\'')
  noMore('set', given.rest)
  const value = jsonOf(text)
  const ttl = textOf(given.values.ttl)
  const lease = ttl === undefined ? undefined : { ttl: wholeNumber('set', 'ttl', ttl, 1) }
  mustWrite('set', given)
  await withState(target, state => state.set(key, value, lease))
  if (given.isJson) console.log(json({ key, set: true }))
  return 0
}

/** `zproc delete`: deletes a key. */
export async function remove(args: string[]): Promise<number> {
  const given = asked('delete', args, writing, deleteHelp)
  if (!given) return 0
  const target = targetOf('delete', given)
  const key = keyOf('delete', given)
  noMore('delete', given.rest)
  mustWrite('delete', given)
  const deleted = await withState(target, state => state.delete(key))
  if (given.isJson) console.log(json({ key, deleted }))
  return deleted ? 0 : missing(key)
}

/** `zproc keys`: all keys, a line each. */
export async function keys(args: string[]): Promise<number> {
  const given = asked('keys', args, ofState, keysHelp)
  if (!given) return 0
  const target = targetOf('keys', given)
  noMore('keys', given.rest)
  const all = await withState(target, state => state.keys())
  if (given.isJson) console.log(json(all))
  else for (const key of all) console.log(shown(key))
  return 0
}

/** `zproc copy`: the whole state. */
export async function copy(args: string[]): Promise<number> {
  const given = asked('copy', args, ofState, copyHelp)
  if (!given) return 0
  const target = targetOf('copy', given)
  noMore('copy', given.rest)
  const all = await withState(target, state => state.copy())
  console.log(given.isJson ? json(all) : shown(all, true))
  return 0
}

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

function missing(key: string): number {
  console.error(`zproc: there is no key ${shown(key)}`)
  return MISSING
}
