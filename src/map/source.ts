import { AsyncResource } from 'node:async_hooks'
import { after, cancel } from '../async/interval.ts'
import { describe } from '../protocol/values.ts'
import type { ItemSource } from './item-io.ts'
import { SpreadSource } from './spread-source.ts'

type AnyIterable = Iterable<unknown> | AsyncIterable<unknown>
type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>
type Step = IteratorResult<unknown>

interface Columns {
  mapIter: AnyIterable | undefined
  mapArgs: AnyIterable | undefined
  mapKwargs: AnyIterable | undefined
}

// What an async iterable has given within this many milliseconds is mapped, without waiting for a full chunk.
const WAIT_MS = 5

/** What is mapped over, read a few items at a time; the shortest of the iterables ends it. */
export class Source implements ItemSource {
  readonly isEmpty = false
  /** Items there are in all, if that can be known. */
  readonly total: number | undefined
  /** Items are the values of mapIter alone. Otherwise an item is [arguments, kwargs]. */
  readonly plain: boolean
  readonly #columns: AnyIterable[]
  readonly #has: { iter: boolean; args: boolean; kwargs: boolean }
  readonly #array: unknown[] | undefined
  #iterators: AnyIterator[] | undefined
  /** Asked of the iterables, and not taken yet. */
  #asked: Promise<Step[]> | undefined
  /** What an iterable threw; what it gave before comes first. */
  #failure: { error: unknown } | undefined
  // Items are read as workers become free, in any async context: the program's own code runs in that of the map's call.
  readonly #caller = new AsyncResource('zproc')
  done = false
  next = 0

  constructor({ mapIter, mapArgs, mapKwargs }: Columns) {
    const columns = [mapIter, mapArgs, mapKwargs].filter(column => column !== undefined && column !== null)
    this.#columns = columns as AnyIterable[]
    this.#has = { iter: !isNone(mapIter), args: !isNone(mapArgs), kwargs: !isNone(mapKwargs) }
    this.plain = this.#has.iter && columns.length === 1
    this.#array = this.plain && Array.isArray(mapIter) ? mapIter : undefined
    const sizes = columns.map(sizeOf)
    const known = sizes.filter(size => size !== undefined)
    this.total = known.length === sizes.length ? Math.min(...known) : undefined
    this.done = this.total === 0
  }

  get remaining(): number | undefined {
    const total = this.#array?.length ?? this.total
    return total === undefined ? undefined : Math.max(0, total - this.next)
  }

  limit(): void {
    this.close()
  }

  spread(lanes: number): ItemSource | undefined {
    const lists = this.#columns.filter(column => Array.isArray(column))
    if (lanes < 2 || lists.length < this.#columns.length || this.done || !this.#areSound()) return undefined
    const length = () => Math.min(...lists.map(list => list.length))
    const items = (from: number, to: number) => {
      if (this.#array) return this.#array.slice(from, to)
      return Array.from({ length: to - from }, (_, i) => this.#call(lists.map(list => list[from + i])))
    }
    return new SpreadSource(length, items, this.next, Math.min(lanes, length() - this.next))
  }

  /** Whether every item can become a call: one that cannot ends the map after those before it. */
  #areSound(): boolean {
    const { args, kwargs } = this.#has
    const lists = this.#columns as unknown[][]
    const rows = args ? lists[this.#has.iter ? 1 : 0] : undefined
    const named = kwargs ? lists.at(-1) : undefined
    return (
      (rows?.every(row => typeof row === 'object' && row !== null && Symbol.iterator in row) ?? true) &&
      (named?.every(one => typeof one === 'object' && one !== null) ?? true)
    )
  }

  /** Up to `count` next items, none at the end; a promise only where an iterable makes one. */
  take(count: number): unknown[] | Promise<unknown[]> {
    if (this.#array) {
      const items = this.#array.slice(this.next, this.next + count)
      this.next += items.length
      this.done = this.next >= this.#array.length
      return items
    }
    return this.#caller.runInAsyncScope(() => this.#read(count))
  }

  #read(count: number): unknown[] | Promise<unknown[]> {
    if (this.#failure) throw this.#failure.error
    this.#iterators ??= this.#columns.map(column =>
      typeof column === 'object' && Symbol.asyncIterator in column
        ? (column as AsyncIterable<unknown>)[Symbol.asyncIterator]()
        : (column as Iterable<unknown>)[Symbol.iterator](),
    )
    if (this.#asked) return this.#takeSlowly([], count)
    const items: unknown[] = []
    try {
      while (items.length < count && !this.done) {
        const steps = this.#iterators.map(iterator => iterator.next())
        if (steps.some(step => step instanceof Promise || 'then' in step)) {
          this.#asked = Promise.all(steps)
          return this.#takeSlowly(items, count)
        }
        this.#push(items, steps as Step[])
      }
      return items
    } catch (error) {
      return this.#failed(items, error)
    }
  }

  /** Nothing more is wanted. */
  close(): void {
    if (this.done) return
    this.done = true
    this.#asked?.catch(() => {})
    this.#caller.runInAsyncScope(() => {
      for (const iterator of this.#iterators ?? []) endQuietly(iterator)
    })
  }

  async #takeSlowly(items: unknown[], count: number): Promise<unknown[]> {
    let timer: NodeJS.Timeout | undefined
    let late: Promise<undefined> | undefined
    try {
      while (items.length < count && !this.done) {
        this.#asked ??= Promise.all((this.#iterators as AnyIterator[]).map(iterator => iterator.next()))
        if (items.length > 0)
          late ??= new Promise(resolve => {
            timer = after(WAIT_MS, () => resolve(undefined))
          })
        const steps = await (late ? Promise.race([this.#asked, late]) : this.#asked)
        if (!steps) break
        this.#asked = undefined
        if (!this.done) this.#push(items, steps)
      }
      return items
    } catch (error) {
      return this.#failed(items, error)
    } finally {
      cancel(timer)
    }
  }

  #failed(items: unknown[], error: unknown): unknown[] {
    if (items.length === 0) throw error
    this.#failure = { error }
    return items
  }

  #push(items: unknown[], steps: Step[]): void {
    if (steps.some(({ done }) => done)) {
      this.done = true
      steps.forEach(({ done }, i) => {
        const iterator = this.#iterators?.[i]
        if (!done && iterator) endQuietly(iterator)
      })
      return
    }
    const values = steps.map(({ value }) => value)
    this.next++
    if (this.plain) items.push(values[0])
    else items.push(this.#call(values))
  }

  /** The arguments and kwargs of one call. */
  #call(values: unknown[]): [unknown[], unknown] {
    const { iter, args, kwargs } = this.#has
    const own = iter ? [values.shift()] : []
    if (args) {
      const given = values.shift()
      if (typeof given !== 'object' || given === null || !(Symbol.iterator in given))
        throw new TypeError(
          `ctx.processMap: every item of mapArgs must be an array of arguments, got ${describe(given)}`,
        )
      own.push(...(given as unknown[]))
    }
    const named = kwargs ? values.shift() : undefined
    if (kwargs && (typeof named !== 'object' || named === null))
      throw new TypeError(`ctx.processMap: every item of mapKwargs must be an object, got ${describe(named)}`)
    return [own, named]
  }
}

function endQuietly(iterator: AnyIterator): void {
  void (async () => iterator.return?.())().catch(() => {})
}

const isNone = (value: unknown): boolean => value === undefined || value === null

function sizeOf(column: AnyIterable | undefined): number | undefined {
  if (Array.isArray(column)) return column.length
  // Its characters, as iterating gives them.
  if (typeof column === 'string') return [...(column as string)].length
  if (ArrayBuffer.isView(column)) return (column as unknown as { length: number }).length
  return column instanceof Set || column instanceof Map ? column.size : undefined
}
