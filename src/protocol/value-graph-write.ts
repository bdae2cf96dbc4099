import { describe } from './describe.ts'
import { errorParts, isError, isKnownError } from './value-errors.ts'
import { type Cell, type Graph, type Node, Tag } from './value-graph.ts'
import { isInline, type Kind, kindOf } from './value-kinds.ts'
import { describeRefused, type Part, step } from './value-path.ts'

/** Levels of objects within objects that a value may have. Nothing here recurses; but what a user does with it may. */
export const DEEPEST = 10_000

export interface GraphOptions {
  /** The call and the name of the value, for the TypeError about what is no data. */
  call: string
  root: string
  /** For errors on their way: what is no data is left out instead of refused. */
  lenient?: boolean
  deepest?: number
}

/** The value as a table. What is no data is a TypeError that names the path to it. */
export function toGraph(value: unknown, options: GraphOptions): Graph {
  return simpleError(value) ?? new GraphWriter(options).write(value)
}

/** An error that has nothing but texts of its own, as refusals do: a server may make very many of them. */
function simpleError(value: unknown): Graph | undefined {
  if (!isError(value) || !isKnownError(value)) return undefined
  const { className, base, hidden, keys } = errorParts(value)
  if (keys.length > 0 || Object.getOwnPropertySymbols(value).length > 0) return undefined
  const cells: Cell[] = []
  for (const [key, held] of hidden) {
    if (!isInline(held)) return undefined
    cells.push(key, held)
  }
  return { table: [[Tag.error, className, base, cells]], bytes: [] }
}

const LEFT_OUT = Symbol('left out')

class GraphWriter {
  readonly #table: Node[] = []
  readonly #bytes: Uint8Array[] = []
  readonly #options: GraphOptions
  readonly #deepest: number
  // One entry per node, from the moment that it is found: the value, its kind, and where it was found.
  readonly #values: unknown[] = []
  readonly #kinds: (Kind | undefined)[] = []
  readonly #parents: number[] = []
  readonly #parts: Part[] = []
  readonly #depths: number[] = []
  readonly #numbers = new Map<object, number>()

  constructor(options: GraphOptions) {
    this.#options = options
    this.#deepest = options.deepest ?? DEEPEST
  }

  write(value: unknown): Graph {
    const root = this.#cell(value, -1, '')
    if (root === LEFT_OUT) return { table: [[Tag.inline, describe(value)]], bytes: [] }
    if (!Array.isArray(root)) return { table: [[Tag.inline, root]], bytes: [] }
    // The list grows while it is gone through.
    for (let number = 0; number < this.#values.length; number++) this.#table.push(this.#node(number))
    return { table: this.#table, bytes: this.#bytes }
  }

  #cell(value: unknown, parent: number, part: Part): Cell | typeof LEFT_OUT {
    if (isInline(value)) return value
    if (typeof value === 'object') {
      const object = value as object
      const known = this.#numbers.get(object)
      return known === undefined ? this.#object(object, parent, part) : [known]
    }
    if (typeof value === 'function' || typeof value === 'symbol')
      return this.#refuse(parent, part, `is ${describe(value)}`)
    return [this.#found(value, undefined, parent, part, 0)]
  }

  #object(value: object, parent: number, part: Part): Cell | typeof LEFT_OUT {
    const kind = kindOf(value) ?? (this.#options.lenient && isError(value) ? 'error' : undefined)
    if (kind === undefined) return this.#refuse(parent, part, `is ${describeRefused(value)}`)
    const depth = parent < 0 ? 0 : (this.#depths[parent] as number) + 1
    if (depth > this.#deepest)
      return this.#refuse(parent, part, `is nested more than ${this.#deepest} levels deep`)
    const number = this.#found(value, kind, parent, part, depth)
    this.#numbers.set(value, number)
    return [number]
  }

  #found(value: unknown, kind: Kind | undefined, parent: number, part: Part, depth: number): number {
    this.#kinds.push(kind)
    this.#parents.push(parent)
    this.#parts.push(part)
    this.#depths.push(depth)
    return this.#values.push(value) - 1
  }

  #node(number: number): Node {
    const value = this.#values[number]
    switch (this.#kinds[number]) {
      case undefined:
        return this.#primitive(value)
      case 'object':
        return this.#fields([Tag.object], value as object, number)
      case 'bare':
        return this.#fields([Tag.bare], value as object, number)
      case 'array':
        return this.#array(value as unknown[], number)
      case 'map':
        return this.#map(value as Map<unknown, unknown>, number)
      case 'set':
        return this.#set(value as Set<unknown>, number)
      case 'error':
        return this.#error(value as Error, number)
      case 'date':
        return this.#nothingElse(value as Date, number, [Tag.date, (value as Date).getTime()])
      case 'regexp': {
        const { source, flags, lastIndex } = value as RegExp
        const node: Node = [Tag.regexp, JSON.stringify(source), flags, lastIndex]
        return this.#nothingElse(value as RegExp, number, node)
      }
      case 'bytes':
        return [Tag.bytes, this.#part(new Uint8Array(value as ArrayBuffer))]
      case 'buffer':
        return [Tag.buffer, this.#part(value as Buffer)]
      case 'view': {
        const { buffer, byteOffset, byteLength } = value as ArrayBufferView
        const name = Object.getPrototypeOf(value).constructor.name
        return [Tag.view, this.#part(new Uint8Array(buffer, byteOffset, byteLength)), name]
      }
    }
  }

  #primitive(value: unknown): Node {
    if (typeof value === 'bigint') return [Tag.bigint, value.toString(16)]
    if (typeof value === 'string') return [Tag.string, JSON.stringify(value)]
    return [Tag.negativeZero]
  }

  #part(bytes: Uint8Array): number {
    this.#bytes.push(bytes)
    return bytes.length
  }

  #array(value: unknown[], number: number): Node {
    const keys = Object.keys(value)
    // Elements come first, in order: if the last key is the last index, and none is missing, there is nothing else.
    const dense =
      keys.length === value.length && (keys.length === 0 || keys.at(-1) === String(value.length - 1))
    if (!dense) return this.#fields([Tag.sparse, value.length], value, number, keys)
    const node: Node = [Tag.array]
    for (let i = 0; i < value.length; i++) node.push(this.#own(value[i], number, i))
    return this.#symbols(value, number, node)
  }

  #map(value: Map<unknown, unknown>, number: number): Node {
    const node: Node = [Tag.map]
    let i = 0
    for (const [key, held] of value) {
      const keyCell = this.#cell(key, number, i++)
      const cell = this.#cell(held, number, i++)
      if (keyCell !== LEFT_OUT && cell !== LEFT_OUT) node.push(keyCell, cell)
    }
    return this.#nothingElse(value, number, node)
  }

  #set(value: Set<unknown>, number: number): Node {
    const node: Node = [Tag.set]
    let i = 0
    for (const held of value) {
      const cell = this.#cell(held, number, i++)
      if (cell !== LEFT_OUT) node.push(cell)
    }
    return this.#nothingElse(value, number, node)
  }

  #error(error: Error, number: number): Node {
    const { className, base, hidden, keys } = errorParts(error)
    const cells: Cell[] = []
    for (const [key, value] of hidden) {
      const cell = this.#cell(value, number, key)
      if (cell !== LEFT_OUT) cells.push(key, cell)
    }
    return this.#fields([Tag.error, className, base, cells], error, number, keys)
  }

  #fields(node: Node, value: object, number: number, keys = Object.keys(value)): Node {
    for (const key of keys) {
      if (key === '__proto__') {
        this.#refuse(number, key, 'is refused as a key')
        continue
      }
      const cell = this.#property(value, key, number)
      if (cell !== LEFT_OUT) node.push(this.#own(key, number, key), cell)
    }
    return this.#symbols(value, number, node)
  }

  #property(value: object, key: string, number: number): Cell | typeof LEFT_OUT {
    let held: unknown
    try {
      held = (value as Record<string, unknown>)[key]
    } catch (error) {
      if (this.#options.lenient) return LEFT_OUT
      throw error
    }
    return this.#cell(held, number, key)
  }

  /** A cell in a place that cannot be left out. */
  #own(value: unknown, number: number, part: Part): Cell {
    const cell = this.#cell(value, number, part)
    return cell === LEFT_OUT ? undefined : cell
  }

  /** Properties that somebody gave to a Map or a Date would be lost. */
  #nothingElse(value: object, number: number, node: Node): Node {
    const [key] = Object.keys(value)
    if (key !== undefined)
      this.#refuse(number, key, `is a property of ${describe(value)}, which carries none`)
    return this.#symbols(value, number, node)
  }

  #symbols(value: object, number: number, node: Node): Node {
    const symbols = Object.getOwnPropertySymbols(value)
    if (symbols.length === 0) return node
    // Node hides marks of its own on its errors.
    const found = isError(value)
      ? symbols.find(symbol => Object.prototype.propertyIsEnumerable.call(value, symbol))
      : symbols[0]
    if (found)
      this.#refuse(
        this.#parents[number] as number,
        this.#parts[number] as Part,
        `has a symbol as a key: ${String(found)}`,
      )
    return node
  }

  #refuse(parent: number, part: Part, why: string): typeof LEFT_OUT {
    if (this.#options.lenient) return LEFT_OUT
    throw new TypeError(`${this.#options.call}: ${this.#path(parent, part)} ${why}`)
  }

  #path(parent: number, part: Part): string {
    let text = ''
    let last = part
    for (let at = parent; at >= 0; at = this.#parents[at] as number) {
      text = step(this.#values[at] as object, last) + text
      last = this.#parts[at] as Part
    }
    const { root } = this.#options
    // Deep paths would bury what the message says.
    if (text.length > 500) text = `${text.slice(0, 240)} … ${text.slice(-240)}`
    return root + (root === '' ? text.replace(/^\./, '') : text) || 'the value'
  }
}
