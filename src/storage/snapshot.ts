import { decode, encode } from '../protocol/frames.ts'
import { ALIGN, blockBytes, encodeBlock, payloadLength, readBlock } from './blocks.ts'
import { damaged, readNamed } from './damage.ts'
import { type Disk, withFile } from './disk.ts'
import type { SnapshotFile, SnapshotPlace } from './manifest.ts'
import type { LogRecord } from './records.ts'

// Records of a block, about: a snapshot is written while the server works, in pieces.
const RECORDS = 1000

/** Writes records that make up the state at `place`, durably. The first of them has a block of its own. */
export async function writeSnapshot(
  disk: Disk,
  file: string,
  place: SnapshotPlace,
  records: Iterable<unknown>,
): Promise<SnapshotFile> {
  let at = 0
  let sequence = 0
  let previous = place.checksum
  await withFile(disk, file, async opened => {
    const write = async (payload: Uint8Array) => {
      const { bytes, checksum } = encodeBlock(payload, { sequence: ++sequence, previous, unsynced: 0, at })
      await opened.write(bytes, at)
      at += bytes.length
      previous = checksum
    }
    let block: unknown[] = []
    for (const record of records) {
      block.push(record)
      if (block.length < RECORDS && sequence > 0) continue
      await write(encode(block))
      block = []
    }
    await write(encode(block))
    await opened.sync()
  })
  await disk.sync()
  return { file, size: at, ...place }
}

/** Calls `apply` with the records of a snapshot, in order. */
export async function readSnapshot(
  disk: Disk,
  snapshot: SnapshotFile,
  apply: (record: LogRecord) => void,
): Promise<void> {
  const { file, size } = snapshot
  const bytes = await readNamed(disk, snapshot)
  let previous = snapshot.checksum
  let sequence = 0
  for (let at = 0; at < size; ) {
    const found = readBlock(bytes, at)
    if (found.kind !== 'block' || found.previous !== previous || found.block.sequence !== ++sequence)
      throw damaged(disk, file, at, 'a block is damaged')
    for (const record of decode(found.block.payload) as LogRecord[]) apply(record)
    previous = found.block.checksum
    at = found.block.end
  }
}

/** The first record of a snapshot. */
export async function readFirst(disk: Disk, snapshot: SnapshotFile): Promise<unknown> {
  const { file, size, checksum } = snapshot
  const length = blockBytes(payloadLength(await readNamed(disk, snapshot, 0, ALIGN)))
  const found = length > size ? undefined : readBlock(await readNamed(disk, snapshot, 0, length), 0)
  if (found?.kind !== 'block' || found.previous !== checksum || found.block.sequence !== 1)
    throw damaged(disk, file, 0, 'a block is damaged')
  return (decode(found.block.payload) as unknown[])[0]
}
