import type { Wire } from '../protocol/values.ts'
import type { Values } from '../store/commit.ts'
import type { PathStep, TreeQuery, TreeRow, TreeWindow } from './messages.ts'
import { type Parts, partsOf, sizeOf } from './parts.ts'
import type { Redactor } from './redact.ts'
import { cut, kindOf, lineOf } from './shown.ts'
import { largeOf, sizeTold } from './wire.ts'

/** A state to be shown as a tree. */
export interface Shown {
  namespace: string
  revision: number
  values: Values
  /** The keys that the tree has, in its order, and their places there. */
  keys: readonly string[]
  placeOf(key: string): number | undefined
  /** The newest commit known to have written a key. */
  writtenAt(key: string): number
}

/** Characters of the name of a key or part. */
const LABEL = 200
/** Bytes of a value that is not decoded for its line alone. */
const LARGE = 1 << 20

/** What is open of a value: its parts, and what is open of those. */
type Open = Map<PathStep, Open>

/**
 * The lines of the tree from `from` on: one for each key and, where a value is open, one for each of its parts. What is not in
 * the window costs nothing, unless it is open.
 */
export function treeWindow(state: Shown, query: TreeQuery, redactor: Redactor): TreeWindow {
  const opened = [...openOf(query)]
    .flatMap(([key, open]) => {
      const place = state.placeOf(key)
      return place === undefined ? [] : [{ key, place, open }]
    })
    .sort((a, b) => a.place - b.place)
  const rows = new Rows(query.from, query.count)
  const closed = (from: number, to: number): void =>
    rows.range(to - from, i => keyRow(state, state.keys[from + i] as string, redactor))
  let next = 0
  for (const { key, place, open } of opened) {
    closed(next, place)
    next = place + 1
    const value = redactor.shown(key, state.values.get(key) as Wire, state.namespace)
    rows.range(1, () => ({ ...keyRow(state, key, redactor, value), isOpen: true }))
    partRows(rows, key, [], value, open)
  }
  closed(next, state.keys.length)
  const { revision, values } = state
  return { revision, total: rows.total, keys: values.size, from: query.from, rows: rows.made }
}

function keyRow(state: Shown, key: string, redactor: Redactor, opened?: unknown): TreeRow {
  const wire = state.values.get(key) as Wire
  const revision = state.writtenAt(key)
  const large = opened === undefined && !redactor.hides(key) ? largeOf(wire, LARGE) : undefined
  if (large) {
    const text = `(${sizeTold(large)}, open it to see it)`
    return { key, path: [], label: cut(key, LABEL), kind: 'object', text, parts: 1, isOpen: false, revision }
  }
  const value = opened ?? redactor.shown(key, wire, state.namespace)
  return { ...row(key, [], key, value), revision }
}

const row = (key: string, path: PathStep[], label: string, value: unknown): TreeRow => ({
  key,
  path,
  label: cut(label, LABEL),
  kind: kindOf(value),
  text: lineOf(value),
  parts: sizeOf(value) ?? null,
  isOpen: false,
  revision: 0,
})

/** The parts of a value that is open. */
function partRows(rows: Rows, key: string, path: PathStep[], value: unknown, open: Open): void {
  const parts = partsOf(value)
  if (!parts) return
  let next = 0
  for (const { place, deeper } of placed(parts, open)) {
    closedParts(rows, key, path, parts, next, place)
    next = place + 1
    const part = parts.at(place)
    const below = [...path, part.step]
    rows.range(1, () => ({ ...row(key, below, part.label, part.value), isOpen: true }))
    partRows(rows, key, below, part.value, deeper)
  }
  closedParts(rows, key, path, parts, next, parts.size)
}

function closedParts(rows: Rows, key: string, path: PathStep[], parts: Parts, from: number, to: number) {
  rows.range(to - from, i => {
    const part = parts.at(from + i)
    return row(key, [...path, part.step], part.label, part.value)
  })
}

const placed = (parts: Parts, open: Open): { place: number; deeper: Open }[] =>
  [...open]
    .map(([step, deeper]) => ({ place: parts.indexOf(step), deeper }))
    .filter(({ place }) => place >= 0)
    .sort((a, b) => a.place - b.place)

function openOf({ open }: TreeQuery): Map<string, Open> {
  const keys = new Map<string, Open>()
  for (const { key, path } of open) if (path.length === 0 && !keys.has(key)) keys.set(key, new Map())
  // What is open inside what is closed is not seen. Shorter paths come first.
  for (const { key, path } of [...open].sort((a, b) => a.path.length - b.path.length)) {
    let at = keys.get(key)
    for (const step of path.slice(0, -1)) at = at?.get(step)
    const last = path.at(-1)
    if (last !== undefined) at?.set(last, new Map())
  }
  return keys
}

/** Counts all rows, and makes those that are in the window. */
class Rows {
  readonly made: TreeRow[] = []
  total = 0
  readonly #from: number
  readonly #to: number

  constructor(from: number, count: number) {
    this.#from = from
    this.#to = from + count
  }

  /** `count` rows, each made by its number among these. */
  range(count: number, make: (index: number) => TreeRow): void {
    const first = Math.max(0, this.#from - this.total)
    const last = Math.min(count, this.#to - this.total)
    for (let i = first; i < last; i++) this.made.push(make(i))
    this.total += count
  }
}
