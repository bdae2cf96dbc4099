import { weigh } from '../protocol/frames.ts'
import type { KeptAnswer } from './records.ts'

// Answers that are kept for a session: as many as a client may have requests in flight, and more bytes of them, the newest
// apart, than a server sends ahead of what the client has taken.
const MOST = 10_000
const BYTES = 16 << 20

/** The newest answers of one session, oldest first. A list: a Map is slow to find its oldest entry when many were deleted. */
export class Answers {
  readonly #all: KeptAnswer[] = []
  // Of these, the ones before are dropped.
  #first = 0
  #bytes = 0

  add(answer: KeptAnswer): void {
    const all = this.#all
    all.push(answer)
    this.#bytes += weigh(answer)
    while (all.length - this.#first > MOST || (this.#bytes > BYTES && all.length - this.#first > 1))
      this.#bytes -= weigh(all[this.#first++] as KeptAnswer)
    // What is dropped is let go of when it is half of the list: at most as many bytes as are kept, and one answer more.
    if (this.#first * 2 < all.length) return
    all.splice(0, this.#first)
    this.#first = 0
  }

  [Symbol.iterator](): Iterator<KeptAnswer> {
    return this.#all.slice(this.#first).values()
  }

  /** By the numbers of the requests. */
  byRequest(): Map<number, KeptAnswer> {
    return new Map(Array.from(this, answer => [answer[0], answer]))
  }
}
