import { microtask } from '../async/interval.ts'
import { WorkerCrashError, ZprocError } from '../errors.ts'
import { errorFromWire, fromWire, Packed, toWire, type Wire } from '../protocol/values.ts'
import { type Chunk, newChunk } from './chunk.ts'
import { listToWire, type Shape } from './messages.ts'
import { withIndex } from './options.ts'
import { Sizes } from './sizes.ts'
import type { Source } from './source.ts'

// Chunks read ahead of what is consumed, for each worker that the map may use.
const AHEAD = 4

export interface RunSettings {
  target: Uint8Array
  /** The target by value, for machines that lack the modules which it refers to. */
  copy: Uint8Array | null
  shape: Shape
  /** Workers that it may use at a time. */
  limit: number
  /** It has workers of its own. */
  fresh: boolean
  chunkSize: number | undefined
  maxRetries: number
  timeout: number | undefined
}

/** One map: its chunks from the first that is not consumed to the last that was read, in order. */
export class Run {
  readonly number: number
  readonly settings: RunSettings
  /** Chunks that workers have. */
  running = 0
  /** Items finished. */
  done = 0
  /** Workers that there are, which may be fewer than it may use. */
  workers = 1
  readonly #source: Source
  readonly #sizes: Sizes
  #chunks: Chunk[] = []
  #waiting: Chunk[] = []
  #read = 0
  #reading = false
  #ended = false
  #broken = false
  /** Called when there may be something new: to hand out, or to consume. */
  changed: () => void = () => {}
  /** Called when it cannot go on. */
  stopped: (error: Error) => void = () => {}

  constructor(number: number, source: Source, settings: RunSettings) {
    this.number = number
    this.#source = source
    this.settings = settings
    this.#sizes = new Sizes(settings.timeout === undefined ? settings.chunkSize : 1)
  }

  /** Chunks that one worker may have in hand: two where they are short, so that it never waits for one. */
  get ahead(): number {
    return this.settings.timeout === undefined && this.#sizes.short ? 2 : 1
  }

  /** Results that nobody has consumed, those to come included; 0 when that is not known. */
  get left(): number {
    const { total } = this.#source
    // A list that grew while it was read had more than it said at first.
    return Math.max(0, (total ?? 0) - (this.#chunks[0]?.first ?? this.#read))
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Everything there is to compute has been computed. */
  get exhausted(): boolean {
    return this.running === 0 && this.#waiting.length === 0 && this.#source.done && !this.#reading
  }

  /** A chunk for a worker, if there is one now. */
  take(): Chunk | undefined {
    if (this.#ended) return undefined
    const chunk = this.#waiting.shift() ?? this.#readChunk()
    if (!chunk) return undefined
    chunk.state = 'running'
    this.running++
    return chunk
  }

  finished(chunk: Chunk, wire: Wire, ms: number, failures: [number, Wire][]): void {
    this.running--
    if (this.#ended) return
    const results = fromWire(wire) as unknown[]
    this.#sizes.took(ms / results.length)
    if (wire instanceof Packed) this.#sizes.returned(wire.bytes.length / results.length)
    // It was longer than expected: the rest goes to whoever is free, in portions of the right size.
    if (results.length < chunk.count) this.#divide(chunk, results.length, this.#sizes.next(), 0)
    for (const [at, error] of failures)
      chunk.failures.set(at, withIndex(errorFromWire(error), chunk.first + at))
    this.#settle(chunk, results)
  }

  failed(chunk: Chunk, results: Wire, at: number, error: unknown): void {
    this.running--
    if (this.#ended) return
    this.#break(chunk, fromWire(results) as unknown[], at, error)
  }

  /** Its item took too long. */
  late(chunk: Chunk, error: unknown): void {
    this.running--
    if (!this.#ended) this.#lose(chunk, error)
  }

  dropped(): void {
    this.running--
  }

  /** Its worker is gone. `guilty`: the worker died while at it, not over another chunk nor because it was told to. */
  lost(chunk: Chunk, guilty: boolean): void {
    this.running--
    if (this.#ended) return
    chunk.state = 'waiting'
    if (guilty && ++chunk.deaths > this.settings.maxRetries) {
      const last = chunk.first + chunk.count - 1
      const shown = chunk.count === 1 ? `item ${chunk.first}` : `items ${chunk.first} to ${last}`
      const times = chunk.deaths === 1 ? 'once' : `${chunk.deaths} times`
      const indices = Array.from({ length: chunk.count }, (_, i) => chunk.first + i)
      return this.#lose(
        chunk,
        new WorkerCrashError(`ctx.processMap: a worker died ${times} over ${shown}`, indices),
      )
    }
    this.#waiting.push(chunk)
    // One by one the next time: those that are not to blame get through.
    if (guilty && chunk.count > 1) this.#divide(chunk, 1, 1, chunk.deaths)
    this.#waiting.sort((a, b) => a.first - b.first)
    this.changed()
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
    this.#chunks = []
    this.#source.close()
  }

  /** Makes chunks of what follows item `from` of a chunk, to be computed again or at all. */
  #divide(chunk: Chunk, from: number, size: number, deaths: number): void {
    const items = fromWire(chunk.items) as unknown[]
    const parts: Chunk[] = []
    for (let at = from; at < items.length; at += size)
      parts.push({
        ...newChunk(
          chunk.first + at,
          this.#wireOf(items.slice(at, at + size)),
          Math.min(size, items.length - at),
        ),
        deaths,
      })
    chunk.count = from
    if (chunk.state === 'waiting') chunk.items = this.#wireOf(items.slice(0, from))
    const next = this.#chunks.indexOf(chunk) + 1
    this.#chunks = [...this.#chunks.slice(0, next), ...parts, ...this.#chunks.slice(next)]
    this.#waiting = [...this.#waiting, ...parts].sort((a, b) => a.first - b.first)
  }

  #settle(chunk: Chunk, results: unknown[]): void {
    chunk.state = 'done'
    chunk.items = undefined
    chunk.results = results
    this.done += chunk.count
    this.changed()
  }

  /** No item of it has a result. */
  #lose(chunk: Chunk, error: unknown): void {
    if (!this.settings.shape.settle) return this.#break(chunk, [], 0, error)
    for (let i = 0; i < chunk.count; i++)
      chunk.failures.set(i, chunk.count === 1 ? withIndex(error, chunk.first) : error)
    this.#settle(chunk, new Array(chunk.count).fill(undefined))
  }

  // What comes after the item will not be consumed: it is not begun.
  #break(chunk: Chunk, results: unknown[], at: number, error: unknown): void {
    const index = chunk.first + at
    chunk.error = { error: withIndex(error, index) }
    this.#broken = true
    this.#waiting = this.#waiting.filter(waiting => waiting.first < index)
    this.#source.close()
    this.#settle(chunk, results)
  }

  #readChunk(): Chunk | undefined {
    const { limit } = this.settings
    // Where workers come and go there may be no limit to them.
    const ahead = (Number.isFinite(limit) ? limit : this.workers) * AHEAD
    if (this.#reading || this.#source.done || this.#broken || this.#chunks.length >= ahead) return undefined
    let items: unknown[] | Promise<unknown[]>
    try {
      items = this.#source.take(this.#sizes.grow())
    } catch (error) {
      this.#sourceFailed(error)
      return undefined
    }
    if (!(items instanceof Promise)) return this.#makeChunk(items)
    this.#reading = true
    void items
      .then(
        read => {
          this.#reading = false
          const chunk = this.#ended ? undefined : this.#makeChunk(read)
          if (chunk) this.#waiting.push(chunk)
        },
        error => {
          this.#reading = false
          if (!this.#ended) this.#sourceFailed(error)
        },
      )
      .finally(() => this.changed())
    return undefined
  }

  #makeChunk(items: unknown[]): Chunk | undefined {
    if (items.length === 0) {
      // The consumer may be waiting to hear that this is all.
      microtask(() => this.changed())
      return undefined
    }
    const chunk = newChunk(this.#read, undefined, items.length)
    this.#read += items.length
    this.#chunks.push(chunk)
    try {
      chunk.items = this.#wireOf(items)
    } catch {
      return this.#noData(chunk, items)
    }
    if (chunk.items instanceof Packed) this.#sizes.sent(chunk.items.bytes.length / items.length)
    return chunk
  }

  // The items before the one that cannot be sent are computed.
  #noData(chunk: Chunk, items: unknown[]): undefined {
    this.#chunks.pop()
    for (const [i, item] of items.entries()) {
      const single = newChunk(chunk.first + i, undefined, 1)
      this.#chunks.push(single)
      try {
        toWire(item, 'ctx.processMap', `item ${single.first}`)
        single.items = this.#wireOf([item])
        this.#waiting.push(single)
      } catch (error) {
        this.#lose(single, error)
        if (this.#broken) break
      }
    }
    microtask(() => this.changed())
    return undefined
  }

  #wireOf(items: unknown[]): Wire {
    return listToWire(items, 'ctx.processMap', 'items')
  }

  // An iterable that throws ends the map after what it gave before.
  #sourceFailed(error: unknown): void {
    const chunk = newChunk(this.#read, undefined, 0)
    chunk.state = 'done'
    chunk.error = { error }
    this.#chunks.push(chunk)
    this.#source.close()
    this.#broken = true
    microtask(() => this.changed())
  }

  /** Ends it from outside, whatever it has. */
  stop(reason: string, cause?: unknown): void {
    const options = cause === undefined ? undefined : { cause }
    this.stopped(new ZprocError(`ctx.processMap: ${reason}`, options))
  }
}
