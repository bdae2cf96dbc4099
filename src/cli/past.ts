import { withoutPassword } from '../async/shown.ts'
import type { AnyState, RawUpdate } from '../client/types.ts'
import { atHelp, diffHelp, historyHelp, watchHelp } from './help.ts'
import { options } from './options.ts'
import { timeOf, wholeNumber, wrong } from './parse.ts'
import { difference, json, shown, shownChange } from './shown.ts'
import { aboutState, endAtSignals, numberOf, textOf } from './target.ts'
import { missing } from './values.ts'

// Commits of `zproc history` where no other number is given.
const LIMIT = 50

/** `zproc watch`: each update from now on, until Ctrl-C. */
export const watch = aboutState('watch', options.watch, watchHelp, given => {
  let left = numberOf('watch', given, 'count', Number.POSITIVE_INFINITY)
  const keys = given.rest.splice(0)
  return async (state, target) => {
    endAtSignals()
    const updates = state.rawUpdates()
    // From here on nothing is missed.
    await state.ping()
    console.error(`zproc watch: '${target.namespace}' of ${withoutPassword(target.address)}`)
    for await (const update of updates) {
      if (!tell(update, keys, given.isJson)) continue
      if (--left === 0) break
    }
    return 0
  }
})

/** `zproc history`: the commits that are kept, the newest first. */
export const history = aboutState('history', options.history, historyHelp, given => {
  const key = textOf(given.values.key)
  let left = numberOf('history', given, 'limit', LIMIT)
  const from = numberOf('history', given, 'from', undefined)
  const to = numberOf('history', given, 'to', undefined)
  return async state => {
    const commits = state.history({ from, to, key, reverse: given.values.oldest !== true })
    for await (const update of commits) {
      tell(update, [], given.isJson)
      if (--left === 0) break
    }
    return 0
  }
})

/** `zproc at`: the state, or a key of it, as it was. */
export const at = aboutState('at', options.at, atHelp, given => {
  const when = whenOf('at', given.rest.shift())
  const key = given.rest.shift()
  return async one => {
    const state = await one.at(when)
    if (key !== undefined && !Object.hasOwn(state, key)) return missing(key, 'was')
    const value: unknown = key === undefined ? state : state[key]
    console.log(given.isJson ? json(value) : shown(value, true))
    return 0
  }
})

/** `zproc diff`: what differs between two revisions or times. */
export const diff = aboutState('diff', options.diff, diffHelp, given => {
  const from = whenOf('diff', given.rest.shift())
  const second = given.rest.shift()
  const to = second === undefined ? undefined : whenOf('diff', second)
  return async state => {
    const before = await state.at(from)
    const changes = difference(before, to === undefined ? await state.copy() : await state.at(to))
    if (given.isJson) console.log(json(changes))
    else for (const change of changes) console.log(shownChange(change))
    return 0
  }
})

/** Prints an update, unless none of the keys was changed. Whether it did. */
function tell(
  { before, after, revision, by }: RawUpdate<AnyState>,
  keys: string[],
  isJson: boolean,
): boolean {
  const changes = difference(before, after).filter(({ key }) => keys.length === 0 || keys.includes(key))
  if (changes.length === 0 && keys.length > 0) return false
  const { pid, name, method } = by
  const time = new Date(by.time).toISOString()
  if (isJson) console.log(json({ revision, time, pid, name, method, changes }))
  else {
    console.log(`${revision}  ${time}  ${shown(name)}[${pid}]  ${method}`)
    for (const change of changes) console.log(`  ${shownChange(change)}`)
  }
  return true
}

/** A revision, or a time. */
function whenOf(command: string, text: string | undefined): number | Date {
  if (text === undefined) throw wrong(command, 'the revision, or the time, is missing')
  if (/^\d+$/.test(text)) return wholeNumber(command, 'revision', text, 0)
  const time = timeOf(text)
  if (time === undefined)
    throw wrong(command, `a revision, or a time like 2026-01-31T12:00:00Z, is needed, got '${text}'`)
  return new Date(time)
}
