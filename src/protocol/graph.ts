/// <reference lib="es2024.string" />
import { describe } from './describe.ts'
import { classNames, hide, isKnownClass, makeError } from './errors.ts'

// A value that is no plain tree, as a table: each object, and each primitive that msgpack would not keep exactly,
// is a node [tag, ...]; a cell is a primitive as it is, or [number of a node]. Node 0 is the value.

type Cell = null | undefined | boolean | number | string | [node: number]
type Node = [tag: string, ...parts: unknown[]]

/** Levels of objects within objects. */
export const DEEPEST = 1000

export interface GraphOptions {
  call: string
  root: string
  /** For errors on their way: what is no data is left out instead of refused. */
  lenient?: boolean
}

const TypedArrays = [
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
  Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView,
] as const // biome-ignore format: a list

type View = { new (buffer: ArrayBuffer): ArrayBufferView; name: string; prototype: object }
const viewClasses = new Map<object, View>(TypedArrays.map(one => [one.prototype, one as unknown as View]))
const viewsByName = new Map<string, View>(TypedArrays.map(one => [one.name, one as unknown as View]))

interface Origin {
  value: unknown
  parent: number
  part: string
  depth: number
}

export function toGraph(value: unknown, options: GraphOptions): Node[] {
  const nodes: Node[] = []
  const origins: Origin[] = []
  const numbers = new Map<unknown, number>()

  const path = (parent: number, part: string): string => {
    let text = part
    for (let at = parent; at >= 0; at = (origins[at] as Origin).parent)
      text = (origins[at] as Origin).part + text
    return text || 'the value'
  }
  const refuse = (parent: number, part: string, why: string): Cell => {
    if (options.lenient) return undefined
    throw new TypeError(`${options.call}: ${path(parent, part)} ${why}`)
  }
  const cell = (held: unknown, parent: number, part: string): Cell => {
    switch (typeof held) {
      case 'undefined':
      case 'boolean':
        return held
      case 'number':
        if (!Object.is(held, -0)) return held
        break
      case 'string':
        if (held.isWellFormed()) return held
        break
      case 'bigint':
        break
      case 'object':
        if (held === null) return null
        break
      default:
        return refuse(parent, part, `is ${describe(held)}`)
    }
    const found = numbers.get(held)
    if (found !== undefined && typeof held === 'object') return [found]
    const depth = parent < 0 ? 0 : (origins[parent] as Origin).depth + 1
    if (depth > DEEPEST) return refuse(parent, part, `is nested deeper than ${DEEPEST} levels`)
    if (typeof held === 'object' && !isData(held as object, options.lenient === true))
      return refuse(parent, part, `is ${describe(held)}`)
    const number = origins.push({ value: held, parent, part, depth }) - 1
    numbers.set(held, number)
    return [number]
  }

  const root = cell(value, -1, options.root)
  if (!Array.isArray(root)) return [['p', root]]
  for (let number = 0; number < origins.length; number++) {
    const { value: held } = origins[number] as Origin
    const inside = (child: unknown, part: string) => cell(child, number, part)
    nodes.push(
      typeof held === 'object'
        ? objectNode(held as object, inside, refuse.bind(null, number))
        : primitiveNode(held),
    )
  }
  return nodes
}

function isData(value: object, lenient: boolean): boolean {
  const prototype = Object.getPrototypeOf(value)
  if (value instanceof Error) return lenient || isKnownClass(value)
  return (
    prototype === null ||
    isPlainPrototype(prototype) ||
    prototype === Array.prototype ||
    prototype === Map.prototype ||
    prototype === Set.prototype ||
    prototype === Date.prototype ||
    prototype === RegExp.prototype ||
    prototype === ArrayBuffer.prototype ||
    prototype === Buffer.prototype ||
    viewClasses.has(prototype)
  )
}

/** Object.prototype, of this realm or, as test runners have them, another one. */
export const isPlainPrototype = (prototype: object): boolean =>
  prototype === Object.prototype ||
  (Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'isPrototypeOf') &&
    Object.hasOwn(prototype, '__proto__'))

function primitiveNode(value: unknown): Node {
  if (typeof value === 'bigint') return ['i', value.toString(16)]
  if (typeof value === 'string') return ['u', Buffer.from(value, 'utf16le')]
  return ['z']
}

type Inside = (child: unknown, part: string) => Cell

function objectNode(value: object, inside: Inside, refuse: (part: string, why: string) => Cell): Node {
  const fields = (keys: string[]): [string[], Cell[]] => {
    const symbol = Object.getOwnPropertySymbols(value)[0]
    if (symbol) refuse('', `has the key ${String(symbol)}; keys are strings`)
    if (Object.hasOwn(value, '__proto__')) refuse('.__proto__', 'is refused as a key')
    const kept = keys.filter(key => key !== '__proto__')
    return [kept, kept.map(key => inside((value as Record<string, unknown>)[key], partName(key)))]
  }
  if (Array.isArray(value)) {
    const keys = Object.keys(value)
    if (keys.length === value.length) return ['a', ...Array.from(value, (held, i) => inside(held, `[${i}]`))]
    return ['A', value.length, ...fields(keys)]
  }
  if (value instanceof Map) {
    let i = 0
    const cells: Cell[] = []
    for (const [key, held] of value) {
      cells.push(inside(key, `.keys()[${i}]`), inside(held, `.values()[${i}]`))
      i++
    }
    return ['m', cells]
  }
  if (value instanceof Set) return ['s', Array.from(value, (held, i) => inside(held, `.values()[${i}]`))]
  if (value instanceof Date) return ['d', value.getTime()]
  if (value instanceof RegExp) return ['r', value.source, value.flags, value.lastIndex]
  if (value instanceof Error) {
    const hidden = ['cause', 'errors'].filter(key => Object.hasOwn(value, key))
    const keys = Object.keys(value).filter(key => !['name', 'message', 'stack', ...hidden].includes(key))
    const { name, message, stack } = value
    return [
      'e',
      classNames(value),
      String(name),
      String(message),
      stack === undefined ? null : String(stack),
      ...fields(keys),
      ...fields(hidden),
    ]
  }
  if (value instanceof ArrayBuffer) return ['b', Buffer.from(value)]
  if (Buffer.isBuffer(value)) return ['B', value]
  if (ArrayBuffer.isView(value)) {
    const { name } = viewClasses.get(Object.getPrototypeOf(value)) as View
    return ['t', name, Buffer.from(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength)]
  }
  return [Object.getPrototypeOf(value) === null ? 'n' : 'o', ...fields(Object.keys(value))]
}

const partName = (key: string): string =>
  /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`

const malformed = () => new TypeError('malformed bytes: not a value')

export function fromGraph(table: unknown): unknown {
  if (!Array.isArray(table) || table.length === 0 || !table.every(Array.isArray)) throw malformed()
  const nodes = table as Node[]
  if (nodes[0]?.[0] === 'p') return nodes[0][1]
  // All objects first, then what they hold: so that cycles close.
  const values = nodes.map(empty)
  const read = (cell: unknown): unknown => {
    if (!Array.isArray(cell)) return cell
    if (!((cell[0] as number) in values)) throw malformed()
    return values[cell[0] as number]
  }
  for (const [i, node] of nodes.entries()) fill(values[i], node, read)
  return values[0]
}

function empty([tag, ...parts]: Node): unknown {
  switch (tag) {
    case 'a':
      return []
    case 'A':
      return []
    case 'o':
      return {}
    case 'n':
      return Object.create(null)
    case 'm':
      return new Map()
    case 's':
      return new Set()
    case 'd':
      return new Date(parts[0] as number)
    case 'r': {
      const regexp = new RegExp(parts[0] as string, parts[1] as string)
      regexp.lastIndex = parts[2] as number
      return regexp
    }
    case 'e':
      return makeError(
        parts[0] as string[],
        parts[1] as string,
        parts[2] as string,
        parts[3] as string | null,
      )
    case 'b':
      return copyBytes(parts[0])
    case 'B':
      return Buffer.from(copyBytes(parts[0]))
    case 't': {
      const View = viewsByName.get(parts[0] as string)
      if (!View) throw malformed()
      return new View(copyBytes(parts[1]))
    }
    case 'i':
      return parseHex(parts[0] as string)
    case 'u':
      return Buffer.from(parts[0] as Uint8Array).toString('utf16le')
    case 'z':
      return -0
    default:
      throw malformed()
  }
}

function fill(value: unknown, [tag, ...parts]: Node, read: (cell: unknown) => unknown): void {
  const fields = (keys: unknown, cells: unknown, set: (key: string, held: unknown) => void) => {
    if (!Array.isArray(keys) || !Array.isArray(cells)) throw malformed()
    for (const [i, key] of keys.entries()) {
      if (typeof key !== 'string' || key === '__proto__') throw malformed()
      set(key, read(cells[i]))
    }
  }
  const assign = (key: string, held: unknown) => {
    ;(value as Record<string, unknown>)[key] = held
  }
  if (tag === 'a') for (const cell of parts) (value as unknown[]).push(read(cell))
  else if (tag === 'A') {
    ;(value as unknown[]).length = parts[0] as number
    fields(parts[1], parts[2], assign)
  } else if (tag === 'o' || tag === 'n') fields(parts[0], parts[1], assign)
  else if (tag === 'm') {
    const cells = parts[0] as unknown[]
    for (let i = 0; i < cells.length; i += 2)
      (value as Map<unknown, unknown>).set(read(cells[i]), read(cells[i + 1]))
  } else if (tag === 's') for (const cell of parts[0] as unknown[]) (value as Set<unknown>).add(read(cell))
  else if (tag === 'e') {
    fields(parts[4], parts[5], assign)
    fields(parts[6], parts[7], (key, held) => hide(value as Error, key, held))
  }
}

function copyBytes(bytes: unknown): ArrayBuffer {
  if (!(bytes instanceof Uint8Array)) throw malformed()
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
}

function parseHex(text: string): bigint {
  return text.startsWith('-') ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`)
}
