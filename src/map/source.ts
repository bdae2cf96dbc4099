type AnyIterable = Iterable<unknown> | AsyncIterable<unknown>
type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>

interface Columns {
  mapIter: AnyIterable | undefined
  mapArgs: AnyIterable | undefined
  mapKwargs: AnyIterable | undefined
}

/** What is mapped over, read a few items at a time; the shortest of the iterables ends it. */
export class Source {
  /** Items there are in all, if that can be known. */
  readonly total: number | undefined
  /** Items are the values of mapIter alone. Otherwise an item is [arguments, kwargs]. */
  readonly plain: boolean
  readonly #columns: AnyIterable[]
  readonly #has: { iter: boolean; args: boolean; kwargs: boolean }
  readonly #array: unknown[] | undefined
  #iterators: AnyIterator[] | undefined
  #at = 0
  done = false

  constructor({ mapIter, mapArgs, mapKwargs }: Columns) {
    const columns = [mapIter, mapArgs, mapKwargs].filter(column => column !== undefined && column !== null)
    this.#columns = columns as AnyIterable[]
    this.#has = { iter: !isNone(mapIter), args: !isNone(mapArgs), kwargs: !isNone(mapKwargs) }
    this.plain = this.#has.iter && columns.length === 1
    this.#array = this.plain && Array.isArray(mapIter) ? mapIter : undefined
    const sizes = columns.map(sizeOf)
    const known = sizes.filter(size => size !== undefined)
    this.total = known.length === sizes.length ? Math.min(...known) : undefined
  }

  /** The next `count` items, or those that are left; a promise only where an iterable makes one. */
  take(count: number): unknown[] | Promise<unknown[]> {
    if (this.#array) {
      const items = this.#array.slice(this.#at, this.#at + count)
      this.#at += items.length
      this.done = this.#at >= this.#array.length
      return items
    }
    this.#iterators ??= this.#columns.map(column =>
      Symbol.asyncIterator in column
        ? (column as AsyncIterable<unknown>)[Symbol.asyncIterator]()
        : (column as Iterable<unknown>)[Symbol.iterator](),
    )
    return this.#read([], count)
  }

  /** Nothing more is wanted. */
  close(): void {
    if (this.done) return
    this.done = true
    for (const iterator of this.#iterators ?? []) void (async () => iterator.return?.())().catch(() => {})
  }

  #read(items: unknown[], count: number): unknown[] | Promise<unknown[]> {
    while (items.length < count && !this.done) {
      const steps = (this.#iterators as AnyIterator[]).map(iterator => iterator.next())
      if (steps.some(step => step instanceof Promise || 'then' in step))
        return Promise.all(steps).then(results => {
          this.#push(items, results)
          return this.#read(items, count)
        })
      this.#push(items, steps as IteratorResult<unknown>[])
    }
    return items
  }

  #push(items: unknown[], steps: IteratorResult<unknown>[]): void {
    if (steps.some(({ done }) => done)) {
      this.done = true
      steps.forEach(({ done }, i) => {
        if (!done) void (async () => this.#iterators?.[i]?.return?.())().catch(() => {})
      })
      return
    }
    const values = steps.map(({ value }) => value)
    if (this.plain) return void items.push(values[0])
    const { iter, args, kwargs } = this.#has
    const own = iter ? [values.shift()] : []
    if (args) own.push(...(values.shift() as unknown[]))
    items.push([own, kwargs ? values.shift() : undefined])
  }
}

const isNone = (value: unknown): boolean => value === undefined || value === null

function sizeOf(column: AnyIterable | undefined): number | undefined {
  if (Array.isArray(column) || typeof column === 'string' || ArrayBuffer.isView(column))
    return (column as unknown as { length: number }).length
  return column instanceof Set || column instanceof Map ? column.size : undefined
}
