import { decode, encode } from '../protocol/frames.ts'
import { encodeBlock, readBlock } from './blocks.ts'
import { damaged, readNamed } from './damage.ts'
import type { Disk } from './disk.ts'
import type { SnapshotFile } from './manifest.ts'
import type { Position } from './segment.ts'

// Records of a block, about: a snapshot is written while the server works, in pieces.
const RECORDS = 1000

/** Writes records that make up the state at `position`, durably. */
export async function writeSnapshot(
  disk: Disk,
  file: string,
  position: Position,
  records: Iterable<unknown>,
): Promise<SnapshotFile> {
  const opened = await disk.open(file)
  let at = 0
  let sequence = 0
  let previous = position.checksum
  const write = async (payload: Uint8Array) => {
    const { bytes, checksum } = encodeBlock([payload], { sequence: ++sequence, previous, unsynced: 0, at })
    await opened.write(bytes, at)
    at += bytes.length
    previous = checksum
  }
  try {
    let block: unknown[] = []
    for (const record of records) {
      block.push(record)
      if (block.length < RECORDS) continue
      await write(encode(block))
      block = []
    }
    await write(encode(block))
    await opened.sync()
  } finally {
    await opened.close()
  }
  await disk.sync()
  return { file, size: at, ...position }
}

/** Calls `apply` with the records of a snapshot, in order. */
export async function readSnapshot(
  disk: Disk,
  snapshot: SnapshotFile,
  apply: (record: unknown) => void,
): Promise<void> {
  const { file, size } = snapshot
  const bytes = await readNamed(disk, snapshot)
  let previous = snapshot.checksum
  let sequence = 0
  for (let at = 0; at < size; ) {
    const found = readBlock(bytes, at)
    if (found.kind !== 'block' || found.previous !== previous || found.block.sequence !== ++sequence)
      throw damaged(disk, file, at, 'a block is damaged')
    for (const record of decode(found.block.payload) as unknown[]) apply(record)
    previous = found.block.checksum
    at = found.block.end
  }
}
