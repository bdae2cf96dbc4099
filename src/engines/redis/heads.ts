import { encode } from '../../protocol/frames.ts'
import type { Author } from '../../store/commit.ts'

/** Bytes as text, each a character. */
export const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')

interface Head {
  bytes: Buffer
  /** As the script is given it. */
  argument: string
}

const heads = new WeakMap<Author, Map<string, Head>>()

/** The start of a WireCommit, up to its time. */
export function headOf(author: Author, method: string): Head {
  let known = heads.get(author)
  if (!known) {
    known = new Map()
    heads.set(author, known)
  }
  let head = known.get(method)
  if (!head) {
    const { session, state, pid, name } = author
    const bytes = Buffer.concat([
      Uint8Array.of(0x98),
      ...[session, state, pid, name, method].map(part => Buffer.from(encode(part))),
    ])
    head = { bytes, argument: `$${bytes.length}\r\n${latin1(bytes)}\r\n` }
    known.set(method, head)
  }
  return head
}
