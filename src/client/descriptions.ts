import type { ServerDescription } from '../protocol/description.ts'
import { decode } from '../protocol/frames.ts'
import { Ask } from '../protocol/kinds-of-requests.ts'
import type { ClientMessage, DescriptionPart } from '../protocol/messages.ts'
import type { DescriptionEvents, DescriptionWatch } from '../store/store.ts'

interface Watch extends DescriptionWatch {
  events: DescriptionEvents
  /** What was sent of it so far. */
  known: Partial<ServerDescription>
}

/** The watches of descriptions that this program has at one server. */
export class Descriptions {
  readonly #send: (message: ClientMessage) => void
  readonly #all = new Map<number, Watch>()

  constructor(send: (message: ClientMessage) => void) {
    this.#send = send
  }

  add(number: number, watch: DescriptionWatch, events: DescriptionEvents): () => void {
    this.#all.set(number, { ...watch, events, known: {} })
    return () => {
      if (this.#all.delete(number)) this.#send([Ask.unwatch, number])
    }
  }

  begin(number: number): void {
    const watch = this.#all.get(number)
    if (!watch) return
    watch.known = {}
    this.#send([Ask.watch, number, watch.ms, watch.limit])
  }

  /** The server of this session does not know of them. */
  beginAll(): void {
    for (const number of this.#all.keys()) this.begin(number)
  }

  described(number: number, parts: DescriptionPart[]): void {
    const watch = this.#all.get(number)
    if (!watch) return
    watch.known = { ...watch.known, ...Object.fromEntries(parts.map(([name, part]) => [name, decode(part)])) }
    // The first one that a session sends has all parts.
    watch.events.described(watch.known as ServerDescription)
  }

  failed(error: Error): void {
    for (const { events } of [...this.#all.values()]) events.failed(error)
  }
}
