import { crc32 } from 'node:zlib'
import { damaged } from './damage.ts'
import { type Disk, withFile } from './disk.ts'

/** Since version 2 a block says once who made the commits that follow each other in it: version 1 is read as well. */
export const VERSION = 2
const NAME = 'manifest'
const NEW = 'manifest.new'

/** Which files of the folder make up the log. Written anew, as a whole, whenever that changes. */
export interface Manifest {
  version: number
  /** The identity of the log: that of the server's log, which clients know. */
  log: string
  /** Oldest first. `size`: bytes of the file, which is made at its full size. */
  segments: SegmentFile[]
  /** Oldest first. */
  snapshots: SnapshotFile[]
  /** The block that the oldest snapshot stands for, if what comes before it is not kept; 0: the segments begin with block 1. */
  begin: number
  /** It is a backup: no server goes on with it, since the log that it was made of goes on as well. */
  backup?: true
}

export interface SegmentFile {
  file: string
  size: number
}

/** Where in the log a snapshot was made. */
export interface SnapshotPlace {
  /** The newest block whose effects it holds, and its checksum. */
  sequence: number
  checksum: number
  /** Commits of all namespaces up to there, from the beginning of the log on. */
  commits: number
  /** The time of the newest of them: milliseconds since 1970; 0: there is none. */
  time: number
}

export interface SnapshotFile extends SnapshotPlace {
  file: string
  size: number
}

/** Where reading may begin, oldest first; undefined: with the first block. */
export const basesOf = ({ snapshots, begin }: Manifest): (SnapshotFile | undefined)[] =>
  begin > 0 ? snapshots : [undefined, ...snapshots]

export const fileName = (number: number, kind: 'log' | 'snapshot'): string =>
  `${String(number).padStart(10, '0')}.${kind}`

/** The manifest of a folder; undefined if no log was ever begun there. */
export async function readManifest(disk: Disk): Promise<Manifest | undefined> {
  const files = await disk.list()
  if (!files.includes(NAME)) {
    const other = files.find(file => file.endsWith('.log') || file.endsWith('.snapshot'))
    if (other !== undefined) throw damaged(disk, NAME, 0, `it is missing, but ${other} is there`)
    return undefined
  }
  const text = (await disk.read(NAME)).toString('latin1')
  const [body, checksum, end] = text.split('\n')
  if (body === undefined || checksum === undefined || end !== '' || checksum !== sum(body))
    throw damaged(disk, NAME, 0, 'its checksum does not match its content')
  const manifest: Manifest = JSON.parse(body)
  if (!(manifest.version >= 1 && manifest.version <= VERSION))
    throw damaged(
      disk,
      NAME,
      0,
      `its format is version ${manifest.version}; this zproc reads 1 to ${VERSION}`,
    )
  return manifest
}

/** Replaces the manifest, durably. At a power cut there is the old one or the new one. */
export async function writeManifest(disk: Disk, manifest: Manifest): Promise<void> {
  const body = JSON.stringify(manifest)
  const bytes = Buffer.from(`${body}\n${sum(body)}\n`, 'latin1')
  await disk.remove(NEW)
  await withFile(disk, NEW, async file => {
    await file.write(bytes, 0)
    await file.sync()
  })
  await disk.rename(NEW, NAME)
  await disk.sync()
}

const sum = (text: string): string => crc32(text).toString(16).padStart(8, '0')
