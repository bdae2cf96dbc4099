import { encode } from '../../protocol/frames.ts'
import { Ask } from '../../protocol/kinds-of-requests.ts'
import type { Entry, WireLease } from '../../protocol/messages.ts'
import { checkKey, type Wire } from '../../protocol/values.ts'
import { ABSENT, type Author } from '../../store/commit.ts'
import { headOf, latin1 } from './heads.ts'
import { keptLease } from './presence.ts'
import { markOfRead, type Reads } from './reads.ts'
import type { TrialCommit } from './replica.ts'
import type { BlindCall } from './write.ts'

// What the commit script is given (see scripts.ts), as the bytes that go to Redis. Of it, start and entry are the two halves of
// a WireCommit, between which the script puts the time; the rest is for the hash. The client library would do this argument by
// argument, each a Buffer of its own.

// `leased`: with a lease of its own; `kept`: with the one that it has, if any.
const Kind = { put: 0, stepped: 1, delete: 2, clear: 3, leased: 4, kept: 5 } as const
const CLEARED = Uint8Array.of(0x90)
const IDENTICAL = { null: 0xc0, false: 0xc2, true: 0xc3 }
// For the number of arguments, which is known last.
const BEFORE = 14
const NOTHING = '$0\r\n\r\n'
// Bytes: what was needed for a commit larger than this is not kept.
const LARGE = 64 << 10

/** What is asked of the commit script besides the commits. */
export interface Order {
  writer: string
  /** The writer's number for this batch; 0: it has no commits. */
  number: number
  /** The id of the newest commit that the batch builds on; '': it does not matter. */
  expected: string
  /** What it builds on if there are newer ones; undefined: on the whole state. */
  reads?: Reads | undefined
  /** Nobody else is likely to have committed: what was read is not said, so that, if somebody has, the script finds other values. */
  isAlone?: boolean
  /** true: only while the writer has the namespace to itself; a text: only while that session lasts. */
  must?: boolean | string
  /** Milliseconds for which the writer has the namespace to itself from now on; -1: no more. */
  hold?: number
}

/** The commits that are made together, each its own. */
export class Batch {
  readonly #out = new Bytes(512, BEFORE)
  // What comes next in it, as far as it is text: to write that costs more by the piece than by the byte.
  #text: string
  // Of the commit that is being written: its entry, and what is said of its keys.
  readonly #entry = entry
  #keys = ''
  // The command, script, number of keys and log; and the order.
  #args = 4 + 6
  #count = 0

  /** `target`: how the command begins, see `targetOf`; `limit`: commits that are kept. */
  constructor(
    { writer, number, expected, reads, isAlone = false, must = false, hold = 0 }: Order,
    limit: string,
    target: string,
  ) {
    const asked = must || hold ? Buffer.from(encode([must || false, hold])).toString('latin1') : ''
    const known = argument(expected) + argument(limit)
    this.#text = `${target}${argument(`d:${writer}`)}${ordered(number)}${known}${argument(asked)}`
    if (reads) this.#reads(reads, isAlone)
    else this.#text += NOTHING
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** The command. */
  done(): Buffer {
    this.#write()
    const count = `*${this.#args}\r\n`
    const { bytes, length } = this.#out
    bytes.write(count, BEFORE - count.length, 'latin1')
    return bytes.subarray(BEFORE - count.length, length)
  }

  /** A commit whose effect is known without reading anything. `session`: the one that an ephemeral key is tied to. */
  blind(author: Author, { kind, first, second, lease }: BlindCall, session: string): void {
    if (kind === Ask.set) {
      this.#begin(null, 1)
      this.#put(checked(first as string), second as Wire, lease ? Kind.leased : Kind.put)
      if (lease) this.#lease(author, lease, session)
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
  made({ author, method, identical, changes, lease, blind }: TrialCommit, session = ''): void {
    if (blind) return this.blind(author, blind, session)
    this.#begin(identical, changes.length)
    for (const change of changes) {
      if (change.key === null) this.#clear()
      else if (change.after === ABSENT) {
        this.#key(Kind.delete, change.key)
        this.#entry.bytesOf(encode([change.key]))
      } else if (change.steps) {
        const { key, steps, after } = change
        this.#key(Kind.stepped, key)
        const bytes = encode(after)
        this.#keys += `$${bytes.length}\r\n${latin1(bytes)}\r\n`
        this.#args++
        this.#entry.bytesOf(encode([key, null, steps]))
      } else
        this.#put(change.key, change.after, lease ? Kind.leased : method === 'atomic' ? Kind.kept : Kind.put)
    }
    if (lease) this.#lease(author, lease, session)
    this.#end(author, method, changes.length)
  }

  /** How many keys, these, and what is to be found at each. */
  #reads({ all }: Reads, isAlone: boolean): void {
    let text = numbered(all.length)
    for (const { key } of all) text += argument(bytesOf(key))
    for (const read of all) text += isAlone ? NOTHING : argument(markOfRead(read))
    this.#text += text
    this.#args += 2 * all.length
  }

  #begin(identical: boolean | null, changes: number): void {
    this.#entry.clear()
    this.#keys = ''
    this.#entry.byte(IDENTICAL[`${identical}`])
    if (changes < 16) this.#entry.byte(0x90 | changes)
    else this.#entry.sized(0xdd, changes)
  }

  #end(author: Author, method: string, changes: number): void {
    this.#count++
    this.#args += 3
    this.#text += `${headOf(author, method).argument}$${this.#entry.length}\r\n`
    this.#write()
    this.#out.all(this.#entry)
    this.#text = `\r\n${numbered(changes)}${this.#keys}`
  }

  #write(): void {
    this.#out.text(this.#text)
    this.#text = ''
  }

  #put(key: string, value: Wire, kind: number = Kind.put): void {
    const text = this.#key(kind, key)
    const entry = this.#entry
    entry.byte(0x92)
    if (text.length < 32) entry.byte(0xa0 | text.length)
    else entry.sized(0xdb, text.length)
    entry.text(text)
    const from = entry.length + 1
    entry.bytesOf(encode(value))
    this.#keys += numbered(from) + numbered(entry.length)
    this.#args += 2
  }

  /** Of the key that was put last. */
  #lease(author: Author, [ephemeral, ttl]: WireLease, session: string): void {
    const lease = keptLease(ephemeral ? session : '', author)
    const time = ttl === null ? '' : `${ttl}`
    this.#keys += `$${lease.length}\r\n${lease}\r\n$${time.length}\r\n${time}\r\n`
    this.#args += 2
  }

  #clear(): void {
    this.#key(Kind.clear, '')
    this.#entry.bytesOf(CLEARED)
  }

  /** The key as the bytes that it is, each a character. */
  #key(kind: number, key: string): string {
    const text = bytesOf(key)
    this.#keys += `$1\r\n${kind}\r\n$${text.length}\r\n${text}\r\n`
    this.#args += 2
    return text
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

  text(text: string): void {
    this.#room(text.length)
    this.bytes.write(text, this.length, 'latin1')
    this.length += text.length
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

  #room(length: number): void {
    if (this.length + length <= this.bytes.length) return
    const bytes = Buffer.allocUnsafe(2 * (this.length + length))
    this.bytes.copy(bytes, 0, 0, this.length)
    this.bytes = bytes
  }
}

// A commit is written in one go, so that one will do.
const entry = new Bytes(256)

/** How a Batch for this namespace begins. */
export const targetOf = (sha: string, log: string): string =>
  `$7\r\nevalsha\r\n$${sha.length}\r\n${sha}\r\n$1\r\n1\r\n$${log.length}\r\n${log}\r\n`

/** Of bytes, each a character. */
const argument = (bytes: string): string => `$${bytes.length}\r\n${bytes}\r\n`

/** Text as the bytes that it is in UTF-8, each a character. */
const bytesOf = (text: string): string =>
  Buffer.byteLength(text) === text.length ? text : latin1(Buffer.from(text))

const numbered = (number: number): string => {
  const digits = `${number}`
  return `$${digits.length}\r\n${digits}\r\n`
}

/** Numbers that are in the order of their texts. */
const ordered = (number: number): string =>
  number === 0 ? numbered(0) : `$12\r\n${`${number}`.padStart(12, '0')}\r\n`

function checked(key: string): string {
  checkKey(key, 'commit')
  return key
}
