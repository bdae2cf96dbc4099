import { inspect, isDeepStrictEqual } from 'node:util'
import { isTerminal } from './terminal.ts'

type Plain = Readonly<Record<string, unknown>>

/** A key that an update changed. What is not there is left out. */
export interface KeyChanged {
  key: string
  before?: unknown
  after?: unknown
}

/** A value as one line of JavaScript would write it, or as several where `isWide`. */
export function shown(value: unknown, isWide = false): string {
  const written = (colors: boolean) =>
    inspect(value, {
      depth: null,
      colors,
      maxArrayLength: null,
      maxStringLength: null,
      ...(isWide ? {} : { breakLength: Infinity, compact: true }),
    })
  const plain = written(false)
  // Of errors and patterns the text is written as it is.
  const escaped = plain.replace(isWide ? /[^\P{Cc}\n]/gu : /\p{Cc}/gu, escapeOf)
  return escaped === plain && isTerminal() ? written(true) : escaped
}

/** A text that others chose, as part of a line: control characters could write elsewhere on a terminal. */
export const safe = (text: string): string => text.replace(/\p{Cc}/gu, escapeOf)

// JSON has no escape of its own for those above 0x7e.
const escapeOf = (control: string): string =>
  control < ' '
    ? JSON.stringify(control).slice(1, -1)
    : `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`

/**
 * A value as JSON. What JSON has no word for becomes the next best: undefined, NaN and Infinity null, a bigint its digits, a
 * Map an array of pairs, a Set an array, bytes base64, a Date and RegExp their text, an Error its name and message.
 */
export const json = (value: unknown): string => safe(JSON.stringify(plain(value, [])))

/** The value as JSON has it, within the objects `above`. */
function plain(value: unknown, above: unknown[]): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value ?? null
  if (above.includes(value)) return '[Circular]'
  above.push(value)
  const made = partsOf(value, part => plain(part, above))
  above.pop()
  return made
}

function partsOf(value: object, plain: (part: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Set) return Array.from(value, plain)
  if (value instanceof Map) return Array.from(value, ([key, part]) => [plain(key), plain(part)])
  if (value instanceof Date) return iso(value)
  if (value instanceof RegExp) return String(value)
  if (value instanceof Error) return { name: value.name, message: value.message }
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('base64')
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]))
}

const iso = (date: Date): string => (Number.isNaN(date.getTime()) ? 'Invalid Date' : date.toISOString())

/** The keys that differ. */
export function difference(before: Plain, after: Plain): KeyChanged[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  const changed: KeyChanged[] = []
  for (const key of keys) {
    const [was, is] = [Object.hasOwn(before, key), Object.hasOwn(after, key)]
    if (was && is && (before[key] === after[key] || isDeepStrictEqual(before[key], after[key]))) continue
    changed.push({ key, ...(was && { before: before[key] }), ...(is && { after: after[key] }) })
  }
  return changed
}

/** `key: before → after`. */
export function shownChange({ key, ...rest }: KeyChanged): string {
  const before = 'before' in rest ? shown(rest.before) : '(none)'
  const after = 'after' in rest ? shown(rest.after) : '(deleted)'
  return `${shown(key)}: ${before} → ${after}`
}
