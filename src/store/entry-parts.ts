import { decode, encode, weigh } from '../protocol/frames.ts'
import type { Entry } from '../protocol/messages.ts'
import { Packed, type Wire } from '../protocol/values.ts'

// Bytes of one part, about, unless a single entry has more.
const PART_BYTES = 64 << 10

/**
 * Encodes the entries of a state as several msgpack arrays, in pieces (see inPieces): gives the last, when `part` has got the
 * others. None holds more entries than a list of `lists`.
 */
export function* encodeEntries(
  lists: Iterable<Entry[]>,
  part: (entries: Uint8Array) => void,
): Generator<void, Uint8Array> {
  let last: Entry[] | undefined
  for (const list of lists) {
    for (let from = 0; from < list.length; ) {
      let to = from
      for (let bytes = 0; to < list.length && bytes < PART_BYTES; to++) {
        const entry = list[to] as Entry
        if (entry[1] instanceof Packed) yield* entry[1].encoding()
        bytes += weigh(entry)
      }
      if (last) part(encode(last))
      last = list.slice(from, to)
      from = to
      yield
    }
  }
  return encode(last ?? [])
}

/** Adds the entries of a part to a state. */
export function addEntries(values: Map<string, Wire>, part: Uint8Array): void {
  for (const [key, value] of decode(part) as Entry[]) values.set(key, value)
}
