import { cancel, every, type Timer } from '../async/interval.ts'
import type { Slot } from './slot.ts'

// Milliseconds from one look at the workers to the next.
const EVERY = 1000

/** Looks at the workers of a pool every second, while any of them has something in hand: see Slot.look. */
export class SlotWatch {
  readonly #slots: () => Iterable<Slot>
  #timer: Timer | undefined

  constructor(slots: () => Iterable<Slot>) {
    this.#slots = slots
  }

  /** A worker has been given something. */
  begin(): void {
    if (this.#timer) return
    this.#look()
    this.#timer = every(EVERY, () => this.#look()).unref()
  }

  end(): void {
    cancel(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    let isIdle = true
    for (const slot of this.#slots()) {
      slot.look()
      if (slot.queue.length > 0) isIdle = false
    }
    if (isIdle) this.end()
  }
}
