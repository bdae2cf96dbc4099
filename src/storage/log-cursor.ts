import type { WireCommit } from '../protocol/messages.ts'
import { ABSENT, slot, slotAfter, type Values } from '../store/commit.ts'
import { damaged } from './damage.ts'
import type { Disk } from './disk.ts'
import type { Manifest, SegmentFile, SnapshotFile } from './manifest.ts'
import { decodeRecords } from './record-reader.ts'
import { Kept, type LogRecord } from './records.ts'
import { BEGINNING, type Position, readSegment, segmentAt, startOf } from './segment.ts'
import { readSnapshot } from './snapshot.ts'

/** The state of one namespace, which moves along the log on disk, from a checkpoint on. */
export class LogCursor {
  values: Values = new Map()
  revision: number
  /** The log as it is now: may change between two calls. */
  manifest: Manifest
  readonly name: string
  readonly #disk: Disk
  readonly #blocks: AsyncGenerator<LogRecord[] | undefined>
  // The number of the namespace; undefined: it does not exist here.
  #number: number | undefined
  #records: LogRecord[] = []
  #next = 0

  /** `revision`: of the namespace at the checkpoint; `snapshot`: undefined stands for the beginning of the log. */
  static async open(
    disk: Disk,
    manifest: Manifest,
    name: string,
    { revision, snapshot }: Checkpoint,
  ): Promise<LogCursor> {
    const cursor = new LogCursor(disk, manifest, name, revision, snapshot ?? BEGINNING)
    if (snapshot) await readSnapshot(disk, snapshot, record => cursor.#apply(record))
    return cursor
  }

  private constructor(disk: Disk, manifest: Manifest, name: string, revision: number, start: Position) {
    this.#disk = disk
    this.manifest = manifest
    this.name = name
    this.revision = revision
    this.#blocks = this.#read(start)
  }

  /**
   * Moves on until `isEnough` says so, which is asked after each record with the commit of this namespace that it is.
   * false: what is written ends before that.
   */
  async run(isEnough: (commit: WireCommit | undefined) => boolean): Promise<boolean> {
    for (;;) {
      while (this.#next < this.#records.length) {
        const commit = this.#apply(this.#records[this.#next++] as LogRecord)
        if (isEnough(commit)) return true
      }
      const { value } = await this.#blocks.next()
      if (!value) return false
      this.#records = value
      this.#next = 0
    }
  }

  #apply(record: LogRecord): WireCommit | undefined {
    if (record[0] === Kept.namespace) {
      if (record[2] !== this.name) return
      this.#number = record[1]
      this.values = new Map()
      this.revision = record[3]
    } else if (this.#number === undefined || record[1] !== this.#number) return
    else if (record[0] === Kept.forgotten) this.#number = undefined
    else if (record[0] === Kept.entries) for (const entry of record[2]) this.values.set(...entry)
    else if (record[0] === Kept.commit) {
      this.#commit(record[2])
      return record[2]
    }
    return
  }

  #commit(commit: WireCommit): void {
    for (const change of commit[7]) {
      if (change.length === 0) {
        this.values = new Map()
        continue
      }
      const after = slotAfter(slot(this.values, change[0]), change)
      if (after === ABSENT) this.values.delete(change[0])
      else this.values.set(change[0], after)
    }
    this.revision++
  }

  /** The records of the blocks behind `start`; undefined: there are no more at present. */
  async *#read(start: Position): AsyncGenerator<LogRecord[] | undefined> {
    const { log, segments } = this.manifest
    let segment = segments[await segmentAt(this.#disk, log, segments, start.sequence)] as SegmentFile
    let position = (await startOf(this.#disk, log, segment)) ?? start
    let offset: number | undefined
    let next: SegmentFile | undefined
    for (;;) {
      const before = position
      const blocks = readSegment(this.#disk, log, segment, position, offset)
      let found = await blocks.next()
      for (; !found.done; found = await blocks.next()) {
        const { payload, ...place } = found.value
        position = place
        if (position.sequence > start.sequence) yield decodeRecords(payload)
      }
      offset = found.value.offset
      // The next one is not written before this one is full, and what this one lacked before may be there now.
      if (position !== before) next = undefined
      else if (next) {
        segment = next
        offset = next = undefined
      } else {
        next = await this.#after(segment)
        if (!next) yield undefined
      }
    }
  }

  /** The segment behind this one, if there is anything in it. */
  async #after({ file }: SegmentFile): Promise<SegmentFile | undefined> {
    const { log, segments } = this.manifest
    const at = segments.findIndex(segment => segment.file === file)
    if (at < 0) throw damaged(this.#disk, file, 0, 'it is no part of the log any more')
    const next = segments[at + 1]
    return next && (await startOf(this.#disk, log, next)) ? next : undefined
  }
}

/** Where a cursor begins: a namespace at a snapshot, or at the beginning of the log. */
export interface Checkpoint {
  revision: number
  snapshot: SnapshotFile | undefined
}
