import { StorageError } from '../errors.ts'
import { readNamed } from './damage.ts'
import { type Disk, withFile } from './disk.ts'
import { type Manifest, readManifest, type SegmentFile, writeManifest } from './manifest.ts'
import { manifestOf } from './rebuild.ts'
import { dataStart, readSegment, startOf } from './segment.ts'

// How often it is begun anew where a server removes old files, or writes the newest block, while they are read.
const TRIES = 20

/**
 * Copies a log, which a server may be writing, into an empty folder: everything that was written when it began. The copy is
 * marked as a backup, of which `restore` makes a log.
 */
export async function backup(from: Disk, to: Disk): Promise<Manifest> {
  if ((await to.list()).length > 0) throw new StorageError(`the folder ${to.path} is not empty`)
  const copied = new Set<string>()
  for (let tries = 1; ; tries++) {
    const manifest = await manifestOf(from)
    try {
      return await copy(from, to, manifest, copied)
    } catch (error) {
      const now = await readManifest(from)
      if (tries === TRIES || JSON.stringify(now) === JSON.stringify(manifest)) throw error
    }
  }
}

async function copy(from: Disk, to: Disk, manifest: Manifest, copied: Set<string>): Promise<Manifest> {
  const { log, segments, snapshots } = manifest
  // Behind the last segment that was begun there may be one that was only made.
  let last = segments.length - 1
  while (last > 0 && !(await startOf(from, log, segments[last] as SegmentFile))) last--
  const full = segments.slice(0, last)
  for (const file of [...snapshots, ...full]) {
    if (copied.has(file.file)) continue
    await write(to, file.file, await readNamed(from, file))
    copied.add(file.file)
  }
  const tail = segments[last] as SegmentFile
  await write(to, tail.file, await wholeBlocks(from, log, tail))
  const names = new Set([...snapshots, ...full, tail].map(({ file }) => file))
  for (const file of copied) if (!names.has(file)) await to.remove(file)
  const made: Manifest = { ...manifest, segments: [...full, tail], backup: true }
  await writeManifest(to, made)
  return made
}

/** A segment up to its last whole block: the one behind that may be half written. */
async function wholeBlocks(disk: Disk, log: string, segment: SegmentFile): Promise<Buffer> {
  for (let bytes = await readNamed(disk, segment); ; ) {
    try {
      const end = await endOf(
        { ...disk, read: async (_, at, length) => part(bytes, at, length) },
        log,
        segment,
      )
      return Buffer.concat([bytes.subarray(0, end), Buffer.alloc(segment.size - end)])
    } catch (error) {
      // A block that is being written may look like anything.
      const again = await readNamed(disk, segment)
      if (again.equals(bytes)) throw error
      bytes = again
    }
  }
}

async function endOf(disk: Disk, log: string, segment: SegmentFile): Promise<number> {
  const start = await startOf(disk, log, segment)
  if (!start) return dataStart(log, segment.file)
  const blocks = readSegment(disk, log, segment, start)
  let next = await blocks.next()
  while (!next.done) next = await blocks.next()
  return next.value.offset
}

const part = (bytes: Buffer, at = 0, length = bytes.length): Buffer => bytes.subarray(at, at + length)

const write = (disk: Disk, name: string, bytes: Buffer): Promise<void> =>
  withFile(disk, name, async file => {
    await file.write(bytes, 0)
    await file.sync()
  })
