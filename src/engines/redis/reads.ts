import { createHash } from 'node:crypto'
import { encode } from '../../protocol/frames.ts'
import { ABSENT, type Slot } from '../../store/commit.ts'
import { latin1 } from './heads.ts'

/** What this process knows of one key. */
export interface Known {
  /** The value; ABSENT: the state has no such key. */
  readonly slot: Slot
  /** How the commit script is told the value, see `markOf`; undefined: not needed yet. */
  mark: string | undefined
  /** See Kept. */
  epoch: number
  /** Bytes of memory that it takes, about. */
  weight: number
  /** Others wrote it since it was read here: unless it is known to be right, to read it again costs less than to be refused. */
  readonly isShared: boolean
}

/** How the commit script is told a value. */
export function markOf(known: Known): string {
  known.mark ??= markOfBytes(known.slot === ABSENT ? null : encode(known.slot))
  return known.mark
}

// A function touched a key that is not kept, or the list of keys: the run does not count. It is one for all, since to make an error
// takes longer than to run most functions.
const NOT_KEPT = new Error('this part of the state has to be fetched first')

const GONE = '-'
const THERE = '+'

/** Bytes of an encoded value up to which the script is given the value itself to compare; of a larger one it is the SHA-1. */
const SMALL = 1024

/** The same of one that is encoded, each byte a character; null: there is none. */
export function markOfBytes(bytes: Uint8Array | null): string {
  if (bytes === null) return GONE
  if (bytes.length <= SMALL) return `=${latin1(bytes)}`
  return `#${createHash('sha1').update(bytes).digest('hex')}`
}

/** A key that was read. */
export interface Read {
  readonly key: string
  readonly known: Known
  /** Its value was read; else only whether it is there. */
  isValue: boolean
}

/** How the commit script is told what it is to find at a key. */
export const markOfRead = ({ known, isValue }: Read): string =>
  isValue || known.slot === ABSENT ? markOf(known) : THERE

/** What a commit depends on: of each key that was read, its value, or only that there is one. */
export class Reads {
  readonly all: Read[] = []
  readonly #at = new Map<string, Read>()
  /** Keys that were touched and are not kept. */
  missing: Set<string> | undefined
  /** It was read which keys there are, or how many: that depends on the whole state. */
  isAll = false

  value(key: string, known: Known): void {
    this.#add(key, known).isValue = true
  }

  presence(key: string, known: Known): void {
    this.#add(key, known)
  }

  miss(key: string): never {
    this.missing ??= new Set()
    this.missing.add(key)
    throw NOT_KEPT
  }

  list(): void {
    this.isAll = true
    throw NOT_KEPT
  }

  #add(key: string, known: Known): Read {
    let read = this.#at.get(key)
    if (!read) {
      read = { key, known, isValue: false }
      this.#at.set(key, read)
      this.all.push(read)
    }
    return read
  }
}
