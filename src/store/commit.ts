import type { Step, WireChange, WireCommit } from '../protocol/messages.ts'
import { equalWires, Packed, type Wire } from '../protocol/values.ts'
import { applySteps } from './steps.ts'

/** Stands where a key has no value: `undefined` is a value. */
export const ABSENT = Symbol('absent')
export type Slot = Wire | typeof ABSENT
export type Values = Map<string, Wire>

/** Who commits: the standing of one State. */
export interface Author {
  session: number
  state: number
  pid: number
  name: string
}

/**
 * What one commit does to one key. `steps`: how `after` comes from `before`, where that is less to say than `after`; and
 * `undo`: the way back. A log keeps those instead of the two values, which would be a copy of a long array for each commit.
 */
export interface KeyChange {
  key: string
  before: Slot
  after: Slot
  steps: Step[] | null
  undo: Step[] | null
}
/** The state was emptied; what it held, for going back. */
export interface Cleared {
  key: null
  before: Values
}
export type Change = KeyChange | Cleared

export interface Commit {
  author: Author
  method: string
  time: number
  identical: boolean
  changes: readonly Change[]
}

export const change = (
  key: string,
  before: Slot,
  after: Slot,
  steps: Step[] | null = null,
  undo: Step[] | null = null,
): KeyChange => ({ key, before, after, steps, undo })

export const slot = (values: Values, key: string): Slot => {
  const value = values.get(key)
  return value === undefined && !values.has(key) ? ABSENT : value
}

export const equalSlots = (a: Slot, b: Slot): boolean =>
  a === ABSENT || b === ABSENT ? a === b : equalWires(a, b)

export function wireChange(change: Change): WireChange {
  if (change.key === null) return []
  if (change.steps) return [change.key, null, change.steps]
  return change.after === ABSENT ? [change.key] : [change.key, change.after]
}

export const wireCommit = ({ author, method, time, identical, changes }: Commit): WireCommit => [
  author.session,
  author.state,
  author.pid,
  author.name,
  method,
  time,
  identical,
  changes.map(wireChange),
]

/** What is at `key` once `change` was made where `before` was; `undo` gets the steps back, if it was made in steps. */
export function slotAfter(before: Slot, change: WireChange, undo?: Step[]): Slot {
  if (change.length < 2) return ABSENT
  if (change.length === 2) return change[1] as Wire
  if (!(before instanceof Packed && before.isTree))
    throw new TypeError('a step leads into a value that has no parts')
  return applySteps(before, change[2] as Step[], undo)
}

/** The change that `wire` says of `values`. */
export function changeFromWire(values: Values, wire: WireChange): Change {
  if (wire.length === 0) return { key: null, before: values }
  const before = slot(values, wire[0])
  if (wire.length === 2) return change(wire[0], before, wire[1])
  if (wire.length === 1) return change(wire[0], before, ABSENT)
  const undo: Step[] = []
  const after = slotAfter(before, wire, undo)
  // What grows by itself has room to spare: the log keeps none of it.
  return change(wire[0], before, after, wire[2], undo.slice())
}
