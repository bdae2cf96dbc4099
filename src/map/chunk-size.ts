// A chunk should take about this many milliseconds, and weigh at most this many bytes in each direction.
const WORK_MS = 5
const WEIGHT_BYTES = 256 << 10
const MOST_ITEMS = 50_000
// With chunks up to this many milliseconds a worker holds a second one: if it computes, and if it awaits, when what waits
// behind a long item is handed back.
const SHORT_MS = 4 * WORK_MS
const SHORT_AWAITED_MS = 30
// The number of chunks after which the durations count as measured.
const MEASURED_CHUNKS = 8

/** The number of items per chunk: as many as take a few milliseconds, judged by the items measured so far. */
export class ChunkSize {
  readonly #fixed: number | undefined
  #size = 1
  #msPerItem: number | undefined
  #bytesPerItem = 0
  #measured = 0
  #isAwaited = false

  /** `fixed`: the number of items of every chunk. */
  constructor(fixed: number | undefined) {
    this.#fixed = fixed
  }

  /** Whether chunks end so soon that a worker should hold the next one already. */
  get isShort(): boolean {
    return (
      this.#measured >= MEASURED_CHUNKS &&
      this.#msPerItem !== undefined &&
      this.#msPerItem * this.#size < (this.#isAwaited ? SHORT_AWAITED_MS : SHORT_MS)
    )
  }

  /** Records the duration of finished items, and whether they were awaited. */
  took(msPerItem: number, awaited: boolean): void {
    this.#measured++
    this.#isAwaited = awaited
    this.#msPerItem = this.#msPerItem === undefined ? msPerItem : (this.#msPerItem + msPerItem) / 2
  }

  /** Records the size of the items of a chunk. */
  sent(bytesPerItem: number): void {
    this.#bytesPerItem = bytesPerItem
  }

  /** Records the size of the results of a chunk. */
  returned(bytesPerItem: number): void {
    this.#bytesPerItem = Math.max(this.#bytesPerItem, bytesPerItem)
  }

  /** The size of the next chunk, which is read now: the one after it may be 8 times as large. */
  grow(): number {
    this.#size = this.next
    return this.#size
  }

  /** The size of the next chunk. */
  get next(): number {
    if (this.#fixed !== undefined) return this.#fixed
    if (this.#msPerItem === undefined) return 1
    const byTime = WORK_MS / Math.max(this.#msPerItem, 1e-5)
    const byWeight = this.#bytesPerItem > 0 ? WEIGHT_BYTES / this.#bytesPerItem : MOST_ITEMS
    return Math.max(1, Math.floor(Math.min(byTime, byWeight, this.#size * 8, MOST_ITEMS)))
  }
}
