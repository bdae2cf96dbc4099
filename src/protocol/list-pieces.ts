// Items that are encoded between two places where the work may be left.
const ITEMS = 256

/**
 * As `encode` of a list, in pieces: see inPieces. `encode` gives the msgpack of some of the items, as a list; undefined: they
 * have none, and then the list has none.
 */
export function* encodeList(
  items: readonly unknown[],
  encode: (some: unknown[]) => Uint8Array | undefined,
): Generator<void, Uint8Array | undefined> {
  const parts: Uint8Array[] = [listHeader(items.length)]
  for (let from = 0; from < items.length; from += ITEMS) {
    if (from > 0) yield
    const some = items.slice(from, from + ITEMS)
    const bytes = encode(some)
    if (!bytes) return undefined
    parts.push(bytes.subarray(listHeader(some.length).length))
  }
  return Buffer.concat(parts)
}

/** What msgpack begins a list with. */
function listHeader(length: number): Uint8Array {
  if (length < 0x10) return Uint8Array.of(0x90 + length)
  if (length < 0x1_0000) return Uint8Array.of(0xdc, length >> 8, length & 0xff)
  const header = Buffer.of(0xdd, 0, 0, 0, 0)
  header.writeUInt32BE(length, 1)
  return header
}
