import { Ask, type ClientMessage, RUN } from '../protocol/messages.ts'
import type { Channel } from '../transport/channel.ts'
import type { Core } from './core.ts'

export type Message = [kind: number, ...rest: never[]]

/** Bytes that a client may leave untaken before the server stops to answer it. */
const CONGESTED = 1 << 20

/** What one client has sent, in order: as much of it is answered as there is room for. The rest waits, and the client too. */
export class Inbox {
  /** While the modules of a function are loaded, what came after it waits. */
  loading = false
  /** Requests that wait for a namespace to be free. */
  inLine = 0
  /** As the client called itself last. */
  client: { name: string; pid: number }
  readonly #core: Core
  readonly #channel: Channel
  readonly #answer: (message: Message) => void
  #later: Message[] = []
  #closed = false

  constructor(core: Core, channel: Channel, pid: number, answer: (message: Message) => void) {
    this.#core = core
    this.#channel = channel
    this.client = { name: '', pid }
    this.#answer = answer
  }

  /** Whether something waits for room. */
  get waits(): boolean {
    return this.#later.length > 0
  }

  get isFull(): boolean {
    return this.loading || this.inLine > this.#core.limits.maxInFlight || this.#channel.queued > CONGESTED
  }

  take(frame: unknown): void {
    if (!Array.isArray(frame)) throw new TypeError('a frame is an array of messages')
    if (this.waits) this.#later = this.#later.concat(frame as Message[])
    else this.#answerAll(frame as Message[])
  }

  /** There may be room again. */
  readonly goOn = (): void => {
    if (!this.waits || this.#closed || this.isFull || this.#channel.pending > CONGESTED) return
    const messages = this.#later
    this.#later = []
    try {
      this.#answerAll(messages)
    } catch (error) {
      this.#channel.destroy(error as Error)
    }
    if (!this.waits) this.#channel.socket?.resume()
  }

  close(): void {
    this.#closed = true
    this.#later = []
  }

  #answerAll(messages: Message[]): void {
    const { doing } = this.#core
    doing?.serve(this.client)
    const traced = Error.stackTraceLimit
    // What is refused says why: where in the server that was found costs ten times what it takes to refuse.
    Error.stackTraceLimit = 0
    try {
      for (let i = 0; i < messages.length; ) {
        if (this.isFull) {
          this.#later = messages.slice(i)
          this.#channel.socket?.pause()
          return
        }
        const message = messages[i] as Message
        // An error of the client's own function comes with its stack.
        if (message[0] === Ask.atomic) Error.stackTraceLimit = traced
        this.#answer(message)
        Error.stackTraceLimit = 0
        if (message[0] !== Ask.atomic || !goesOn(message as never)) i++
      }
    } finally {
      Error.stackTraceLimit = traced
      doing?.rest()
    }
  }
}

export type AtomicCall = ClientMessage & { 0: typeof Ask.atomic }

/** Makes the request for a run of calls that for the next of them, if there is one. */
export function goesOn(call: AtomicCall): boolean {
  const { 5: times = 1 } = call
  if (!(times > 1)) return false
  if (times > RUN) throw new TypeError(`a run of ${times} calls; at most ${RUN} go`)
  call[1]++
  call[5] = times - 1
  return true
}
