import { after, cancel, soon, type Timer } from '../async/interval.ts'
import type { Namespace } from '../store/namespace.ts'
import type { Exclusive } from './hold.ts'

// Keys that are deleted in one turn, at most: about a quarter of a millisecond.
const SLICE = 256
// Milliseconds after which it is tried again, where the namespace could not be written.
const RETRY = 1000

/** Deletes the keys of one namespace when their time to live ends: many of them in slices, between which others have their turn. */
export class Expiry {
  readonly #space: Namespace
  readonly #exclusive: Exclusive
  readonly #deleted: () => void
  #timer: Timer | undefined
  /** What the timer waits for, by the namespace's clock; -Infinity while keys are being deleted. */
  #armed = Number.POSITIVE_INFINITY
  #ended = false

  /** `deleted` is called after each slice. */
  constructor(space: Namespace, exclusive: Exclusive, deleted: () => void) {
    this.#space = space
    this.#exclusive = exclusive
    this.#deleted = deleted
    space.onLease = this.#arm
    // A namespace that an earlier server had may have leases already.
    this.#arm()
  }

  end(): void {
    this.#ended = true
    cancel(this.#timer)
  }

  readonly #arm = (): void => {
    const { nextDue, clock } = this.#space
    if (nextDue >= this.#armed || this.#ended) return
    this.#armed = nextDue
    cancel(this.#timer)
    const ms = Math.max(0, Math.ceil(nextDue - clock()))
    this.#timer = after(ms, this.#delete)?.unref()
  }

  // A key does not go while somebody else has the namespace to itself.
  readonly #delete = (): void => {
    this.#armed = Number.NEGATIVE_INFINITY
    this.#exclusive.enter(() => {
      if (this.#ended) return
      if (!this.#space.isWritable) {
        this.#timer = after(RETRY, this.#delete)?.unref()
        return
      }
      this.#space.expireDue(SLICE)
      if (this.#space.nextDue <= this.#space.clock()) soon(this.#delete)
      else {
        this.#armed = Number.POSITIVE_INFINITY
        this.#arm()
      }
      this.#deleted()
    })
  }
}
