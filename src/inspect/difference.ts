import { isDeepStrictEqual } from 'node:util'
import { ABSENT, type Slot } from '../store/commit.ts'
import type { PartDiff } from './messages.ts'
import { REDACTED, type Redactor } from './redact.ts'
import { lineOf } from './shown.ts'

// Differences that are told, parts that are compared for them, and characters of a value.
const TOLD = 200
const COMPARED = 20_000
const VALUE = 1000

export interface Difference {
  diffs: PartDiff[]
  /** Whether there may be more. */
  isCut: boolean
}

/** What differs in the keys that a commit has changed, part by part. */
export function difference(
  changes: Iterable<[string, { before: Slot; after: Slot }]>,
  namespace: string,
  redactor: Redactor,
): Difference {
  const found = new Parts()
  for (const [key, { before, after }] of changes) {
    if (found.isFull) break
    const shown = (slot: Slot) => (slot === ABSENT ? ABSENT : redactor.shown(key, slot, namespace))
    found.key = key
    found.compare('', shown(before), shown(after))
  }
  return { diffs: found.diffs, isCut: found.isFull }
}

/** Goes down where both sides have parts, and collects what differs. */
class Parts {
  readonly diffs: PartDiff[] = []
  key = ''
  #compared = 0

  get isFull(): boolean {
    return this.diffs.length >= TOLD || this.#compared >= COMPARED
  }

  compare(path: string, before: unknown, after: unknown): void {
    this.#compared++
    if (this.isFull) return
    if (before === REDACTED && after === REDACTED) return this.#tell(path, before, after)
    if (Array.isArray(before) && Array.isArray(after)) return this.#elements(path, before, after)
    if (isPlain(before) && isPlain(after)) return this.#fields(path, before, after)
    if (!isDeepStrictEqual(before, after)) this.#tell(path, before, after)
  }

  #elements(path: string, before: unknown[], after: unknown[]): void {
    const length = Math.max(before.length, after.length)
    for (let i = 0; i < length && !this.isFull; i++)
      this.compare(
        `${path}[${i}]`,
        i < before.length ? before[i] : ABSENT,
        i < after.length ? after[i] : ABSENT,
      )
  }

  #fields(path: string, before: Plain, after: Plain): void {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      if (this.isFull) return
      const [was, is] = [Object.hasOwn(before, name), Object.hasOwn(after, name)]
      this.compare(`${path}.${name}`, was ? before[name] : ABSENT, is ? after[name] : ABSENT)
    }
  }

  #tell(path: string, before: unknown, after: unknown): void {
    const shown = (value: unknown) => (value === ABSENT ? null : lineOf(value, VALUE))
    this.diffs.push({ key: this.key, path, before: shown(before), after: shown(after) })
  }
}

type Plain = Record<string, unknown>

function isPlain(value: unknown): value is Plain {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
