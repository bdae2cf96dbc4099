import { Packed } from '../protocol/values.ts'
import type { KeptAnswer } from './records.ts'

// Answers that are kept for a session: as many as a client may have requests in flight, and more bytes of them, the newest
// apart, than a server sends ahead of what the client has taken.
const MOST = 10_000
const BYTES = 16 << 20
// Bytes of an answer besides what its result holds, and of a character of that at most.
const ANSWER = 40
const CHARACTER = 3

/** The newest answers of one session. Their parts are side by side: an object for each would outlive most of what is read. */
export class Answers {
  readonly #ids: number[] = []
  readonly #revisions: number[] = []
  readonly #results: KeptAnswer[2][] = []
  readonly #states: number[] = []
  // The place of the oldest; and how many there are, from there on, round the end.
  #first = 0
  #size = 0
  #bytes = 0

  add(id: number, revision: number, result: KeptAnswer[2], state: number): void {
    this.#bytes += weightOf(result)
    if (this.#size === MOST) this.#drop()
    while (this.#bytes > BYTES && this.#size > 0) this.#drop()
    const at = (this.#first + this.#size++) % MOST
    this.#ids[at] = id
    this.#revisions[at] = revision
    this.#results[at] = result
    this.#states[at] = state
  }

  /** Oldest first. */
  *[Symbol.iterator](): Generator<KeptAnswer> {
    for (let i = 0; i < this.#size; i++) {
      const at = (this.#first + i) % MOST
      const [id, revision, state] = [this.#ids[at], this.#revisions[at], this.#states[at]] as number[]
      yield [id as number, revision as number, this.#results[at], state as number]
    }
  }

  /** By the numbers of the requests. */
  byRequest(): Map<number, KeptAnswer> {
    return new Map(Array.from(this, answer => [answer[0], answer]))
  }

  #drop(): void {
    this.#bytes -= weightOf(this.#results[this.#first])
    this.#results[this.#first] = undefined
    this.#first = (this.#first + 1) % MOST
    this.#size--
  }
}

function weightOf(result: KeptAnswer[2]): number {
  if (typeof result === 'string') return ANSWER + CHARACTER * result.length
  if (Array.isArray(result)) return weightOf(result[1]) + CHARACTER * result[0].length
  return result instanceof Packed ? ANSWER + result.bytes.length : ANSWER
}
