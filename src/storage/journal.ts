import { after, cancel, soon, type Timer } from '../async/interval.ts'
import { StorageError } from '../errors.ts'
import type { Entry } from '../protocol/messages.ts'
import type { Wire } from '../protocol/values.ts'
import type { Commit } from '../store/commit.ts'
import { blockBytes, sealBlock } from './blocks.ts'
import type { Disk, OpenFile } from './disk.ts'
import type { SegmentFile } from './manifest.ts'
import type { ManifestOwner } from './manifest-owner.ts'
import { type Payload, RecordWriter } from './record-writer.ts'
import type { OtherRecord } from './records.ts'
import { createSegment, dataStart, type Position, type Tail } from './segment.ts'

/** `'commit'`: synced before it counts as written; `interval`: synced at least so often; `'none'`: by the system's choice. */
export type Durability = 'commit' | 'none' | { interval: number }

export interface JournalOptions {
  durability: Durability
  /** The size of a segment; one that has to hold a larger block is larger. */
  segmentBytes: number
}

export interface JournalEvents {
  /** All blocks up to this one may be shown. */
  passed(sequence: number): void
  /** A write or sync failed: what was added and has not passed may be on disk or not. Nothing more is written. */
  failed(error: StorageError): void
  /** A segment is full: it is not written any more. */
  closed(segment: SegmentFile): void
}

// Room that is left for what estimates leave out.
const SPARE = 4096

/**
 * The end of the log that is written. Records that are added while a write is under way are gathered, and go to disk
 * together: one write and one sync for all of them.
 */
export class Journal {
  /** The newest block that counts as written. */
  passed: number
  readonly #disk: Disk
  readonly #manifest: ManifestOwner
  readonly #options: JournalOptions
  readonly #events: JournalEvents
  #tail: Tail
  #file: OpenFile | undefined
  #next: Promise<SegmentFile> | undefined
  // Bytes that the next segment has for blocks; 0: it is not there yet.
  #nextRoom = 0
  #nextError: Error | undefined
  readonly #records = new RecordWriter()
  /** The newest block whose records are complete: it is being written, or was. */
  #taken: number
  #synced: number
  #running: Promise<void> | undefined
  #syncing: Promise<void> | undefined
  #timer: Timer | undefined
  #error: StorageError | undefined

  constructor(
    disk: Disk,
    manifest: ManifestOwner,
    tail: Tail,
    options: JournalOptions,
    events: JournalEvents,
  ) {
    this.#disk = disk
    this.#manifest = manifest
    this.#tail = tail
    this.#options = options
    this.#events = events
    this.passed = this.#taken = this.#synced = tail.sequence
    this.#prepare()
  }

  /** The block that holds the newest record. */
  get newest(): number {
    return this.#taken + (this.#records.isEmpty ? 0 : 1)
  }

  /** Behind the newest block that was written. */
  get position(): Position {
    return { sequence: this.#tail.sequence, checksum: this.#tail.checksum }
  }

  /** Whether a record of any size can be written: for all that is known, `reserve` would not throw. */
  get isReady(): boolean {
    return !this.#error && !this.#nextError
  }

  /** Throws StorageError if there is no room on the disk for a record of about `bytes`. */
  reserve(bytes: number): void {
    if (this.#error) throw this.#error
    const error = this.#nextError
    if (!error || blockBytes(this.#records.length + bytes) + SPARE <= this.#room) return
    // It is tried again for each write that is refused, unless it is being tried: several at a time would take the space from each
    // other. Once there is space, the next write is taken.
    if (!this.#next) this.#prepare()
    throw new StorageError(
      `nothing can be written to the log in ${this.#disk.path}: ${error.message}; nothing was changed. Reads go on; writes are taken again when there is space`,
      { cause: error },
    )
  }

  /** Adds a record that is no commit to the next block; that is written at the end of the turn at the latest. */
  add(record: OtherRecord): void {
    this.#begin()
    this.#records.add(record)
  }

  /** Adds the next commit of namespace `number`, for which there is room: see `reserve`. */
  commit(number: number, commit: Commit): void {
    this.#begin()
    this.#records.commit(number, commit)
  }

  /** The commit that was added last, in this turn, answers request `id` of its author's session with `result`. */
  answer(id: number, result: Wire | Entry): void {
    this.#records.answer(id, result)
  }

  #begin(): void {
    if (this.#records.isEmpty) soon(() => this.flush())
  }

  /** Writes what was added, now or behind the write that is under way. */
  flush(): void {
    if (!this.#records.isEmpty && !this.#error) this.#running ??= this.#run()
  }

  /** Resolves when all that was added before is durable. */
  async sync(): Promise<void> {
    this.flush()
    while (this.#running) await this.#running
    if (!this.#error && this.#synced < this.#tail.sequence) await this.#sync()
    if (this.#error) throw this.#error
  }

  /** Writes and syncs what was added, and closes the file. */
  async close(): Promise<void> {
    await this.sync().catch(() => {})
    cancel(this.#timer)
    this.#error ??= new StorageError(`the log in ${this.#disk.path} was closed`)
    await this.#next?.catch(() => {})
    await this.#file?.close()
  }

  get #room(): number {
    const { segment, offset } = this.#tail
    return Math.max(segment.size - offset, this.#nextRoom)
  }

  #bytesForBlocks({ file, size }: SegmentFile): number {
    return size - dataStart(this.#manifest.now.log, file)
  }

  async #run(): Promise<void> {
    try {
      let written = this.#taken
      while (!this.#records.isEmpty) {
        const writing = this.#write(++this.#taken, this.#records.take())
        try {
          // Behind the start of the next write: the disk works while clients do.
          this.#pass(written)
        } finally {
          await writing
        }
        written = this.#taken
      }
      this.#pass(written)
    } catch (error) {
      this.#fail(error as Error)
    }
    this.#running = undefined
  }

  async #write(sequence: number, { room, length }: Payload): Promise<void> {
    const needed = blockBytes(length)
    if (this.#tail.segment.size - this.#tail.offset < needed) await this.#roll(needed)
    this.#file ??= await this.#disk.open(this.#tail.segment.file)
    const { checksum: previous, offset } = this.#tail
    const unsynced = this.#tail.sequence - this.#synced
    const { bytes, checksum } = sealBlock(room, length, { sequence, previous, unsynced, at: offset })
    this.#tail = { ...this.#tail, sequence, checksum, offset: offset + bytes.length }
    if (this.#options.durability === 'commit') {
      await this.#file.writeDurably(bytes, offset)
      this.#synced = sequence
    } else {
      await this.#file.write(bytes, offset)
      this.#syncLater()
    }
  }

  #pass(sequence: number): void {
    if (this.passed === sequence) return
    this.passed = sequence
    this.#events.passed(sequence)
  }

  #sync(): Promise<void> {
    this.#syncing ??= this.#syncFile().finally(() => {
      this.#syncing = undefined
    })
    return this.#syncing
  }

  async #syncFile(): Promise<void> {
    const { sequence } = this.#tail
    try {
      await this.#file?.sync()
      this.#synced = sequence
    } catch (error) {
      this.#fail(error as Error)
      throw error
    }
  }

  #syncLater(): void {
    const { durability } = this.#options
    if (typeof durability === 'string' || this.#timer) return
    this.#timer = after(durability.interval, () => {
      this.#timer = undefined
      this.#sync().catch(() => {})
    })?.unref()
  }

  /** Goes on in the next segment. What is in the one before is durable from then on. */
  async #roll(needed: number): Promise<void> {
    if (this.#file && this.#synced < this.#tail.sequence) await this.#sync()
    let next = await (this.#next ?? this.#create(0))
    if (this.#bytesForBlocks(next) < needed) {
      await this.#manifest.change(manifest => {
        manifest.segments = manifest.segments.filter(({ file }) => file !== next.file)
      })
      await this.#disk.remove(next.file)
      next = await this.#create(needed)
    }
    const full = this.#tail.segment
    await this.#file?.close()
    this.#file = undefined
    this.#tail = { ...this.#tail, segment: next, offset: next.size - this.#bytesForBlocks(next) }
    this.#prepare()
    this.#events.closed(full)
  }

  /** Makes the next segment, so that it is there before it is needed: a commit never meets a full disk. */
  #prepare(): void {
    this.#nextRoom = 0
    const next = this.#create(0)
    this.#next = next
    next.then(
      segment => {
        this.#nextRoom = this.#bytesForBlocks(segment)
        this.#nextError = undefined
      },
      error => {
        this.#nextError = error
        if (this.#next === next) this.#next = undefined
      },
    )
  }

  async #create(needed: number): Promise<SegmentFile> {
    const { log } = this.#manifest.now
    const file = this.#manifest.newFile('log')
    const size = Math.max(this.#options.segmentBytes, dataStart(log, file) + needed + SPARE)
    try {
      await createSegment(this.#disk, log, { file, size })
    } catch (error) {
      await this.#disk.remove(file).catch(() => {})
      throw error
    }
    await this.#manifest.change(manifest => {
      manifest.segments.push({ file, size })
    })
    return { file, size }
  }

  #fail(cause: Error): void {
    if (this.#error) return
    this.#error = new StorageError(
      `the log in ${this.#disk.path} could not be written: ${cause.message}; whether the newest writes are kept is not known`,
      { cause },
    )
    this.#events.failed(this.#error)
  }
}
