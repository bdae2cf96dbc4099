import type { Step, WireChange, WireCommit } from '../protocol/messages.ts'
import { Packed, type Wire } from '../protocol/values.ts'
import type { LogChange, LogRow, PathStep } from './messages.ts'
import type { Redactor } from './redact.ts'
import { lineOf } from './shown.ts'

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
  for (const change of changes) {
    if (told.length === TOLD) break
    told.push(...changeTold(change, namespace, redactor))
  }
  return {
    revision,
    time,
    pid,
    name: cut(name, KEY),
    method: cut(method, KEY),
    isIdentical: isIdentical === true,
    changes: told.slice(0, TOLD),
    count: changes.length,
  }
}

function changeTold(change: WireChange, namespace: string, redactor: Redactor): LogChange[] {
  if (change.length === 0) return [{ key: '', text: 'all keys deleted' }]
  const [key, value, steps] = change
  const name = cut(key, KEY)
  if (change.length === 1) return [{ key: name, text: 'deleted' }]
  if (!steps) return [{ key: name, text: `= ${shown(key, value as Wire, namespace, redactor)}` }]
  // Of a part it is not known what may be shown, where that is for a function to say.
  if (!redactor.isOpen(key)) return [{ key: name, text: 'changed inside (redacted)' }]
  return steps.slice(0, TOLD).map(step => ({ key: name, text: stepTold(step) }))
}

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
  if (isLarge(wire)) return sizeTold(wire as Packed)
  return lineOf(redactor.shown(key, wire, namespace), VALUE)
}

function wireTold(wire: Wire): string {
  if (isLarge(wire)) return sizeTold(wire as Packed)
  return lineOf(wire instanceof Packed ? (wire.isTree ? wire.tree().settled() : wire.shared()) : wire, VALUE)
}

const isLarge = (wire: Wire): boolean => wire instanceof Packed && wire.cameEncoded && wire.weight > LARGE
const sizeTold = (wire: Packed): string => `(${Math.round(wire.weight / 1024).toLocaleString('en-US')} KiB)`

const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length)}…` : text
