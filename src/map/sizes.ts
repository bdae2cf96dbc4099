// A chunk is to take about this long, in milliseconds, and to weigh no more than this, in bytes, there and back.
const WORK = 5
const WEIGHT = 256 << 10
const MOST = 50_000
// After so many chunks it is believed that the others are short as well.
const MEASURED = 8

/** How many items a map's chunks have: as many as take a few milliseconds, as far as is known of them. */
export class Sizes {
  readonly #fixed: number | undefined
  #size = 1
  #perItem: number | undefined
  #itemBytes = 0
  #measured = 0

  /** `fixed`: each has so many. */
  constructor(fixed: number | undefined) {
    this.#fixed = fixed
  }

  /** Whether a chunk is done so soon that its worker should have the next one at hand. */
  get short(): boolean {
    return this.#measured >= MEASURED && this.#perItem !== undefined && this.#perItem * this.#size < 4 * WORK
  }

  /** A chunk's items took so many milliseconds each. */
  took(perItem: number): void {
    this.#measured++
    this.#perItem = this.#perItem === undefined ? perItem : (this.#perItem + perItem) / 2
  }

  /** The newest chunk's items have so many bytes each. */
  sent(itemBytes: number): void {
    this.#itemBytes = itemBytes
  }

  /** So have a chunk's results. */
  returned(itemBytes: number): void {
    this.#itemBytes = Math.max(this.#itemBytes, itemBytes)
  }

  /** The size of the next chunk, if it were read now. */
  next(): number {
    if (this.#fixed !== undefined) return this.#fixed
    if (this.#perItem === undefined) return 1
    const byTime = WORK / Math.max(this.#perItem, 1e-5)
    const byWeight = this.#itemBytes > 0 ? WEIGHT / this.#itemBytes : MOST
    return Math.max(1, Math.floor(Math.min(byTime, byWeight, this.#size * 8, MOST)))
  }

  /** The size of the next chunk, which is read: the one after it may be larger. */
  grow(): number {
    this.#size = this.next()
    return this.#size
  }
}
