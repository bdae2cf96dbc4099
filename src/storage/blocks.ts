import { crc32 } from 'node:zlib'

// A file of the log is a file header and blocks; one write makes one block. See docs/log-format.md.
//
//   offset  bytes
//        0      2  magic 'zb'
//        2      2  sectors of the block that consist of zeros
//        4      4  length of the payload
//        8      6  sequence number of the block: one more than that of the block before
//       14      2  blocks before this one that were not known to be durable when it was written
//       16      4  checksum of the header before this one
//       20      4  checksum of the payload
//       24      4  checksum of bytes 0-23
//       28      3  zeros
//       31      1  0xff
//       32         payload, a byte 0xff, zeros up to the next multiple of 32
//
// Headers lie at multiples of 32, so that none crosses the border of a sector. The byte 0xff at the end of header and
// payload, and the count of zero sectors, tell a write that a power cut tore (sectors that are still zero) from bytes that
// were changed later.

export const ALIGN = 32
export const SECTOR = 512
/** Bytes of a block before its payload. */
export const HEADER = 32
const MAGIC = 0x7a62
const END = 0xff
const MOST_UNSYNCED = 0xffff

export interface Block {
  sequence: number
  payload: Buffer
  /** Where the block ends in its file. */
  end: number
  /** The checksum that the next block's header repeats. */
  checksum: number
}

/** How many bytes of a file a payload takes. */
export const blockBytes = (length: number): number => Math.ceil((HEADER + length + 1) / ALIGN) * ALIGN

/** How long the payload of a block is, by its header. */
export const payloadLength = (header: Buffer): number => header.readUInt32BE(4)

/** What the header of a block says besides its payload. */
export interface BlockPlace {
  sequence: number
  /** The checksum of the block before. */
  previous: number
  /** Blocks before it that may not be durable yet. */
  unsynced: number
  /** The offset at which it is written: a multiple of 32. */
  at: number
}

/** A block that holds a copy of `payload`. */
export function encodeBlock(payload: Uint8Array, place: BlockPlace): { bytes: Buffer; checksum: number } {
  const room = Buffer.allocUnsafe(blockBytes(payload.length))
  room.set(payload, HEADER)
  return sealBlock(room, payload.length, place)
}

/** Makes a block of `room`, which holds a payload of `length` bytes behind HEADER bytes; the block is at its beginning. */
export function sealBlock(
  room: Buffer,
  length: number,
  { sequence, previous, unsynced, at }: BlockPlace,
): { bytes: Buffer; checksum: number } {
  const offset = HEADER + length
  const bytes = room.subarray(0, blockBytes(length))
  bytes.fill(0, 0, HEADER).fill(0, offset)
  bytes[offset] = END
  bytes.writeUInt16BE(MAGIC, 0)
  bytes.writeUInt32BE(length, 4)
  bytes.writeUIntBE(sequence, 8, 6)
  bytes.writeUInt16BE(Math.min(unsynced, MOST_UNSYNCED), 14)
  bytes.writeUInt32BE(previous, 16)
  bytes.writeUInt32BE(crc32(bytes.subarray(HEADER, offset)), 20)
  bytes[31] = END
  bytes.writeUInt16BE(zeroSectors(bytes, 0, bytes.length, at), 2)
  const checksum = crc32(bytes.subarray(0, 24))
  bytes.writeUInt32BE(checksum, 24)
  return { bytes, checksum }
}

/**
 * What is at offset `at` of a file: a block; nothing (zeros up to the end); a block that was not written to its end; or
 * bytes that no write of the log leaves there.
 */
export type Found =
  | { kind: 'block'; block: Block; unsynced: number; previous: number }
  | { kind: 'end' }
  | { kind: 'torn' }
  | { kind: 'damaged'; why: string }

export function readBlock(file: Buffer, at: number): Found {
  if (at + HEADER > file.length) return { kind: 'end' }
  const header = file.subarray(at, at + HEADER)
  if (isZero(header)) return isZero(file.subarray(at)) ? { kind: 'end' } : { kind: 'torn' }
  if (!isHeader(header))
    return header[0] === 0 || header[31] === 0
      ? { kind: 'torn' }
      : { kind: 'damaged', why: 'the header of a block is damaged' }
  const length = header.readUInt32BE(4)
  const end = at + blockBytes(length)
  if (end > file.length) return { kind: 'damaged', why: `a block of ${length} bytes reaches beyond the file` }
  const payload = file.subarray(at + HEADER, at + HEADER + length)
  if (file[at + HEADER + length] === END && crc32(payload) === header.readUInt32BE(20)) {
    if (!isZero(file.subarray(at + HEADER + length + 1, end)))
      return { kind: 'damaged', why: 'the bytes behind a block are not zero' }
    return {
      kind: 'block',
      block: { sequence: header.readUIntBE(8, 6), payload, end, checksum: header.readUInt32BE(24) },
      unsynced: header.readUInt16BE(14),
      previous: header.readUInt32BE(16),
    }
  }
  const torn = file[at + HEADER + length] === 0 || zeroSectors(file, at, end, 0) > header.readUInt16BE(2)
  return torn ? { kind: 'torn' } : { kind: 'damaged', why: 'the payload of a block is damaged' }
}

/** Whether some block behind offset `at` was written after block `sequence` was known to be durable. */
export function provesDurable(file: Buffer, at: number, sequence: number): boolean {
  for (let next = at; next + HEADER <= file.length; next += ALIGN) {
    const header = file.subarray(next, next + HEADER)
    if (header.readUInt16BE(0) !== MAGIC || !isHeader(header)) continue
    const unsynced = header.readUInt16BE(14)
    const written = header.readUIntBE(8, 6)
    if (written > sequence && unsynced < MOST_UNSYNCED && written - unsynced > sequence) return true
  }
  return false
}

/** What a block says of the one before it; undefined: its header is not whole. */
export const beforeHeader = (header: Buffer): { sequence: number; checksum: number } | undefined =>
  isHeader(header) ? { sequence: header.readUIntBE(8, 6) - 1, checksum: header.readUInt32BE(16) } : undefined

function isHeader(header: Buffer): boolean {
  return (
    header.readUInt16BE(0) === MAGIC &&
    header.readUInt32BE(24) === crc32(header.subarray(0, 24)) &&
    header.readUIntBE(28, 3) === 0 &&
    header[31] === END
  )
}

/** The sectors between two offsets that are zero throughout, or are where the range reaches into them; `at`: offset of byte 0. */
function zeroSectors(bytes: Buffer, start: number, end: number, at: number): number {
  let count = 0
  for (let from = start; from < end; ) {
    const to = Math.min(end, from + SECTOR - ((at + from) % SECTOR))
    // Of most sectors this byte says it: to look at all of them takes an object.
    if (bytes[from] === 0 && isZero(bytes.subarray(from, to))) count++
    from = to
  }
  return count
}

const ZEROS = Buffer.alloc(1 << 16)

export function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length)
    if (Buffer.compare(part, ZEROS.subarray(0, part.length)) !== 0) return false
  }
  return true
}
