import { hide, makeError } from './value-errors.ts'
import { Tag } from './value-graph.ts'
import { viewClasses } from './value-kinds.ts'

/** The value that a table stands for; see value-graph.ts. Both may be anybody's: what is no table throws. */
export function fromGraph(table: unknown, bytes: Uint8Array): unknown {
  return new GraphReader(table, bytes).read()
}

/** Levels of objects in the value that a table stands for: as far as a node is from the first one, at most. */
export function graphDepth(table: readonly unknown[][]): number {
  const seen = new Set([0])
  let level: number[] = [0]
  for (let depth = 0; ; depth++) {
    const next: number[] = []
    const visit = (cells: readonly unknown[]) => {
      for (const cell of cells) {
        if (!Array.isArray(cell)) continue
        // The hidden fields of an error are cells of their own.
        if (cell.length !== 1) visit(cell)
        else if (typeof cell[0] === 'number' && !seen.has(cell[0])) {
          seen.add(cell[0])
          next.push(cell[0])
        }
      }
    }
    for (const number of level) visit(table[number] ?? [])
    if (next.length === 0) return depth + 1
    level = next
  }
}

const LONGEST_ARRAY = 2 ** 32 - 1

class GraphReader {
  readonly #table: unknown[][]
  readonly #bytes: Uint8Array
  #at = 0
  #values: unknown[] = []

  constructor(table: unknown, bytes: Uint8Array) {
    if (!Array.isArray(table) || table.length === 0 || !table.every(Array.isArray))
      throw malformed('it is no table')
    this.#table = table
    this.#bytes = bytes
  }

  read(): unknown {
    // All objects first, then what they hold: so that cycles close.
    this.#values = this.#table.map(node => this.#empty(node))
    if (this.#at !== this.#bytes.length) throw malformed('bytes are left over')
    for (let i = 0; i < this.#table.length; i++) this.#fill(this.#values[i], this.#table[i] as unknown[])
    return this.#values[0]
  }

  #empty(node: unknown[]): unknown {
    switch (node[0]) {
      case Tag.inline:
        return this.#cell(node[1])
      case Tag.negativeZero:
        return -0
      case Tag.bigint:
        return parseHex(text(node[1]))
      case Tag.string:
        return text(JSON.parse(text(node[1])))
      case Tag.object:
        return {}
      case Tag.bare:
        return Object.create(null)
      case Tag.array:
      case Tag.sparse:
        return []
      case Tag.map:
        return new Map()
      case Tag.set:
        return new Set()
      case Tag.date:
        return new Date(number(node[1]))
      case Tag.regexp:
        return makeRegExp(node)
      case Tag.error:
        return makeError(text(node[1]), text(node[2]))
      case Tag.bytes:
        return this.#part(node[1])
      case Tag.buffer:
        return Buffer.from(this.#part(node[1]))
      case Tag.view: {
        const View = viewClasses.get(text(node[2]))
        if (!View) throw malformed(`there is no ${node[2]}`)
        return new View(this.#part(node[1]))
      }
      default:
        throw malformed('a kind of node is unknown')
    }
  }

  #fill(value: unknown, node: unknown[]): void {
    switch (node[0]) {
      case Tag.object:
      case Tag.bare:
        return this.#fields(value as object, node, 1)
      case Tag.array:
        for (let i = 1; i < node.length; i++) (value as unknown[]).push(this.#cell(node[i]))
        return
      case Tag.sparse:
        setLength(value as unknown[], number(node[1]), node.length)
        return this.#fields(value as object, node, 2)
      case Tag.map:
        for (let i = 1; i < node.length; i += 2)
          (value as Map<unknown, unknown>).set(this.#cell(node[i]), this.#cell(node[i + 1]))
        return
      case Tag.set:
        for (let i = 1; i < node.length; i++) (value as Set<unknown>).add(this.#cell(node[i]))
        return
      case Tag.error: {
        const hidden = node[3]
        if (!Array.isArray(hidden)) throw malformed('an error is not complete')
        for (let i = 0; i < hidden.length; i += 2)
          hide(value as Error, this.#key(hidden[i]), this.#cell(hidden[i + 1]))
        return this.#fields(value as object, node, 4)
      }
    }
  }

  #fields(value: object, node: unknown[], from: number): void {
    for (let i = from; i < node.length; i += 2)
      (value as Record<string, unknown>)[this.#key(node[i])] = this.#cell(node[i + 1])
  }

  #key(cell: unknown): string {
    const key = text(this.#cell(cell))
    if (key === '__proto__') throw malformed('__proto__ is refused as a key')
    return key
  }

  #cell(cell: unknown): unknown {
    if (typeof cell !== 'object' || cell === null) return cell
    const at = Array.isArray(cell) ? number(cell[0]) : -1
    if (!Number.isInteger(at) || at < 0 || at >= this.#values.length) throw malformed('a node is missing')
    return this.#values[at]
  }

  // Each part is used once, so that a small message cannot ask for many copies of a large one.
  #part(length: unknown): ArrayBuffer {
    const end = this.#at + number(length)
    if (!(end >= this.#at && end <= this.#bytes.length)) throw malformed('bytes are missing')
    const { buffer, byteOffset } = this.#bytes
    const part = buffer.slice(byteOffset + this.#at, byteOffset + end) as ArrayBuffer
    this.#at = end
    return part
  }
}

function makeRegExp([, source, flags, lastIndex]: unknown[]): RegExp {
  const regexp = new RegExp(text(JSON.parse(text(source))), text(flags))
  regexp.lastIndex = number(lastIndex)
  return regexp
}

export const malformed = (why: string, cause?: unknown): TypeError =>
  new TypeError(`malformed bytes, no value: ${why}`, { cause })

function text(value: unknown): string {
  if (typeof value !== 'string') throw malformed('text is missing')
  return value
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw malformed('a number is missing')
  return value
}

function parseHex(digits: string): bigint {
  if (!/^-?[0-9a-f]+$/.test(digits)) throw malformed('a bigint is not made of digits')
  return digits.startsWith('-') ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`)
}

// A long array of nothing must cost nothing: at the greatest length an array gives up the room that it keeps for elements.
function setLength(array: unknown[], length: number, parts: number): void {
  if (length > parts * 8) array.length = LONGEST_ARRAY
  array.length = length
}
