import { encode } from '../protocol/frames.ts'
import type { Entry } from '../protocol/messages.ts'
import type { Wire } from '../protocol/values.ts'
import { ABSENT, type Author, type Change, type Commit, wireChange } from '../store/commit.ts'
import { blockBytes, HEADER } from './blocks.ts'
import { Kept, type OtherRecord } from './records.ts'

// The records begin with the header of a list of any length, behind that of the block.
const LIST = HEADER
const FIRST = LIST + 5
const SIZE = 64 << 10
// A buffer that held more than this is not used again.
const LARGE = 1 << 20
// Bytes of a commit besides its texts and values, and of a change, at most; and of a character.
const COMMIT = 96
const CHANGE = 32
const CHARACTER = 3
const SHORT = 0x20

/** The payload of a block: `length` bytes from HEADER on in `room`, which has room for the rest of the block as well. */
export interface Payload {
  room: Buffer
  length: number
}

/**
 * Writes records into the payload of a block: commits byte by byte, since they are many, and an object for each would outlive
 * most of what the server makes. A payload is whole until the one after the next is begun.
 */
export class RecordWriter {
  #buffer: Buffer = Buffer.allocUnsafeSlow(SIZE)
  #view = viewOf(this.#buffer)
  #other: Buffer = Buffer.allocUnsafeSlow(SIZE)
  #at = FIRST
  #count = 0
  // Of the commit before.
  #author: Author | undefined
  #method = ''
  // Where the newest commit begins and ends; 0: it has its answer.
  #begins = 0
  #ends = 0

  /** Bytes of what was written. */
  get length(): number {
    return this.#at - HEADER
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** Adds a record that is no commit. */
  add(record: OtherRecord): void {
    this.#bytes(encode(record))
    this.#count++
  }

  /** Adds the next commit of namespace `number`. By the same State and method as the one before, it does not say so again. */
  commit(number: number, { author, method, time, identical, changes }: Commit): void {
    const isLikewise = author === this.#author && method === this.#method
    this.#reserve(COMMIT + CHARACTER * (author.name.length + method.length))
    this.#begins = this.#at
    this.#byte(0x93)
    this.#byte(Kept.commit)
    this.#number(number)
    this.#byte(isLikewise ? 0x93 : 0x98)
    if (!isLikewise) {
      this.#number(author.session)
      this.#number(author.state)
      this.#number(author.pid)
      this.#text(author.name)
      this.#text(method)
      this.#author = author
      this.#method = method
    }
    this.#double(time)
    this.#byte(identical ? 0xc3 : 0xc2)
    if (changes.length === 1) {
      this.#byte(0x91)
      this.#change(changes[0] as Change)
    } else this.#bytes(encode(changes.map(wireChange)))
    this.#ends = this.#at
    this.#count++
  }

  /** The commit that was added last answers request `id` of its author's session with `result`. */
  answer(id: number, result: Wire | Entry): void {
    if (this.#ends === 0) throw new Error('the commit of a request was written before its answer')
    // What its keys are tied to comes behind it.
    const kept = this.#at > this.#ends ? Buffer.from(this.#buffer.subarray(this.#ends, this.#at)) : undefined
    this.#at = this.#ends
    this.#buffer[this.#begins] = result === undefined ? 0x94 : 0x95
    this.#reserve(CHANGE)
    this.#number(id)
    if (result !== undefined) this.#bytes(encode(result))
    if (kept) this.#bytes(kept)
    this.#ends = 0
  }

  /** The payload; what is written next begins another one. */
  take(): Payload {
    const { length } = this
    this.#reserve(blockBytes(length) - this.#at)
    const room = this.#buffer
    room[LIST] = 0xdd
    room.writeUInt32BE(this.#count, LIST + 1)
    const next = this.#other
    this.#other = length > LARGE ? Buffer.allocUnsafeSlow(SIZE) : room
    this.#buffer = next
    this.#view = viewOf(next)
    this.#at = FIRST
    this.#count = this.#ends = 0
    this.#author = undefined
    return { room, length }
  }

  #change(change: Change): void {
    if (change.key === null || change.steps || change.after === ABSENT)
      return this.#bytes(encode(wireChange(change)))
    this.#reserve(CHANGE + CHARACTER * change.key.length)
    this.#byte(0x92)
    this.#text(change.key)
    const { after } = change
    if (typeof after === 'number' && after >= 0 && after <= 0xffff_ffff && Number.isInteger(after))
      this.#number(after)
    else this.#bytes(encode(after))
  }

  #byte(byte: number): void {
    this.#buffer[this.#at++] = byte
  }

  /** A whole number, 0 or more. */
  #number(value: number): void {
    if (value < 0x80) this.#buffer[this.#at++] = value
    else if (value <= 0xffff_ffff) {
      this.#buffer[this.#at++] = 0xce
      this.#view.setUint32(this.#at, value)
      this.#at += 4
    } else this.#double(value)
  }

  #double(value: number): void {
    this.#buffer[this.#at++] = 0xcb
    this.#view.setFloat64(this.#at, value)
    this.#at += 8
  }

  #text(text: string): void {
    const { length } = text
    if (length >= SHORT) return this.#bytes(encode(text))
    const buffer = this.#buffer
    let at = this.#at
    buffer[at++] = 0xa0 | length
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code >= 0x80) return this.#bytes(encode(text))
      buffer[at++] = code
    }
    this.#at = at
  }

  #bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length + COMMIT)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(2 * (this.#at + bytes))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
    this.#view = viewOf(larger)
  }
}

const viewOf = ({ buffer, byteOffset, length }: Buffer): DataView => new DataView(buffer, byteOffset, length)
