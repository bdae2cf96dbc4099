import { after, cancel, monotonic, soon, type Timer } from '../async/interval.ts'
import type { Namespace } from '../store/namespace.ts'
import type { Exclusive } from './hold.ts'

// Milliseconds of one turn in which keys are deleted, and about one commit more.
const SLICE = 1
// Keys that one commit deletes, at most: about a quarter of a millisecond.
const MOST_KEYS = 128
// Milliseconds after which it is tried again, where the namespace could not be written.
const RETRY = 1000

/** Deletes the keys of one namespace when their time to live ends: many of them in slices of time, between which others have their turn. */
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
      this.#deleteSlice()
      if (this.#isDue) soon(this.#delete)
      else {
        this.#armed = Number.POSITIVE_INFINITY
        this.#arm()
      }
      this.#deleted()
    })
  }

  get #isDue(): boolean {
    return this.#space.nextDue <= this.#space.clock()
  }

  #deleteSlice(): void {
    const end = monotonic() + SLICE
    do this.#space.expireDue(MOST_KEYS)
    while (this.#isDue && monotonic() < end)
  }
}
