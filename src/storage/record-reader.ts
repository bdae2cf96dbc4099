import { decodePart } from '../protocol/frames.ts'
import type { Entry, WireChange, WireCommit } from '../protocol/messages.ts'
import type { Wire } from '../protocol/values.ts'
import type { Author } from '../store/commit.ts'
import { Kept, type LogRecord, type OtherRecord } from './records.ts'

/** What is done with the records of a payload, in order. */
export interface RecordVisitor {
  /**
   * The next commit of namespace `number`; it answers request `id` of its author's session with `result`. Commits of one State
   * that follow each other have the same `author`.
   */
  commit(number: number, commit: KeptCommit, id: number | undefined, result: unknown): void
  other(record: OtherRecord): void
}

/** A commit as the log keeps it. */
export interface KeptCommit {
  author: Author
  method: string
  time: number
  identical: boolean | null
  changes: WireChange[]
}

/** The records that a payload holds, which RecordWriter wrote. */
export function decodeRecords(payload: Uint8Array): LogRecord[] {
  const records: LogRecord[] = []
  new RecordReader(payload).each({
    commit: (number, { author, method, time, identical, changes }, id, result) => {
      const { session, state, pid, name } = author
      const commit: WireCommit = [session, state, pid, name, method, time, identical, changes]
      if (id === undefined) records.push([Kept.commit, number, commit])
      else if (result === undefined) records.push([Kept.commit, number, commit, id])
      else records.push([Kept.commit, number, commit, id, result as Wire | Entry])
    },
    other: record => void records.push(record),
  })
  return records
}

// Places for texts that were read, by what they consist of: the same keys come again and again.
const TEXTS = 512

/**
 * Reads the payload that a RecordWriter wrote. Records are short lists of numbers and short texts: a decoder of any message,
 * which also makes a list of each, takes several times as long. What is something else is left to that one.
 */
export class RecordReader {
  readonly #bytes: Buffer
  readonly #view: DataView
  #at = 0

  constructor(payload: Uint8Array) {
    const { buffer, byteOffset, length } = payload
    this.#bytes = Buffer.from(buffer, byteOffset, length)
    this.#view = new DataView(buffer, byteOffset, length)
  }

  /** Calls `visitor` with each record. Throws for bytes that are none. */
  each(visitor: RecordVisitor): void {
    const count = this.#listLength()
    const bytes = this.#bytes
    let before: KeptCommit | undefined
    for (let i = 0; i < count; i++) {
      const token = bytes[this.#at] as number
      if (token < 0x93 || token > 0x95 || bytes[this.#at + 1] !== Kept.commit) {
        visitor.other(this.#value() as OtherRecord)
        continue
      }
      this.#at += 2
      const number = this.#value() as number
      before = this.#commit(before)
      const id = token > 0x93 ? (this.#value() as number) : undefined
      visitor.commit(number, before, id, token > 0x94 ? this.#value() : undefined)
    }
    if (this.#at !== bytes.length) throw malformed()
  }

  /** By the same State and method as the one before, a commit does not say so again. */
  #commit(before: KeptCommit | undefined): KeptCommit {
    const length = this.#listLength()
    let author = before?.author
    let method = before?.method
    if (length === 8) {
      author = {
        session: this.#value() as number,
        state: this.#value() as number,
        pid: this.#value() as number,
        name: this.#value() as string,
      }
      method = this.#value() as string
    } else if (length !== 3) throw malformed()
    if (!author || method === undefined)
      throw new TypeError('the first commit of a block does not say who made it')
    return {
      author,
      method,
      time: this.#value() as number,
      identical: this.#value() as boolean | null,
      changes: this.#value() as WireChange[],
    }
  }

  #listLength(): number {
    const token = this.#bytes[this.#at++] as number
    if (token >= 0x90 && token < 0xa0) return token & 0x0f
    const width = token === 0xdc ? 2 : token === 0xdd ? 4 : 0
    if (width === 0 || this.#at + width > this.#bytes.length) throw malformed()
    this.#at += width
    return this.#bytes.readUIntBE(this.#at - width, width)
  }

  #value(): unknown {
    const token = this.#bytes[this.#at]
    if (token === undefined) throw malformed()
    if (token < 0x80) {
      this.#at++
      return token
    }
    if (token < 0x90) return this.#other()
    if (token < 0xa0) {
      this.#at++
      const items: unknown[] = []
      for (let left = token & 0x0f; left > 0; left--) items.push(this.#value())
      return items
    }
    if (token < 0xc0) return this.#shortText(token & 0x1f) ?? this.#other()
    if (token === 0xcb) {
      this.#at += 9
      return this.#view.getFloat64(this.#at - 8)
    }
    if (token === 0xce) {
      this.#at += 5
      return this.#view.getUint32(this.#at - 4)
    }
    if (token !== 0xc2 && token !== 0xc3) return this.#other()
    this.#at++
    return token === 0xc3
  }

  /** A text of `length` bytes; undefined: not all of them are ASCII. */
  #shortText(length: number): string | undefined {
    const bytes = this.#bytes
    const start = this.#at + 1
    const end = start + length
    let hash = length
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number
      if (byte >= 0x80) return undefined
      hash = (hash * 31 + byte) | 0
    }
    this.#at = end
    const place = hash & (TEXTS - 1)
    const known = texts[place] as string
    if (known.length === length && isAt(bytes, start, known)) return known
    const text = bytes.toString('latin1', start, end)
    texts[place] = text
    return text
  }

  #other(): unknown {
    const [value, end] = decodePart(this.#bytes, this.#at)
    this.#at = end
    return value
  }
}

const texts: string[] = new Array(TEXTS).fill('')

function isAt(bytes: Uint8Array, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false
  return true
}

const malformed = (): TypeError => new TypeError('a block holds something that is no list of records')
