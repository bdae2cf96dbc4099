import { WorkerCrashError } from '../errors.ts'
import { errorFromWire, fromWire, Packed, toWire, type Wire } from '../protocol/values.ts'
import type { Shape } from './messages.ts'
import type { Source } from './source.ts'

// A chunk is to take about this long, in milliseconds, and to weigh no more than this, in bytes.
const WORK = 5
const WEIGHT = 256 << 10
const MOST = 50_000
// Chunks read ahead of what is consumed, for each worker that the map may use.
const AHEAD = 4

export interface Chunk {
  number: number
  /** The index of its first item. */
  first: number
  count: number
  items: Wire
  tries: number
  state: 'waiting' | 'running' | 'done'
  results: unknown[]
  failures: Map<number, unknown>
  /** Ends the map when the consumer comes to it. */
  error: { index: number; error: unknown } | undefined
}

/** One map: its chunks from the first that is not consumed to the last that was read, in order. */
export class Run {
  readonly number: number
  readonly target: Uint8Array
  readonly shape: Shape
  readonly limit: number
  readonly timeout: number | undefined
  running = 0
  /** Items finished. */
  done = 0
  readonly #source: Source
  readonly #fixedSize: number | undefined
  readonly #maxRetries: number
  readonly #chunks: Chunk[] = []
  #waiting: Chunk[] = []
  #read = 0
  #numbers = 0
  #reading = false
  #perItem: number | undefined
  #itemBytes = 0
  #size = 1
  #ended = false
  #broken = false
  /** Called when there may be something new: to hand out, or to consume. */
  changed: () => void = () => {}

  constructor(
    number: number,
    source: Source,
    given: {
      target: Uint8Array
      shape: Shape
      limit: number
      chunkSize?: number
      maxRetries: number
      timeout?: number
    },
  ) {
    this.number = number
    this.#source = source
    this.target = given.target
    this.shape = given.shape
    this.limit = given.limit
    this.timeout = given.timeout
    this.#fixedSize = given.timeout === undefined ? given.chunkSize : 1
    this.#maxRetries = given.maxRetries
  }

  /** Whether a worker may have a second chunk in hand: where they are short, so that it never waits for one. */
  get ahead(): number {
    return this.#perItem !== undefined && this.#perItem * this.#size < 4 * WORK && this.timeout === undefined
      ? 2
      : 1
  }

  get ended(): boolean {
    return this.#ended
  }

  /** A chunk for a worker, if there is one now. */
  take(): Chunk | undefined {
    if (this.#ended || this.running >= this.limit * this.ahead) return undefined
    const chunk = this.#waiting.shift() ?? this.#readChunk()
    if (!chunk) return undefined
    chunk.state = 'running'
    chunk.tries++
    this.running++
    return chunk
  }

  finished(chunk: Chunk, results: Wire, ms: number, failures: [number, Wire][]): void {
    this.running--
    if (this.#ended) return
    const perItem = ms / chunk.count
    this.#perItem = this.#perItem === undefined ? perItem : (this.#perItem + perItem) / 2
    this.#settle(chunk, fromWire(results) as unknown[], failures)
  }

  failed(chunk: Chunk, results: Wire, at: number, error: unknown): void {
    this.running--
    if (this.#ended) return
    this.#settle(chunk, fromWire(results) as unknown[], [])
    this.#break(chunk, at, error)
  }

  /** An item took too long. */
  late(chunk: Chunk, error: unknown): void {
    this.running--
    if (this.#ended) return
    if (!this.shape.settle) return this.#fail(chunk, error)
    this.#settle(chunk, [undefined], [])
    chunk.failures.set(0, error)
  }

  dropped(): void {
    this.running--
  }

  /** The worker died over it. */
  lost(chunk: Chunk): void {
    this.running--
    if (this.#ended || chunk.state === 'done') return
    if (chunk.tries <= this.#maxRetries) {
      chunk.state = 'waiting'
      this.#waiting.unshift(chunk)
      return this.changed()
    }
    const indices = Array.from({ length: chunk.count }, (_, i) => chunk.first + i)
    const shown =
      chunk.count === 1 ? `item ${chunk.first}` : `items ${chunk.first} to ${chunk.first + chunk.count - 1}`
    const error = new WorkerCrashError(
      `processMap: a worker died ${chunk.tries} times over ${shown}`,
      indices,
    )
    if (this.shape.settle) {
      this.#settle(chunk, new Array(chunk.count).fill(undefined), [])
      for (let i = 0; i < chunk.count; i++) chunk.failures.set(i, error)
      return
    }
    this.#fail(chunk, error)
  }

  #fail(chunk: Chunk, error: unknown): void {
    this.#settle(chunk, [], [])
    this.#break(chunk, 0, error)
  }

  /** The first chunk, once it is done; undefined while it is not; null when there is none left. */
  head(): Chunk | undefined | null {
    const chunk = this.#chunks[0]
    if (chunk) return chunk.state === 'done' ? chunk : undefined
    return this.#source.done && !this.#reading ? null : undefined
  }

  /** The first chunk has been consumed. */
  shift(): void {
    this.#chunks.shift()
  }

  end(): void {
    this.#ended = true
    this.#waiting = []
    this.#chunks.length = 0
    this.#source.close()
  }

  #settle(chunk: Chunk, results: unknown[], failures: [number, Wire][]): void {
    chunk.state = 'done'
    chunk.items = undefined
    chunk.results = results
    for (const [at, error] of failures) chunk.failures.set(at, errorFromWire(error))
    this.done += chunk.count
    this.changed()
  }

  // What comes after the item will not be consumed: it is not begun.
  #break(chunk: Chunk, at: number, error: unknown): void {
    const index = chunk.first + at
    chunk.error = { index, error }
    if (typeof error === 'object' && error !== null) {
      try {
        Object.assign(error, { index })
      } catch {}
    }
    this.#broken = true
    this.#waiting = this.#waiting.filter(waiting => waiting.first < index)
    this.#source.close()
    this.changed()
  }

  #readChunk(): Chunk | undefined {
    if (this.#reading || this.#source.done || this.#broken || this.#chunks.length >= this.limit * AHEAD)
      return undefined
    this.#size = this.#nextSize()
    let items: unknown[] | Promise<unknown[]>
    try {
      items = this.#source.take(this.#size)
    } catch (error) {
      this.#sourceFailed(error)
      return undefined
    }
    if (!(items instanceof Promise)) return this.#makeChunk(items)
    this.#reading = true
    items
      .then(
        read => {
          this.#reading = false
          if (this.#ended) return
          const chunk = this.#makeChunk(read)
          if (chunk) this.#waiting.push(chunk)
        },
        error => {
          this.#reading = false
          this.#sourceFailed(error)
        },
      )
      .finally(() => this.changed())
    return undefined
  }

  #nextSize(): number {
    if (this.#fixedSize !== undefined) return this.#fixedSize
    if (this.#perItem === undefined) return 1
    const byTime = WORK / Math.max(this.#perItem, 1e-5)
    const byWeight = this.#itemBytes > 0 ? WEIGHT / this.#itemBytes : MOST
    return Math.max(1, Math.floor(Math.min(byTime, byWeight, this.#size * 8, MOST)))
  }

  #makeChunk(items: unknown[]): Chunk | undefined {
    if (items.length === 0) {
      // The consumer may be waiting to hear that this is all.
      queueMicrotask(() => this.changed())
      return undefined
    }
    const chunk: Chunk = {
      number: ++this.#numbers,
      first: this.#read,
      count: items.length,
      items: undefined,
      tries: 0,
      state: 'waiting',
      results: [],
      failures: new Map(),
      error: undefined,
    }
    this.#read += items.length
    this.#chunks.push(chunk)
    try {
      chunk.items = toWire(items, 'ctx.processMap', 'item')
    } catch (error) {
      this.#fail(chunk, error)
      return undefined
    }
    if (chunk.items instanceof Packed) this.#itemBytes = chunk.items.bytes.length / items.length
    return chunk
  }

  // An iterable that throws ends the map after what it gave before.
  #sourceFailed(error: unknown): void {
    const chunk: Chunk = {
      number: ++this.#numbers,
      first: this.#read,
      count: 0,
      items: undefined,
      tries: 0,
      state: 'done',
      results: [],
      failures: new Map(),
      error: { index: this.#read, error },
    }
    this.#chunks.push(chunk)
    this.#source.close()
    this.#broken = true
    queueMicrotask(() => this.changed())
  }
}
