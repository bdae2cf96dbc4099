import { microtask } from '../async/interval.ts'
import type { State } from '../client/state.ts'
import { encode } from '../protocol/frames.ts'
import { Packed } from '../protocol/values.ts'
import type { Addressed } from './messages.ts'

// Messages of one turn share a commit, up to about this many bytes.
const BATCH_BYTES = 1 << 20

/** Messages that leave for the queue of one peer. */
export class MessageQueue {
  readonly #state: State<Record<string, unknown>>
  readonly #sender: string
  readonly #failed: (messages: Addressed[], error: Error) => void
  #messages: Addressed[] = []
  #bytes = 0

  constructor(
    sender: string,
    state: State<Record<string, unknown>>,
    failed: (messages: Addressed[], error: Error) => void,
  ) {
    this.#sender = sender
    this.#state = state
    this.#failed = failed
  }

  send(message: Addressed): void {
    if (this.#messages.length === 0) microtask(() => this.#flush())
    this.#messages.push(message)
    for (const part of message[1])
      if (part instanceof Packed) this.#bytes += part.bytes.length
      else if (part instanceof Uint8Array) this.#bytes += part.length
    if (this.#bytes > BATCH_BYTES) this.#flush()
  }

  close(): Promise<void> {
    this.#flush()
    return this.#state.close()
  }

  #flush(): void {
    const messages = this.#messages
    if (messages.length === 0) return
    this.#messages = []
    this.#bytes = 0
    this.#state.set(this.#sender, encode(messages)).catch(error => this.#failed(messages, error as Error))
  }
}
