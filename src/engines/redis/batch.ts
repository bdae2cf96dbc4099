import { encode } from '../../protocol/frames.ts'
import { Ask, type Entry } from '../../protocol/messages.ts'
import { checkKey, type Wire } from '../../protocol/values.ts'
import { ABSENT, type Author, type Commit } from '../../store/commit.ts'

// What the commit script reads: one msgpack array (see scripts.ts). Of it, head, stamp, tail and what is said of each key
// become a WireCommit in the stream; the rest is for the hash. All of it is binary, which msgpack as Redis reads it has
// only as text: hence this writer instead of `encode`.

const Kind = { put: 0, stepped: 1, delete: 2, clear: 3, tied: 4 } as const
const NOTHING = new Uint8Array()
const CLEARED = Uint8Array.of(0x90)
const IDENTICAL = { null: 0xc0, false: 0xc2, true: 0xc3 }

/** What is asked of the commit script besides the commits. */
export interface Order {
  writer: string
  /** The writer's number for this batch; 0: it has no commits. */
  number: number
  /** The id of the newest commit that the batch builds on; '': it does not matter. */
  expected: string
  /** true: only while the writer has the namespace to itself; a text: only while that session lasts. */
  must?: boolean | string
  /** Milliseconds for which the writer has the namespace to itself from now on; -1: no more. */
  hold?: number
  /** The same, if there are other commits than expected. */
  slice?: number
}

/** The commits that are made together, each its own. */
export class Batch {
  #bytes = Buffer.allocUnsafe(512)
  #length = 5
  #parts = 0
  #count = 0

  constructor({ writer, number, expected, must = false, hold = 0, slice = 0 }: Order, limit: number) {
    this.#word(writer)
    this.#number(number)
    this.#word(expected)
    this.#word(limit === Number.POSITIVE_INFINITY ? '9007199254740991' : `${limit}`)
    if (typeof must === 'string') this.#word(must)
    else this.#number(must ? 1 : 0)
    this.#number(hold)
    this.#number(slice)
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** The bytes for the script. */
  done(): Buffer {
    this.#bytes[0] = 0xdd
    this.#bytes.writeUInt32BE(this.#parts, 1)
    return this.#bytes.subarray(0, this.#length)
  }

  /** A commit whose effect is known without reading anything. */
  blind(author: Author, kind: number, first: unknown, second: unknown): void {
    if (kind === Ask.set || kind === Ask.setEphemeral) {
      this.#begin(author, 'set', null, 1)
      this.#put(first as string, second as Wire, kind === Ask.set ? Kind.put : Kind.tied)
    } else if (kind === Ask.clear) {
      this.#begin(author, 'clear', null, 1)
      this.#key(Kind.clear, '', CLEARED, NOTHING)
    } else {
      const entries = first as Entry[]
      const replaces = kind === Ask.replace
      this.#begin(author, replaces ? 'set' : 'update', null, entries.length + (replaces ? 1 : 0))
      if (replaces) this.#key(Kind.clear, '', CLEARED, NOTHING)
      for (const [key, value] of entries) this.#put(checked(key), value)
    }
  }

  /** A commit that was made on a copy of the state. */
  made({ author, method, identical, changes }: Commit): void {
    this.#begin(author, method, identical, changes.length)
    for (const change of changes) {
      if (change.key === null) this.#key(Kind.clear, '', CLEARED, NOTHING)
      else if (change.after === ABSENT) this.#key(Kind.delete, change.key, encode([change.key]), NOTHING)
      else if (change.steps) {
        const { key, steps, after } = change
        this.#key(Kind.stepped, key, encode([key, null, steps]), encode(after))
      } else this.#put(change.key, change.after)
    }
  }

  #begin(author: Author, method: string, identical: boolean | null, changes: number): void {
    this.#count++
    this.#text(headOf(author, method))
    const tail =
      changes < 16
        ? Uint8Array.of(IDENTICAL[`${identical}`], 0x90 | changes)
        : Uint8Array.of(IDENTICAL[`${identical}`], 0xdd, ...bytesOf(changes))
    this.#text(tail)
    this.#number(changes)
  }

  #put(key: string, value: Wire, kind: number = Kind.put): void {
    const length = Buffer.byteLength(key)
    const said =
      length < 32 ? Uint8Array.of(0x92, 0xa0 | length) : Uint8Array.of(0x92, 0xdb, ...bytesOf(length))
    this.#key(kind, key, said, encode(value))
  }

  #key(kind: number, key: string, said: Uint8Array, value: Uint8Array): void {
    this.#number(kind)
    this.#word(key)
    this.#text(said)
    this.#text(value)
  }

  #word(text: string): void {
    const length = Buffer.byteLength(text)
    this.#header(length)
    this.#bytes.write(text, this.#length)
    this.#length += length
  }

  #text(bytes: Uint8Array): void {
    this.#header(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #header(length: number): void {
    this.#room(length + 5)
    this.#parts++
    if (length < 32) this.#bytes[this.#length++] = 0xa0 | length
    else {
      this.#bytes[this.#length] = 0xdb
      this.#length = this.#bytes.writeUInt32BE(length, this.#length + 1)
    }
  }

  #number(value: number): void {
    this.#room(5)
    this.#parts++
    if (value < 128) this.#bytes[this.#length++] = value < 0 ? 0x100 + value : value
    else {
      this.#bytes[this.#length] = 0xce
      this.#length = this.#bytes.writeUInt32BE(value, this.#length + 1)
    }
  }

  #room(length: number): void {
    if (this.#length + length <= this.#bytes.length) return
    const bytes = Buffer.allocUnsafe(2 * (this.#length + length))
    bytes.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = bytes
  }
}

const heads = new WeakMap<Author, Map<string, Uint8Array>>()

/** The start of a WireCommit, up to its time. */
export function headOf(author: Author, method: string): Uint8Array {
  let known = heads.get(author)
  if (!known) {
    known = new Map()
    heads.set(author, known)
  }
  let head = known.get(method)
  if (!head) {
    const { session, state, pid, name } = author
    head = Buffer.concat([
      Uint8Array.of(0x98),
      ...[session, state, pid, name, method].map(part => Buffer.from(encode(part))),
    ])
    known.set(method, head)
  }
  return head
}

const bytesOf = (length: number): Uint8Array => {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(length)
  return bytes
}

function checked(key: string): string {
  checkKey(key, 'commit')
  return key
}
