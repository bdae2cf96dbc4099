import type { Worker } from 'node:worker_threads'
import { ownModule } from '../async/home.ts'
import { startThread } from '../lifeline/thread.ts'
import type { Disk } from './disk.ts'
import type { ManifestOwner } from './journal.ts'
import type { Manifest, SegmentFile, SnapshotFile } from './manifest.ts'
import { startOf } from './segment.ts'

/** Snapshots that are kept: a server that is started again reads on from the oldest, and so has the commits since in memory. */
export const KEPT_SNAPSHOTS = 2

const entry = ownModule('storage/compact')

/** What the thread that makes a snapshot is told. */
export interface Compaction {
  path: string
  /** With segments that are not written any more. */
  manifest: Manifest
  file: string
}

/**
 * Makes snapshots of a log, each by a thread of its own, from the files alone: what is written meanwhile does not wait, and
 * the state in memory is not looked at.
 */
export class Checkpoints {
  readonly #disk: Disk
  readonly #manifest: ManifestOwner
  readonly #failed: (error: Error) => void
  /** Bytes of full segments that no snapshot stands for yet. */
  #bytes = 0
  #worker: Worker | undefined
  #adopting: Promise<void> | undefined
  #ended = false

  /** `failed`: there is no new snapshot; the log goes on without it. */
  constructor(disk: Disk, manifest: ManifestOwner, failed: (error: Error) => void) {
    this.#disk = disk
    this.#manifest = manifest
    this.#failed = failed
  }

  /** A segment is full. From time to time that makes a snapshot due. */
  closed({ file, size }: SegmentFile): void {
    this.#bytes += size
    const newest = this.#manifest.now.snapshots.at(-1)
    if (this.#bytes < Math.max(4 * size, newest?.size ?? 0) || this.#worker || this.#ended) return
    this.#bytes = 0
    this.#make(file)
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.#worker?.terminate()
    await this.#adopting
  }

  #make(last: string): void {
    const { segments } = this.#manifest.now
    const full = segments.slice(0, segments.findIndex(({ file }) => file === last) + 1)
    const workerData: Compaction = {
      path: this.#disk.path,
      manifest: { ...this.#manifest.now, segments: full },
      file: this.#manifest.newFile('snapshot'),
    }
    const worker = startThread(entry, { workerData })
    this.#worker = worker
    worker.unref()
    worker.once('message', (snapshot: SnapshotFile) => {
      if (!this.#ended) this.#adopting = adopt(this.#disk, this.#manifest, snapshot).catch(this.#failed)
    })
    worker.once('error', this.#failed)
    worker.once('exit', () => {
      this.#worker = undefined
    })
  }
}

/**
 * Makes a snapshot part of the log, and removes what it makes superfluous: all but the newest `kept` snapshots, and the
 * segments before the oldest of those. At a power cut there is the log as it was before or after.
 */
export async function adopt(
  disk: Disk,
  manifest: ManifestOwner,
  snapshot: SnapshotFile,
  kept = KEPT_SNAPSHOTS,
): Promise<void> {
  const { segments, snapshots } = manifest.now
  const keptSnapshots = [...snapshots, snapshot].slice(-kept)
  let first = 0
  // While there are fewer snapshots than are to be kept, the log is kept from its beginning.
  const from = keptSnapshots.length < kept ? 0 : (keptSnapshots[0] as SnapshotFile).sequence
  for (const [i, segment] of segments.entries()) {
    const begins = await startOf(disk, manifest.now.log, segment)
    if (begins && begins.sequence <= from) first = i
  }
  const superfluous = [...segments.slice(0, first), ...snapshots.filter(old => !keptSnapshots.includes(old))]
  const names = new Set(superfluous.map(({ file }) => file))
  await manifest.change(next => {
    next.segments = next.segments.filter(({ file }) => !names.has(file))
    next.snapshots = keptSnapshots
  })
  for (const file of names) await disk.remove(file)
}
