import { Tag } from './value-graph.ts'

/**
 * Whether two values are equal, as far as their tables (value-graph.ts) say so without being decoded: they are if they are made
 * of the same bytes but for the order in Sets and Maps, and are not if sums over what has no order differ. Undefined: this does
 * not tell, since keys of objects come in another order, or there is something in them that is compared in its own way.
 */
export function equalGraphs(a: Uint8Array, b: Uint8Array): boolean | undefined {
  const classes = new Map<string, number>()
  const one = new Table(a, classes).read()
  const other = one && new Table(b, classes).read()
  if (!one || !other) return undefined
  if (one.sum !== other.sum) return false
  return one.class === other.class ? true : undefined
}

interface Known {
  /** The same for nodes that are the same but for the order in Sets and Maps, and for no others. */
  class: number
  /** The same for nodes that are equal. */
  sum: number
}

class Table {
  readonly #bytes: Buffer
  readonly #classes: Map<string, number>
  readonly #nodes: Known[] = []
  #at = 0

  /** `bytes`: msgpack of the table. */
  constructor(bytes: Uint8Array, classes: Map<string, number>) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#classes = classes
  }

  /** Node 0, which is the value. */
  read(): Known | undefined {
    const count = this.#arrayLength()
    const starts: number[] = []
    // Where each node is: what it holds is looked at first, and that comes behind it.
    for (let i = 0; i < count; i++) {
      starts.push(this.#at)
      let left = this.#arrayLength()
      if (left < 1) return undefined
      for (; left > 0; left--) {
        if (this.#isReference()) this.#at++
        if (!this.#skip()) return undefined
      }
    }
    if (this.#at !== this.#bytes.length) return undefined
    for (let i = count - 1; i >= 0; i--) {
      this.#at = starts[i] as number
      const known = this.#node(i)
      if (!known) return undefined
      this.#nodes[i] = known
    }
    return this.#nodes[0]
  }

  #node(number: number): Known | undefined {
    const start = this.#at
    const cells = this.#arrayLength() - 1
    const tag = this.#bytes[this.#at++] as number
    const group = groups[tag]
    if (group === undefined || (group > 0 && cells % group !== 0)) return undefined
    let sum = mix(tag, cells)
    const isLoose = tag === Tag.set || tag === Tag.map
    const parts: string[] = []
    // Bytes from here on are not in `text` yet: a node is told by its bytes, with classes in place of the numbers of nodes.
    let from = start
    let text = ''
    for (let i = 0; i < cells; ) {
      const first = this.#at
      let own = 17
      if (isLoose) text = ''
      if (isLoose) from = first
      const many = group === 0 ? cells : group
      for (let k = 0; k < many; k++, i++) {
        const begin = this.#at
        if (!this.#isReference()) {
          this.#skip()
          own = this.#add(begin, own)
          continue
        }
        const held = this.#reference()
        // One that comes before holds this one, or is shared.
        if (held === undefined || held <= number) return undefined
        const known = this.#nodes[held]
        if (!known) return undefined
        own = mix(own, known.sum)
        text += `${this.#bytes.toString('latin1', from, begin)}\x91${known.class};`
        from = this.#at
      }
      // In an array each cell has its place; groups of others are in no order.
      sum = group === 1 && !isLoose ? mix(sum, own) : (sum + mix(own, 31)) | 0
      if (isLoose) parts.push(text + this.#bytes.toString('latin1', from, this.#at))
    }
    const said = isLoose
      ? `${tag}:${parts.sort().join('')}`
      : text + this.#bytes.toString('latin1', from, this.#at)
    let known = this.#classes.get(said)
    if (known === undefined) {
      known = this.#classes.size
      this.#classes.set(said, known)
    }
    return { class: known, sum }
  }

  /** Adds what lies between `start` and here. */
  #add(start: number, to: number): number {
    let sum = to
    for (let i = start; i < this.#at; i++) sum = Math.imul(sum ^ (this.#bytes[i] as number), 0x01000193)
    return sum
  }

  #isReference(): boolean {
    return this.#bytes[this.#at] === ONE
  }

  #reference(): number | undefined {
    const bytes = this.#bytes
    const token = bytes[++this.#at] as number
    const at = this.#at + 1
    this.#skip()
    if (token < 0x80) return token
    if (token === 0xcc) return bytes[at]
    if (token === 0xcd) return bytes.readUInt16BE(at)
    return token === 0xce ? bytes.readUInt32BE(at) : undefined
  }

  /** The length of the array that begins here; -1: there is none. */
  #arrayLength(): number {
    const bytes = this.#bytes
    const token = bytes[this.#at++] as number
    if (token >= 0x90 && token < 0xa0) return token & 0x0f
    this.#at += token === 0xdc ? 2 : 4
    if (this.#at > bytes.length) return -1
    if (token === 0xdc) return bytes.readUInt16BE(this.#at - 2)
    return token === 0xdd ? bytes.readUInt32BE(this.#at - 4) : -1
  }

  /** Goes past a primitive; false: there is none here. */
  #skip(): boolean {
    const bytes = this.#bytes
    const token = bytes[this.#at++]
    if (token === undefined) return false
    if (token < 0x80 || token >= 0xe0) return true
    if (token < 0xa0) return false
    if (token < 0xc0) this.#at += token & 0x1f
    else if (token >= 0xd9 && token <= 0xdb) {
      const width = 1 << (token - 0xd9)
      if (this.#at + width > bytes.length) return false
      this.#at += width + bytes.readUIntBE(this.#at, width)
    } else {
      const width = widths.get(token)
      if (width === undefined) return false
      this.#at += width
    }
    return this.#at <= bytes.length
  }
}

/** An array of one element, in msgpack: a cell that is the number of a node. */
const ONE = 0x91

/** Bytes behind the tokens of primitives; 0xd4 stands for undefined. */
const widths = new Map([
  ...[0xc0, 0xc2, 0xc3].map((token): [number, number] => [token, 0]),
  [0xca, 4],
  [0xcb, 8],
  ...[0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3].map((token): [number, number] => [
    token,
    1 << (token & 3),
  ]),
  [0xd4, 2],
])

/** By tag: how many cells belong together; 0: all of them. Other nodes are compared in ways of their own. */
const groups: Record<number, number | undefined> = {
  [Tag.inline]: 0,
  [Tag.negativeZero]: 0,
  [Tag.bigint]: 0,
  [Tag.string]: 0,
  [Tag.date]: 0,
  [Tag.regexp]: 0,
  [Tag.array]: 1,
  [Tag.set]: 1,
  [Tag.object]: 2,
  [Tag.bare]: 2,
  [Tag.map]: 2,
}

const mix = (one: number, other: number): number => {
  const mixed = Math.imul(one ^ other ^ (other >>> 15), 0x85ebca6b)
  return Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) | 0
}
