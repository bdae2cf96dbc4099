import { wallClock } from '../async/interval.ts'
import type { Disk } from './disk.ts'
import type { Manifest, SnapshotFile } from './manifest.ts'
import { startOf } from './segment.ts'

/** Snapshots that are kept in any case: a server that is started again reads from the last but one. */
export const KEPT_SNAPSHOTS = 2

/** How far back a log goes on disk: what lies beyond any of these is removed, from checkpoint to checkpoint. */
export interface Keep {
  /** Commits, of all namespaces together. */
  revisions?: number
  /** Bytes of all files. */
  bytes?: number
  /** Milliseconds. */
  time?: number
}

/**
 * The snapshot with which the log begins from now on: everything before it is superfluous. undefined: the log is kept from
 * its beginning. Without `keep` that is what it takes to start again.
 */
export async function beginning(
  disk: Disk,
  manifest: Manifest,
  keep: Keep | undefined,
): Promise<SnapshotFile | undefined> {
  const { snapshots } = manifest
  const newest = snapshots.at(-1)
  const last = snapshots.length - KEPT_SNAPSHOTS
  if (!newest || last < 0) return undefined
  if (!keep) return snapshots[last]
  const { revisions = Infinity, bytes = Infinity, time = Infinity } = keep
  const sizes = bytes === Infinity ? [] : await sizesSince(disk, manifest)
  for (let i = last; i >= 0; i--) {
    const snapshot = snapshots[i] as SnapshotFile
    const beyond =
      newest.commits - snapshot.commits >= revisions ||
      wallClock() - snapshot.time >= time ||
      (sizes[i] as number) > bytes
    if (beyond) return snapshot
  }
  return undefined
}

/** For each snapshot, the bytes of the log if it began with the one before. */
async function sizesSince(disk: Disk, { log, segments, snapshots }: Manifest): Promise<number[]> {
  const starts = await Promise.all(segments.map(segment => startOf(disk, log, segment)))
  return snapshots.map((_, i) => {
    const from = snapshots[i - 1]?.sequence ?? 0
    let first = 0
    for (const [at, start] of starts.entries()) if (start && start.sequence <= from) first = at
    const kept = [...segments.slice(first), ...snapshots.slice(Math.max(0, i - 1))]
    return kept.reduce((sum, { size }) => sum + size, 0)
  })
}
