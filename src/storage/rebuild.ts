import { randomBytes } from 'node:crypto'
import { StorageError } from '../errors.ts'
import type { WireCommit } from '../protocol/messages.ts'
import { Namespace } from '../store/namespace.ts'
import type { Disk } from './disk.ts'
import { readLog } from './log.ts'
import {
  basesOf,
  fileName,
  type Manifest,
  readManifest,
  type SnapshotFile,
  VERSION,
  writeManifest,
} from './manifest.ts'
import { decodeRecords } from './record-reader.ts'
import { Kept, type LogRecord, type Revision } from './records.ts'
import { Replay } from './replay.ts'
import { revisionAt } from './rewind.ts'
import { createSegment, SEGMENT_BYTES } from './segment.ts'
import { writeSnapshot } from './snapshot.ts'

// A log that is made of another one: begun anew, with the state that the other one had at some point.

/** Up to where a log counts: the commit of a namespace, or the commits up to a time (ms since 1970); undefined: all. */
export type Until = { namespace: string; revision: number } | { time: number } | undefined

/** What a log comes to. */
export interface Rebuilt {
  replay: Replay
  /** Commits, from the beginning of the log on. */
  commits: number
  /** The block that was read last; 0: none. */
  sequence: number
  /** Where the reading ended at damage, if it did. */
  damage: Error | undefined
}

/** The manifest of a folder in which there is a log. */
export async function manifestOf(disk: Disk): Promise<Manifest> {
  const manifest = await readManifest(disk)
  if (!manifest) throw new StorageError(`there is no log in ${disk.path}`)
  return manifest
}

/** Reads a log up to a point. Throws StorageError when that is not kept, not there yet, or cannot be read. */
export async function rebuild(disk: Disk, manifest: Manifest, until: Until): Promise<Rebuilt> {
  const bases = basesOf(manifest)
  let at = bases.length - 1
  while (at >= 0 && !(await isBefore(disk, bases[at], until))) at--
  if (at < 0) throw new StorageError(`what the log in ${disk.path} held then is no longer kept`)
  const spaces = new Map<string, Namespace>()
  const rebuilt = await replayFrom(disk, manifest, bases[at], spaces, record =>
    isBehind(record, spaces, until),
  )
  if (rebuilt.damage) throw rebuilt.damage
  if (until && 'revision' in until) {
    const newest = spaces.get(until.namespace)?.revision
    if (newest === undefined)
      throw new StorageError(`there is no namespace '${until.namespace}' in ${disk.path}`)
    if (newest < until.revision)
      throw new StorageError(
        `revision ${until.revision} of namespace '${until.namespace}' is not in ${disk.path}: the newest is ${newest}`,
      )
  }
  return rebuilt
}

/** Reads as much of a damaged log as can be read: from the checkpoint from which that reaches furthest. */
export async function salvage(disk: Disk, manifest: Manifest): Promise<Rebuilt> {
  let best: Rebuilt | undefined
  for (const base of basesOf(manifest).reverse()) {
    const rebuilt = await replayFrom(disk, manifest, base, new Map(), () => false)
    if (rebuilt.sequence > (best?.sequence ?? 0)) best = rebuilt
    if (!rebuilt.damage) break
  }
  if (!best) throw new StorageError(`nothing of the log in ${disk.path} can be read`)
  return best
}

/** Reads a log from the oldest checkpoint to its end. */
export const replayWhole = (disk: Disk, manifest: Manifest): Promise<Rebuilt> =>
  replayFrom(disk, manifest, basesOf(manifest)[0], new Map(), () => false)

/** Calls `visit` with each commit that is kept. */
export async function eachCommit(
  disk: Disk,
  visit: (name: string, revision: number, commit: WireCommit) => void,
): Promise<void> {
  const manifest = await manifestOf(disk)
  const spaces = new Map<number, Revision>()
  const see = (record: LogRecord) => {
    if (record[0] === Kept.namespace) spaces.set(record[1], [record[2], record[3]])
    else if (record[0] === Kept.commit) {
      const space = spaces.get(record[1]) as Revision
      visit(space[0], ++space[1], record[2])
    }
  }
  await readLog(disk, manifest, basesOf(manifest)[0], {
    snapshot: see,
    block: (_, payload) => decodeRecords(payload).forEach(see),
  })
}

/**
 * Begins a log with what another one came to, in files that are numbered from `number` on; what is in the folder besides is no
 * part of it. Gives its identity.
 */
export async function writeLog(
  disk: Disk,
  { replay, commits }: Rebuilt,
  number = 1,
  segmentBytes = SEGMENT_BYTES,
): Promise<string> {
  const log = randomBytes(12).toString('hex')
  const place = { sequence: 1, checksum: randomBytes(4).readUInt32BE(), commits, time: replay.time }
  const snapshot = await writeSnapshot(disk, fileName(number, 'snapshot'), place, replay.records())
  const segment = { file: fileName(number + 1, 'log'), size: segmentBytes }
  await createSegment(disk, log, segment)
  // Last: until it is there, no server begins here.
  await writeManifest(disk, { version: VERSION, log, segments: [segment], snapshots: [snapshot], begin: 1 })
  return log
}

/** Whether a checkpoint comes before the point. */
async function isBefore(disk: Disk, base: SnapshotFile | undefined, until: Until): Promise<boolean> {
  if (!base || !until) return true
  if ('time' in until) return base.time <= until.time
  return (await revisionAt(disk, base, until.namespace)) <= until.revision
}

/** Whether a record comes behind the point. What a commit's keys are tied to belongs to the commit before it. */
function isBehind(record: LogRecord, spaces: Map<string, Namespace>, until: Until): boolean {
  if (!until || record[0] !== Kept.commit) return false
  if ('time' in until) return record[2][5] > until.time
  return (spaces.get(until.namespace)?.revision ?? -1) >= until.revision
}

async function replayFrom(
  disk: Disk,
  manifest: Manifest,
  base: SnapshotFile | undefined,
  spaces: Map<string, Namespace>,
  isEnd: (next: LogRecord) => boolean,
): Promise<Rebuilt> {
  const replay = new Replay((name, revision) => {
    const space = new Namespace(name, 1, { revision })
    spaces.set(name, space)
    return space
  })
  const rebuilt: Rebuilt = { replay, commits: 0, sequence: 0, damage: undefined }
  try {
    await readLog(disk, manifest, base, {
      snapshot: replay.apply,
      block: (sequence, payload) => {
        for (const record of decodeRecords(payload)) {
          if (isEnd(record)) return false
          replay.apply(record)
        }
        rebuilt.sequence = sequence
        return true
      },
    })
    rebuilt.sequence ||= base?.sequence ?? 0
  } catch (error) {
    rebuilt.damage = error as Error
  }
  rebuilt.commits = (base?.commits ?? 0) + replay.commits
  replay.time ||= base?.time ?? 0
  return rebuilt
}
