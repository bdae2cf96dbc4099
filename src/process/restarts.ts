import { monotonic } from '../async/interval.ts'

// Restarts that are remembered, and the milliseconds in which they count as recent.
const KEPT = 100
const RECENT = 10_000

/** When a process was started again. */
export class Restarts {
  #times: number[] = []

  add(): void {
    this.#times.push(monotonic())
    if (this.#times.length > KEPT) this.#times.shift()
  }

  /** How many of them were within the last 10 seconds. */
  get recent(): number {
    const from = monotonic() - RECENT
    return this.#times.filter(time => time >= from).length
  }
}
