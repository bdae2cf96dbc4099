import type { ValueKind } from './messages.ts'
import { REDACTED } from './redact.ts'

/** What of a value there is to be seen: what it is, and how many parts it has, if any. */
export function kindOf(value: unknown): ValueKind {
  if (value === REDACTED) return 'redacted'
  if (value === null || value === undefined) return 'nothing'
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return typeof value as ValueKind
    case 'object':
      return kindOfObject(value)
    default:
      return 'other'
  }
}

function kindOfObject(value: object): ValueKind {
  if (Array.isArray(value) || value instanceof Set) return 'list'
  if (value instanceof Date) return 'date'
  if (value instanceof RegExp || value instanceof Error || isBytes(value)) return 'other'
  return 'object'
}

const isBytes = (value: object): value is ArrayBuffer | ArrayBufferView =>
  value instanceof ArrayBuffer || ArrayBuffer.isView(value)

/** The value in one line of about `room` characters. What it costs does not depend on how large the value is. */
export function lineOf(value: unknown, room = 160): string {
  const line = new Line(room)
  line.write(value, 0)
  return line.text
}

const DEEPEST = 6

/** Text that ends where there is no more room. */
class Line {
  text = ''
  readonly #room: number

  constructor(room: number) {
    this.#room = room
  }

  write(value: unknown, depth: number): void {
    if (value === REDACTED) this.#add('(redacted)')
    else if (typeof value === 'string') this.#add(quoted(value, this.#left))
    else if (typeof value === 'bigint') this.#add(`${value}n`)
    else if (typeof value !== 'object' || value === null)
      this.#add(Object.is(value, -0) ? '-0' : String(value))
    else this.#object(value, depth)
  }

  get #left(): number {
    return Math.max(0, this.#room - this.text.length)
  }

  #add(text: string): void {
    this.text += cut(text, this.#left)
  }

  #object(value: object, depth: number): void {
    if (value instanceof Date) return this.#add(Number.isNaN(+value) ? 'Invalid Date' : value.toISOString())
    if (value instanceof RegExp) return this.#add(`${value}`)
    if (value instanceof Error) return this.#add(`${value.name}: ${value.message}`)
    if (isBytes(value)) return this.#bytes(value)
    if (depth >= DEEPEST) return this.#add('…')
    if (Array.isArray(value)) return this.#parts('[', value, ']', part => this.write(part, depth + 1))
    if (value instanceof Set)
      return this.#parts(`Set(${value.size}) {`, value, '}', part => this.write(part, depth + 1))
    if (value instanceof Map)
      return this.#parts(`Map(${value.size}) {`, value, '}', ([key, part]) => {
        this.write(key, depth + 1)
        this.#add(' => ')
        this.write(part, depth + 1)
      })
    this.#parts('{', fieldsOf(value), '}', ([name, part]) => {
      this.#add(`${nameOf(name)}: `)
      this.write(part, depth + 1)
    })
  }

  #bytes(value: ArrayBuffer | ArrayBufferView): void {
    const name = value.constructor.name
    const bytes = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, Math.min(value.byteLength, 16))
      : new Uint8Array(value, 0, Math.min(value.byteLength, 16))
    const more = value.byteLength > bytes.length ? ' …' : ''
    this.#add(`${name}(${value.byteLength} B) <${Buffer.from(bytes).toString('hex')}${more}>`)
  }

  #parts<T>(open: string, parts: Iterable<T>, close: string, write: (part: T) => void): void {
    this.#add(open)
    let isFirst = true
    for (const part of parts) {
      if (this.#left === 0) break
      this.#add(isFirst ? (open.endsWith('{') ? ' ' : '') : ', ')
      isFirst = false
      write(part)
    }
    if (!isFirst && close === '}') this.#add(' ')
    // An end is always seen.
    this.text += close
  }
}

/** The fields, without a list of all of them. */
function* fieldsOf(value: object): Iterable<[string, unknown]> {
  for (const name in value)
    if (Object.hasOwn(value, name)) yield [name, (value as Record<string, unknown>)[name]]
}

const nameOf = (name: string): string => (/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? name : quoted(name, 60))

/** A text with quotes, of which only so much is looked at. */
const quoted = (text: string, room: number): string => JSON.stringify(cut(text, room))

/** So much of a text. */
export const cut = (text: string, room: number): string =>
  text.length > room ? `${text.slice(0, room)}…` : text
