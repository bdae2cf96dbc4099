import type { Step, WireChange, WireCommit } from '../protocol/messages.ts'
import type { Wire } from '../protocol/values.ts'
import type { LogChange, LogRow, PathStep } from './messages.ts'
import type { Redactor } from './redact.ts'
import { cut, lineOf } from './shown.ts'
import { largeOf, readOnly, sizeTold } from './wire.ts'

// Of a commit so many changes are told, and so many characters of a key and of a value.
const TOLD = 4
const KEY = 80
const VALUE = 100
/** Bytes of a value that is not decoded for the log. */
const LARGE = 64 << 10

/** A commit as a line of the log. What it costs does not depend on how much the commit changed. */
export function logRow(revision: number, commit: WireCommit, namespace: string, redactor: Redactor): LogRow {
  const [, , pid, name, method, time, isIdentical, changes] = commit
  const told: LogChange[] = []
  let more = changes.length
  for (const change of changes) {
    if (told.length === TOLD) break
    const lines = changeTold(change, TOLD - told.length, namespace, redactor)
    told.push(...lines.told)
    more += lines.more - 1
  }
  return {
    revision,
    time,
    pid,
    name: cut(name, KEY),
    method: cut(method, KEY),
    isIdentical: isIdentical === true,
    changes: told,
    more,
  }
}

/** What a change did in at most `most` lines, and how many more there are. */
function changeTold(
  change: WireChange,
  most: number,
  namespace: string,
  redactor: Redactor,
): { told: LogChange[]; more: number } {
  const one = (key: string, text: string) => ({ told: [{ key: cut(key, KEY), text }], more: 0 })
  if (change.length === 0) return one('', 'all keys deleted')
  const [key, value, steps] = change
  if (change.length === 1) return one(key, 'deleted')
  if (!steps) return one(key, `= ${shown(key, value as Wire, namespace, redactor)}`)
  // Of a part it is not known what may be shown, where that is for a function to say.
  if (!redactor.isOpen(key)) return one(key, 'changed inside (redacted)')
  const name = cut(key, KEY)
  const told = steps.slice(0, most).map(step => ({ key: name, text: stepTold(step) }))
  return { told, more: steps.length - told.length }
}

/** Whether a commit wrote a key whose name contains a text, by its line alone; undefined: that does not tell all keys. */
export function tellsKey({ changes, more }: LogRow, text: string): boolean | undefined {
  if (changes.some(({ key }) => contains(key, text))) return true
  return more > 0 || changes.some(({ key }) => key.length > KEY) ? undefined : false
}

/** Whether a commit wrote a key whose name contains a text. */
export const writesKey = (commit: WireCommit, text: string): boolean =>
  commit[7].some(([key]) => key !== undefined && contains(key, text))

/** Whatever the case. */
export const contains = (text: string, part: string): boolean =>
  text.toLowerCase().includes(part.toLowerCase())

function stepTold(step: Step): string {
  const [op, path] = step
  const at = pathTold(path)
  if (op === 'put') return `${at} = ${wireTold(step[2])}`
  if (op === 'remove') return `${at} deleted`
  const [, , index, removed, items] = step
  const added = items.length
  if (removed === 0 && added === 1) return `${at}[${index}] inserted: ${itemTold(items[0])}`
  if (added === 0) return `${at}[${index}]: ${removed} removed`
  return `${at}[${index}]: ${removed} removed, ${added} inserted`
}

const itemTold = (item: unknown): string => (Array.isArray(item) ? '(moved)' : wireTold(item as Wire))

const pathTold = (path: PathStep[]): string =>
  cut(path.map(step => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join(''), KEY)

function shown(key: string, wire: Wire, namespace: string, redactor: Redactor): string {
  if (redactor.hides(key)) return '(redacted)'
  const large = largeOf(wire, LARGE)
  return large ? `(${sizeTold(large)})` : lineOf(redactor.shown(key, wire, namespace), VALUE)
}

function wireTold(wire: Wire): string {
  const large = largeOf(wire, LARGE)
  return large ? `(${sizeTold(large)})` : lineOf(readOnly(wire), VALUE)
}
