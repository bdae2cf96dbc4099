import { ALIGN, beforeHeader, blockBytes, encodeBlock, provesDurable, readBlock } from './blocks.ts'
import { damaged, readNamed } from './damage.ts'
import { type Disk, withFile } from './disk.ts'
import type { SegmentFile } from './manifest.ts'

/** Bytes of a segment. */
export const SEGMENT_BYTES = 8 << 20

const ZEROED = 1 << 20

/** A place in the log: behind block `sequence`, whose header's checksum the next block repeats. */
export interface Position {
  sequence: number
  checksum: number
}

/** Where the log is written on. */
export interface Tail extends Position {
  segment: SegmentFile
  offset: number
}

const headerOf = (log: string, file: string): Uint8Array => Buffer.from(JSON.stringify({ log, file }))

/** Where the blocks of a segment begin. */
export const dataStart = (log: string, file: string): number => blockBytes(headerOf(log, file).length)

/** Makes a segment at its full size, all zeros behind its header, durably. */
export async function createSegment(disk: Disk, log: string, { file, size }: SegmentFile): Promise<void> {
  const { bytes } = encodeBlock(headerOf(log, file), { sequence: 0, previous: 0, unsynced: 0, at: 0 })
  const zeros = Buffer.alloc(Math.min(ZEROED, size))
  await withFile(disk, file, async opened => {
    for (let at = bytes.length; at < size; at += zeros.length)
      await opened.write(zeros.subarray(0, Math.min(zeros.length, size - at)), at)
    await opened.write(bytes, 0)
    await opened.sync()
  })
  await disk.sync()
}

/** How far a segment was written. `torn`: there lies a block that was not written to its end. */
export interface SegmentEnd {
  offset: number
  torn: boolean
}

/**
 * The blocks of one segment behind `position`, in order, each checked against the one before. `from`: the offset behind that
 * position, if it lies within the segment.
 */
export async function* readSegment(
  disk: Disk,
  log: string,
  segment: SegmentFile,
  position: Position,
  from?: number,
): AsyncGenerator<{ payload: Buffer } & Position, SegmentEnd> {
  const { file } = segment
  const bytes = await readNamed(disk, segment)
  const head = readBlock(bytes, 0)
  if (head.kind !== 'block' || !head.block.payload.equals(headerOf(log, file)))
    throw damaged(disk, file, 0, 'its header is not that of this segment of this log')
  let offset = from ?? head.block.end
  let { sequence, checksum } = position
  for (;;) {
    const found = readBlock(bytes, offset)
    if (found.kind === 'end') return { offset, torn: false }
    if (found.kind === 'damaged') throw damaged(disk, file, offset, found.why)
    if (found.kind === 'torn') {
      if (provesDurable(bytes, offset + ALIGN, sequence + 1))
        throw damaged(disk, file, offset, 'a block is unreadable, and blocks behind it are whole')
      return { offset, torn: true }
    }
    const { block, previous } = found
    if (block.sequence !== sequence + 1 || previous !== checksum)
      throw damaged(disk, file, offset, `block ${block.sequence} does not follow block ${sequence}`)
    sequence = block.sequence
    checksum = block.checksum
    offset = block.end
    yield { payload: block.payload, sequence, checksum }
  }
}

/** The place before a segment's first block; undefined if it has none that was begun whole. */
export async function startOf(disk: Disk, log: string, segment: SegmentFile): Promise<Position | undefined> {
  const start = dataStart(log, segment.file)
  const header = await readNamed(disk, segment, start, ALIGN)
  return beforeHeader(header)
}

/** Behind nothing: where block 1 begins. */
export const BEGINNING: Position = { sequence: 0, checksum: 0 }

/** The index of the segment that holds the block behind block `sequence`, or the place for it. */
export async function segmentAt(
  disk: Disk,
  log: string,
  segments: readonly SegmentFile[],
  sequence: number,
): Promise<number> {
  for (let i = segments.length - 1; i > 0; i--) {
    const begins = await startOf(disk, log, segments[i] as SegmentFile)
    if (begins && begins.sequence <= sequence) return i
  }
  return 0
}

/** Clears what an unfinished write left from offset `at` on; what was there is kept in a file, whose name is returned. */
export async function cutTorn(disk: Disk, segment: SegmentFile, at: number): Promise<string> {
  const bytes = await readNamed(disk, segment)
  let end = bytes.length
  while (end > at && bytes[end - 1] === 0) end--
  const copy = `${segment.file}.torn-${at}`
  await withFile(disk, copy, async kept => {
    await kept.write(bytes.subarray(at, end), 0)
    await kept.sync()
  })
  await disk.sync()
  await withFile(disk, segment.file, async opened => {
    // The header first: without its first byte, whatever is left of the block counts as torn.
    await opened.write(Buffer.alloc(ALIGN), at)
    await opened.sync()
    await opened.write(Buffer.alloc(Math.max(0, end - at - ALIGN)), at + ALIGN)
    await opened.sync()
  })
  return copy
}
