import type { Worker } from 'node:worker_threads'
import { ownModule } from '../async/home.ts'
import { startThread } from '../lifeline/thread.ts'
import type { Disk } from './disk.ts'
import type { Manifest, SegmentFile, SnapshotFile } from './manifest.ts'
import type { ManifestOwner } from './manifest-owner.ts'
import { segmentAt } from './segment.ts'
import { beginning, type Keep } from './trim.ts'

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
  readonly #keep: Keep | undefined
  readonly #failed: (error: Error) => void
  /** Bytes of full segments that no snapshot stands for yet. */
  #bytes = 0
  #worker: Worker | undefined
  #adopting: Promise<void> | undefined
  #ended = false

  /** `failed`: there is no new snapshot; the log goes on without it. */
  constructor(disk: Disk, manifest: ManifestOwner, keep: Keep | undefined, failed: (error: Error) => void) {
    this.#disk = disk
    this.#manifest = manifest
    this.#keep = keep
    this.#failed = failed
  }

  /** A segment is full. From time to time that makes a snapshot due. */
  closed({ file, size }: SegmentFile): void {
    this.#bytes += size
    const newest = this.#manifest.now.snapshots.at(-1)
    if (this.#bytes < Math.max(4 * size, newest?.size ?? 0) || this.#worker || this.#ended) return
    this.#bytes = 0
    try {
      this.#make(file)
    } catch (error) {
      this.#failed(error as Error)
    }
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
      if (!this.#ended)
        this.#adopting = adopt(this.#disk, this.#manifest, snapshot, this.#keep).catch(this.#failed)
    })
    worker.once('error', this.#failed)
    worker.once('exit', () => {
      this.#worker = undefined
    })
  }
}

/**
 * Makes a snapshot part of the log, and removes what it makes superfluous: the snapshots and segments before the one with
 * which the log begins now. At a power cut there is the log as it was before or after.
 */
export async function adopt(
  disk: Disk,
  manifest: ManifestOwner,
  snapshot: SnapshotFile,
  keep?: Keep,
): Promise<void> {
  const { segments } = manifest.now
  const snapshots = [...manifest.now.snapshots, snapshot]
  const oldest = await beginning(disk, { ...manifest.now, snapshots }, keep)
  const first = oldest ? await segmentAt(disk, manifest.now.log, segments, oldest.sequence) : 0
  const before = oldest ? snapshots.indexOf(oldest) : 0
  const superfluous = [...segments.slice(0, first), ...snapshots.slice(0, before)]
  const names = new Set(superfluous.map(({ file }) => file))
  await manifest.change(next => {
    next.segments = next.segments.filter(({ file }) => !names.has(file))
    next.snapshots = snapshots.slice(before)
    if (oldest) next.begin = oldest.sequence
  })
  for (const file of names) await disk.remove(file)
}
