import type { ItemSource } from './item-io.ts'

interface Lane {
  at: number
  end: number
}

/**
 * Items of lists, read from several places in turn: where the order of their outcomes does not matter, items that take
 * long begin earlier, whether they stand at the start, at the end or at intervals.
 */
export class SpreadSource implements ItemSource {
  readonly isEmpty = false
  done = false
  readonly #length: () => number
  readonly #items: (from: number, to: number) => unknown[]
  readonly #lanes: Lane[]
  #lane = 0

  /** Reads items from `from` on, from `lanes` places; `items` gives some of them. The list may grow at its end. */
  constructor(
    length: () => number,
    items: (from: number, to: number) => unknown[],
    from: number,
    lanes: number,
  ) {
    this.#length = length
    this.#items = items
    const size = Math.max(1, Math.ceil((length() - from) / lanes))
    this.#lanes = Array.from({ length: lanes }, (_, i) => ({
      at: from + i * size,
      end: i === lanes - 1 ? Number.POSITIVE_INFINITY : from + (i + 1) * size,
    }))
    this.#toNextLane(0)
  }

  get next(): number {
    return this.#lanes[this.#lane]?.at ?? 0
  }

  get remaining(): number {
    return this.#lanes.reduce((sum, lane) => sum + this.#left(lane), 0)
  }

  take(count: number): unknown[] {
    const lane = this.#lanes[this.#lane]
    if (this.done || !lane) return []
    const end = lane.at + Math.min(count, this.#left(lane))
    const items = this.#items(lane.at, end)
    lane.at = end
    this.#toNextLane(this.#lane + 1)
    return items
  }

  limit(index: number): void {
    for (const lane of this.#lanes) lane.end = Math.min(lane.end, index)
    this.#toNextLane(this.#lane)
  }

  close(): void {
    this.done = true
  }

  #left({ at, end }: Lane): number {
    return Math.max(0, Math.min(end, this.#length()) - at)
  }

  #toNextLane(from: number): void {
    const { length } = this.#lanes
    for (let i = 0; i < length; i++) {
      this.#lane = (from + i) % length
      if (this.#left(this.#lanes[this.#lane] as Lane) > 0) return
    }
    this.done = true
  }
}
