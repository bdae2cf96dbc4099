import { StorageError } from '../errors.ts'
import { damaged } from './damage.ts'
import { type Disk, withFile } from './disk.ts'
import {
  type Manifest,
  readManifest,
  type SegmentFile,
  type SnapshotFile,
  VERSION,
  writeManifest,
} from './manifest.ts'
import { ManifestOwner } from './manifest-owner.ts'
import type { LogRecord } from './records.ts'
import {
  BEGINNING,
  createSegment,
  cutTorn,
  dataStart,
  type Position,
  readSegment,
  segmentAt,
  startOf,
  type Tail,
} from './segment.ts'
import { readSnapshot } from './snapshot.ts'
import { KEPT_SNAPSHOTS } from './trim.ts'

export interface OpenLog {
  manifest: ManifestOwner
  tail: Tail
  /** A line for the operator, if an unfinished write was cut off. */
  repaired: string | undefined
}

/** What is read of a log: the records of a snapshot, then the payloads of the blocks behind it, until `block` says false. */
export interface LogReader {
  snapshot(record: LogRecord): void
  block(sequence: number, payload: Uint8Array): unknown
}

/**
 * Opens the log of a folder, or begins one with the identity `log`; `reader` gets what it holds. Nobody else may have it
 * open. Throws StorageError for damage.
 */
export async function openLog(
  disk: Disk,
  { log, segmentBytes }: { log: string; segmentBytes: number },
  reader: LogReader,
): Promise<OpenLog> {
  // What is read may not be durable yet, where the process that wrote it was killed: it is before anything rests on it.
  await disk.sync()
  const manifest = new ManifestOwner(disk, (await readManifest(disk)) ?? (await begin(disk, log)))
  if (manifest.now.backup)
    throw new StorageError(
      `the log in ${disk.path} is a backup, and no server goes on with it: make another log of it with \`npx zproc restore --data ${disk.path} --to <folder>\``,
    )
  await removeOthers(disk, manifest.now)
  if (manifest.now.segments.length === 0) await firstSegment(disk, manifest, segmentBytes)
  const { tail, torn } = await readLog(disk, manifest.now, from(manifest.now), reader)
  let repaired: string | undefined
  if (torn) {
    const copy = await cutTorn(disk, tail.segment, tail.offset)
    repaired = `an unfinished write at the end of ${tail.segment.file} (offset ${tail.offset}) in ${disk.path} was cut off; a copy is in ${copy}`
  } else await syncSegment(disk, tail.segment)
  await endAt(disk, manifest, tail.segment)
  return { manifest, tail, repaired }
}

/** Reads a log from a snapshot, or from its beginning, to its end. `torn`: at its end lies an unfinished write. */
export async function readLog(
  disk: Disk,
  manifest: Manifest,
  snapshot: SnapshotFile | undefined,
  reader: LogReader,
): Promise<{ tail: Tail; torn: boolean }> {
  if (snapshot) await readSnapshot(disk, snapshot, reader.snapshot)
  const start: Position = snapshot ?? BEGINNING
  if (manifest.segments.length === 0) throw damaged(disk, 'manifest', 0, 'it names no segment')
  const segments = manifest.segments.slice(
    await segmentAt(disk, manifest.log, manifest.segments, start.sequence),
  )
  const first = segments[0] as SegmentFile
  let position = (await startOf(disk, manifest.log, first)) ?? start
  if (position.sequence > start.sequence)
    throw damaged(disk, first.file, 0, `blocks ${start.sequence + 1} to ${position.sequence} are missing`)
  let tail: Tail = { ...position, segment: first, offset: dataStart(manifest.log, first.file) }
  let torn = false
  for (const segment of segments) {
    const before = position
    const blocks = readSegment(disk, manifest.log, segment, position)
    let next = await blocks.next()
    for (; !next.done; next = await blocks.next()) {
      if (position.sequence === start.sequence) checkStart(disk, segment, position, start)
      const { payload, ...place } = next.value
      position = place
      if (position.sequence <= start.sequence) continue
      if (reader.block(position.sequence, payload) === false) return { tail, torn: false }
    }
    const written = position !== before || next.value.torn
    if (torn && written)
      throw damaged(
        disk,
        tail.segment.file,
        tail.offset,
        'a block is unreadable, and later segments are written',
      )
    if (!written && segment !== first) continue
    tail = { ...position, segment, offset: next.value.offset }
    torn = next.value.torn
  }
  if (position.sequence < start.sequence)
    throw damaged(
      disk,
      tail.segment.file,
      tail.offset,
      `the log ends before block ${start.sequence} of its snapshot`,
    )
  if (position.sequence === start.sequence) checkStart(disk, tail.segment, position, start)
  return { tail, torn }
}

function checkStart(disk: Disk, { file }: SegmentFile, position: Position, start: Position): void {
  if (position.checksum !== start.checksum)
    throw damaged(disk, file, 0, `block ${start.sequence} is not the one that the snapshot was made at`)
}

/** Where a server begins to read: watchers find the commits since then in memory. undefined: with the first block. */
const from = ({ snapshots, begin }: Manifest): SnapshotFile | undefined =>
  snapshots.at(-KEPT_SNAPSHOTS) ?? (begin > 0 ? snapshots[0] : undefined)

/** Begins a log. Its manifest is there before any other file: one that is missing later was removed. */
async function begin(disk: Disk, log: string): Promise<Manifest> {
  const manifest = { version: VERSION, log, segments: [], snapshots: [], begin: 0 }
  await writeManifest(disk, manifest)
  return manifest
}

async function firstSegment(disk: Disk, manifest: ManifestOwner, size: number): Promise<void> {
  const first = { file: manifest.newFile('log'), size }
  await createSegment(disk, manifest.now.log, first)
  await manifest.change(({ segments }) => void segments.push(first))
}

/** Removes what a server left unfinished: files that the manifest does not name. Those that it names must be there. */
async function removeOthers(disk: Disk, { segments, snapshots }: Manifest): Promise<void> {
  const named = new Set([...segments, ...snapshots].map(({ file }) => file))
  const files = await disk.list()
  const there = new Set(files)
  for (const file of named) if (!there.has(file)) throw damaged(disk, file, 0, 'the file is missing')
  for (const file of files)
    if (/^\d+\.(log|snapshot)$|^manifest\.new$/.test(file) && !named.has(file)) await disk.remove(file)
}

const syncSegment = (disk: Disk, { file }: SegmentFile): Promise<void> =>
  withFile(disk, file, opened => opened.sync())

/**
 * From now on blocks are added behind the tail. Older versions do not read them, and segments behind it hold nothing yet: those
 * are made anew when they are needed.
 */
async function endAt(disk: Disk, manifest: ManifestOwner, tail: SegmentFile): Promise<void> {
  const at = manifest.now.segments.findIndex(({ file }) => file === tail.file)
  const unused = manifest.now.segments.slice(at + 1)
  if (unused.length === 0 && manifest.now.version === VERSION) return
  await manifest.change(next => {
    next.version = VERSION
    next.segments = next.segments.slice(0, at + 1)
  })
  for (const { file } of unused) await disk.remove(file)
}
