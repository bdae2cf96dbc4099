import { cancel, every, type Timer } from '../async/interval.ts'
import type { ServerDescription } from '../protocol/description.ts'
import { encode } from '../protocol/frames.ts'
import { type DescriptionPart, type ServerMessage, SOONEST, Tell, WATCHES } from '../protocol/messages.ts'

/** The end of the connection to a client. */
interface To {
  /** Whether the client takes what it is sent. */
  hasRoom(): boolean
  tell(message: ServerMessage): void
}

/** What one session is sent of the server's descriptions. Between two of them nothing is counted, and without a watch nothing at all. */
export class DescriptionWatches {
  readonly #describe: (limit: number) => ServerDescription | Promise<ServerDescription>
  readonly #to: To
  readonly #all = new Map<number, Watch>()

  constructor(describe: (limit: number) => ServerDescription | Promise<ServerDescription>, to: To) {
    this.#describe = describe
    this.#to = to
  }

  /** Sends a description now, and what has changed every `ms` from then on. */
  watch(number: unknown, ms: unknown, limit: number): void {
    if (!Number.isSafeInteger(number)) throw new TypeError('the number of a watch is a whole one')
    if (typeof ms !== 'number' || !(ms >= SOONEST && ms < 2 ** 31))
      throw new TypeError(`a watch sends a description every ${SOONEST} ms at most`)
    this.unwatch(number as number)
    if (this.#all.size === WATCHES) throw new TypeError(`a session has ${WATCHES} watches at most`)
    const watch = new Watch(number as number, () => this.#describe(limit), this.#to, ms)
    this.#all.set(number as number, watch)
  }

  unwatch(number: number): void {
    this.#all.get(number)?.end()
    this.#all.delete(number)
  }

  close(): void {
    for (const watch of this.#all.values()) watch.end()
    this.#all.clear()
  }
}

class Watch {
  readonly #number: number
  readonly #describe: () => ServerDescription | Promise<ServerDescription>
  readonly #to: To
  readonly #timer: Timer
  // What was sent of each part last.
  readonly #sent = new Map<string, Uint8Array>()
  #isAsked = false
  #isOver = false

  constructor(
    number: number,
    describe: () => ServerDescription | Promise<ServerDescription>,
    to: To,
    ms: number,
  ) {
    this.#number = number
    this.#describe = describe
    this.#to = to
    this.#timer = every(ms, () => void this.#look()).unref()
    void this.#look()
  }

  end(): void {
    this.#isOver = true
    cancel(this.#timer)
  }

  /** A client that takes nothing is described nothing, and gets the newest when it does. */
  async #look(): Promise<void> {
    if (this.#isAsked || !this.#to.hasRoom()) return
    this.#isAsked = true
    try {
      const told = await this.#describe()
      if (!this.#isOver) this.#send(told)
    } finally {
      this.#isAsked = false
    }
  }

  #send(told: ServerDescription): void {
    const parts: DescriptionPart[] = []
    for (const [name, part] of Object.entries(told)) {
      const encoded = encode(part)
      if (same(this.#sent.get(name), encoded)) continue
      this.#sent.set(name, encoded)
      parts.push([name, encoded])
    }
    this.#to.tell([Tell.described, this.#number, parts])
  }
}

const same = (one: Uint8Array | undefined, other: Uint8Array): boolean =>
  one !== undefined && Buffer.compare(one, other) === 0
