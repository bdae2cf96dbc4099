import type { MapDescription } from '../protocol/description.ts'
import { errorToWire, Packed, toWire, type Wire } from '../protocol/values.ts'
import { type CallItem, type Chunk, type Payload, type Segment, segmentOf } from './chunk.ts'
import { ChunkSize } from './chunk-size.ts'
import { crashOver } from './crash.ts'
import { failedAt, type ItemSource, type OutcomeSink } from './item-io.ts'
import type { JobSettings } from './job-settings.ts'
import { listToWire, type Results, type WorkerEnd } from './messages.ts'

// The number of places, at most, that a list is read from.
const LANES = 64

/** Items on their way from a source through workers to a sink: what waits, what runs, what is tried again. */
export class Job {
  readonly number: number
  readonly settings: JobSettings
  /** The number of chunks that workers hold. */
  running = 0
  /** Called when there may be more to give to workers, outside of a call of the pool. */
  onWork: () => void = () => {}
  #source: ItemSource
  readonly #sink: OutcomeSink
  readonly #size: ChunkSize
  /** Items that were read and wait for a worker, by index. */
  #backlog: Segment[] = []
  #read = 0
  #done = 0
  #isReading = false
  #isOver = false
  /** The item that fails the job: further ones are not begun. */
  #brokenAt = Number.POSITIVE_INFINITY

  constructor(number: number, source: ItemSource, sink: OutcomeSink, settings: JobSettings) {
    this.number = number
    this.settings = settings
    this.#source = source
    this.#sink = sink
    this.#size = new ChunkSize(settings.timeout === undefined ? settings.chunkSize : 1)
    if (source.done) sink.end(0)
  }

  /** The number of chunks that a worker may hold: two where they are short, so that it does not wait for the next one. */
  get depth(): number {
    return this.settings.timeout === undefined && this.#size.isShort ? 2 : 1
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** No worker holds anything of it, and nothing waits. */
  get isIdle(): boolean {
    return this.running === 0 && this.#backlog.length === 0 && !this.#isReading && !this.#canRead
  }

  /** Something waits for a worker, or can be read. */
  get hasWork(): boolean {
    return this.#backlog.length > 0 || this.#canRead
  }

  /** Every item has its outcome, and no more will come. */
  get isDone(): boolean {
    return this.isIdle && this.#source.done
  }

  /** The next chunk for a worker, of `most` items at most, if there is one now. */
  next(most: number): Chunk | undefined {
    while (!this.#isOver) {
      if (this.#backlog.length === 0) this.#readSegment()
      const segment = this.#backlog.shift()
      if (!segment) return undefined
      const chunk = this.#encode(this.#cut(segment, Math.min(this.#sizeOf(segment), most)))
      if (!chunk) continue
      this.running++
      return chunk
    }
    return undefined
  }

  /** Reads items from several places in turn, if it can: for outcomes that are all collected, or wanted in any order. */
  spread(): void {
    if (!this.#isReading)
      this.#source = this.#source.spread?.(Math.min(this.settings.limit, LANES)) ?? this.#source
  }

  /** The number of further workers, up to `most`, that it has work for. Reads items to find out, if their number is not known. */
  demand(most: number): number {
    const { remaining } = this.#source
    while (remaining === undefined && this.#backlog.length < most) {
      const before = this.#read
      this.#readSegment()
      if (this.#read === before) break
    }
    const toRead = this.#canRead && !this.#sink.isFull ? (remaining ?? 0) : 0
    let chunks = Math.min(most, Math.ceil(toRead / this.#size.next))
    for (const segment of this.#backlog) {
      chunks += Math.ceil(segment.items.length / this.#sizeOf(segment))
      if (chunks >= most) return most
    }
    return chunks
  }

  describe(): MapDescription {
    const { settings, number } = this
    const { shape, unit } = settings
    const { remaining, done } = this.#source
    const total = done ? this.#read : remaining === undefined ? null : this.#read + remaining
    // Calls are waited for as they are made: there is no number of them in all.
    const unread = unit === 'call' ? (remaining ?? 0) : 0
    const waiting = this.#backlog.reduce((sum, { items }) => sum + items.length, unread)
    return {
      number,
      function: shape.name,
      unit: unit === 'map' ? 'item' : 'call',
      done: this.#done,
      total: unit === 'call' ? null : total,
      waiting,
    }
  }

  reported(chunk: Chunk, { count, results, failures, ms, kept, awaited }: Results): void {
    if (kept === 0) this.running--
    if (this.#isOver) return
    if (chunk.count > count + kept) this.#giveBack(segmentOf(chunk, count + kept, chunk.deaths))
    chunk.count = kept
    if (count === 0) return
    this.#done += count
    this.#size.took(ms / count, awaited)
    if (results instanceof Packed) this.#size.returned(results.bytes.length / count)
    const { first } = chunk
    chunk.first += count
    chunk.reported += count
    this.#sink.put({ first, count, results, failures, error: undefined })
  }

  /** Item `at` of the chunk threw. */
  failed(chunk: Chunk, results: Wire, at: number, error: unknown): void {
    this.running--
    if (this.#isOver) return
    const { first } = chunk
    this.#done += at
    this.#sink.put({ first, count: at, results, failures: [], error: { error, index: first + at } })
    this.#break(first + at)
  }

  /** The item of the chunk took too long. */
  late(chunk: Chunk, error: unknown): void {
    this.running--
    if (!this.#isOver) this.#lose(chunk.first, chunk.count, error)
  }

  dropped(): void {
    this.running--
  }

  /** The worker is gone. `end`: it died while it ran this chunk. */
  lost(chunk: Chunk, end: WorkerEnd | undefined): void {
    this.running--
    if (this.#isOver) return
    const deaths = chunk.deaths + (end ? 1 : 0)
    if (end && deaths > this.settings.maxRetries)
      this.#lose(chunk.first, chunk.count, crashOver(this.settings, chunk, deaths, end))
    else this.#giveBack(segmentOf(chunk, 0, deaths))
  }

  /** Ends it from outside: `error` takes the place of all outcomes that are missing. */
  stop(error: Error): void {
    if (this.#isOver) return
    this.#backlog = []
    this.#sink.fail(error)
  }

  /** Nothing more of it is wanted. */
  end(): void {
    this.#isOver = true
    this.#backlog = []
    this.#source.close()
  }

  get #canRead(): boolean {
    const { done, isEmpty } = this.#source
    return !done && !isEmpty && !this.#isReading && !this.#isOver
  }

  #readSegment(): void {
    if (!this.#canRead || this.#sink.isFull) return
    const { next } = this.#source
    let items: unknown[] | Promise<unknown[]>
    try {
      items = this.#source.take(this.#size.grow())
    } catch (error) {
      return this.#sourceFailed(error)
    }
    if (!(items instanceof Promise)) return this.#arrived(next, items)
    this.#isReading = true
    void items
      .finally(() => {
        this.#isReading = false
      })
      .then(
        read => this.#arrived(next, read),
        error => this.#sourceFailed(error),
      )
      .finally(() => this.onWork())
  }

  /** After a worker died, its items go one by one: those that did not end it get through. */
  #sizeOf({ deaths }: Segment): number {
    return deaths > 0 ? 1 : this.#size.next
  }

  #arrived(first: number, items: unknown[]): void {
    if (this.#isOver) return
    if (items.length > 0) this.#giveBack({ first, items, deaths: 0 })
    this.#read += items.length
    if (this.#source.done && this.#brokenAt === Number.POSITIVE_INFINITY) this.#sink.end(this.#read)
  }

  /** The first items of a segment; the others stay in the backlog. */
  #cut(segment: Segment, count: number): Segment {
    const { first, items, deaths } = segment
    if (items.length <= count) return segment
    this.#backlog.unshift({ first: first + count, items: items.slice(count), deaths })
    return { first, items: items.slice(0, count), deaths }
  }

  #giveBack(segment: Segment): void {
    const { first, items } = segment
    if (first >= this.#brokenAt) return
    if (first + items.length > this.#brokenAt) segment.items = items.slice(0, this.#brokenAt - first)
    const at = this.#backlog.findIndex(other => other.first > first)
    this.#backlog.splice(at < 0 ? this.#backlog.length : at, 0, segment)
  }

  #encode({ first, items, deaths }: Segment): Chunk | undefined {
    const count = items.length
    try {
      const payload = this.#payloadOf(items)
      if (payload instanceof Packed) this.#size.sent(payload.bytes.length / count)
      return { first, count, payload, reported: 0, deaths }
    } catch (error) {
      if (count === 1) this.#lose(first, 1, this.#itemError(items[0], first, error))
      // The items before the one that cannot be sent are computed.
      else items.forEach((item, i) => void this.#giveBack({ first: first + i, items: [item], deaths }))
      return undefined
    }
  }

  /** The error that names the item by its index. */
  #itemError(item: unknown, index: number, error: unknown): unknown {
    try {
      toWire(item, this.settings.call, `item ${index}`)
      return error
    } catch (named) {
      return named
    }
  }

  #payloadOf(items: unknown[]): Payload {
    return this.settings.shape.single ? (items as CallItem[]) : listToWire(items, this.settings.call, 'items')
  }

  /** No item of a range has a result. */
  #lose(first: number, count: number, error: unknown): void {
    if (!this.settings.shape.settle) {
      this.#sink.put(failedAt(first, error))
      return this.#break(first)
    }
    const wire = errorToWire(error)
    const failures = Array.from({ length: count }, (_, at): [number, Wire] => [at, wire])
    const results = listToWire(new Array(count).fill(undefined), this.settings.call, 'results')
    this.#sink.put({ first, count, results, failures, error: undefined })
  }

  // What comes after the item will not be consumed: it is not begun.
  #break(index: number): void {
    this.#brokenAt = Math.min(this.#brokenAt, this.settings.ordered ? index : 0)
    const waiting = this.#backlog
    this.#backlog = []
    for (const segment of waiting) this.#giveBack(segment)
    this.#source.limit(this.#brokenAt)
  }

  // An iterable that throws ends the job after the items that it gave before.
  #sourceFailed(error: unknown): void {
    if (this.#isOver) return
    this.#source.close()
    this.#sink.end(this.#read, { error })
  }
}
