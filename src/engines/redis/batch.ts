import { encode } from '../../protocol/frames.ts'
import { Ask, type Entry } from '../../protocol/messages.ts'
import { checkKey, type Wire } from '../../protocol/values.ts'
import { ABSENT, type Author, type Commit } from '../../store/commit.ts'

// What the commit script is given (see scripts.ts), as the bytes that go to Redis. Of it, start and entry are the two halves of
// a WireCommit, between which the script puts the time; the rest is for the hash. The client library would do this argument by
// argument, each a Buffer of its own.

const Kind = { put: 0, stepped: 1, delete: 2, clear: 3, tied: 4 } as const
const CLEARED = Uint8Array.of(0x90)
const IDENTICAL = { null: 0xc0, false: 0xc2, true: 0xc3 }
// For the number of arguments, which is known last.
const BEFORE = 14
// Bytes: what was needed for a commit larger than this is not kept.
const LARGE = 64 << 10

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
}

/** The commits that are made together, each its own. */
export class Batch {
  readonly #out = new Bytes(512, BEFORE)
  // Of the commit that is being written.
  readonly #entry = entry
  readonly #keys = keys
  // The command, script, number of keys and log; and the order.
  #args = 4 + 5
  #count = 0

  /** `target`: how the command begins, see `targetOf`; `limit`: commits that are kept. */
  constructor({ writer, number, expected, must = false, hold = 0 }: Order, limit: string, target: string) {
    const asked = must || hold ? Buffer.from(encode([must, hold])).toString('latin1') : ''
    const known = `$${expected.length}\r\n${expected}\r\n$${limit.length}\r\n${limit}\r\n`
    this.#out.text(
      `${target}$${writer.length + 2}\r\nd:${writer}\r\n${numbered(number)}${known}$${asked.length}\r\n${asked}\r\n`,
    )
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** The command. */
  done(): Buffer {
    const count = `*${this.#args}\r\n`
    const { bytes, length } = this.#out
    bytes.write(count, BEFORE - count.length, 'latin1')
    return bytes.subarray(BEFORE - count.length, length)
  }

  /** A commit whose effect is known without reading anything. */
  blind(author: Author, kind: number, first: unknown, second: unknown): void {
    if (kind === Ask.set || kind === Ask.setEphemeral) {
      this.#begin(null, 1)
      this.#put(first as string, second as Wire, kind === Ask.set ? Kind.put : Kind.tied)
      this.#end(author, 'set', 1)
    } else if (kind === Ask.clear) {
      this.#begin(null, 1)
      this.#clear()
      this.#end(author, 'clear', 1)
    } else {
      const entries = first as Entry[]
      const replaces = kind === Ask.replace
      const changes = entries.length + (replaces ? 1 : 0)
      this.#begin(null, changes)
      if (replaces) this.#clear()
      for (const [key, value] of entries) this.#put(checked(key), value)
      this.#end(author, replaces ? 'set' : 'update', changes)
    }
  }

  /** A commit that was made on a copy of the state. */
  made({ author, method, identical, changes }: Commit): void {
    this.#begin(identical, changes.length)
    for (const change of changes) {
      if (change.key === null) this.#clear()
      else if (change.after === ABSENT) {
        this.#key(Kind.delete, change.key)
        this.#entry.bytesOf(encode([change.key]))
      } else if (change.steps) {
        const { key, steps, after } = change
        this.#key(Kind.stepped, key)
        this.#keys.argument(encode(after))
        this.#args++
        this.#entry.bytesOf(encode([key, null, steps]))
      } else this.#put(change.key, change.after)
    }
    this.#end(author, method, changes.length)
  }

  #begin(identical: boolean | null, changes: number): void {
    this.#entry.clear()
    this.#keys.clear()
    this.#entry.byte(IDENTICAL[`${identical}`])
    if (changes < 16) this.#entry.byte(0x90 | changes)
    else this.#entry.sized(0xdd, changes)
  }

  #end(author: Author, method: string, changes: number): void {
    this.#count++
    this.#args += 3
    this.#out.argument(headOf(author, method))
    this.#out.text(`$${this.#entry.length}\r\n`)
    this.#out.all(this.#entry)
    this.#out.text(`\r\n${numbered(changes)}`)
    this.#out.all(this.#keys)
  }

  #put(key: string, value: Wire, kind: number = Kind.put): void {
    this.#key(kind, key)
    const entry = this.#entry
    const length = Buffer.byteLength(key)
    entry.byte(0x92)
    if (length < 32) entry.byte(0xa0 | length)
    else entry.sized(0xdb, length)
    entry.text(key, 'utf8', length)
    const from = entry.length + 1
    entry.bytesOf(encode(value))
    this.#keys.text(numbered(from) + numbered(entry.length))
    this.#args += 2
  }

  #clear(): void {
    this.#key(Kind.clear, '')
    this.#entry.bytesOf(CLEARED)
  }

  #key(kind: number, key: string): void {
    const length = Buffer.byteLength(key)
    const head = `$1\r\n${kind}\r\n$${length}\r\n`
    this.#keys.text(`${head}${key}\r\n`, 'utf8', head.length + length + 2)
    this.#args += 2
  }
}

/** Bytes that grow. */
class Bytes {
  bytes: Buffer
  length: number

  constructor(size: number, length = 0) {
    this.bytes = Buffer.allocUnsafe(size)
    this.length = length
  }

  clear(): void {
    this.length = 0
    if (this.bytes.length > LARGE) this.bytes = Buffer.allocUnsafe(256)
  }

  byte(byte: number): void {
    this.#room(1)
    this.bytes[this.length++] = byte
  }

  /** The start of something in msgpack that is as long as this. */
  sized(kind: number, size: number): void {
    this.byte(kind)
    this.#room(4)
    this.length = this.bytes.writeUInt32BE(size, this.length)
  }

  text(text: string, encoding: 'latin1' | 'utf8' = 'latin1', length = text.length): void {
    this.#room(length)
    this.bytes.write(text, this.length, encoding)
    this.length += length
  }

  bytesOf(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  all({ bytes, length }: Bytes): void {
    this.#room(length)
    bytes.copy(this.bytes, this.length, 0, length)
    this.length += length
  }

  argument(bytes: Uint8Array): void {
    this.text(`$${bytes.length}\r\n`)
    this.bytesOf(bytes)
    this.text('\r\n')
  }

  #room(length: number): void {
    if (this.length + length <= this.bytes.length) return
    const bytes = Buffer.allocUnsafe(2 * (this.length + length))
    this.bytes.copy(bytes, 0, 0, this.length)
    this.bytes = bytes
  }
}

// A commit is written in one go, so that one of each will do.
const entry = new Bytes(256)
const keys = new Bytes(256)

/** How a Batch for this namespace begins. */
export const targetOf = (sha: string, log: string): string =>
  `$7\r\nevalsha\r\n$${sha.length}\r\n${sha}\r\n$1\r\n1\r\n$${log.length}\r\n${log}\r\n`

const numbered = (number: number): string => {
  const digits = `${number}`
  return `$${digits.length}\r\n${digits}\r\n`
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

function checked(key: string): string {
  checkKey(key, 'commit')
  return key
}
