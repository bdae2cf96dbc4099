import { limitTraces } from '../async/traces.ts'
import { weigh } from '../protocol/frames.ts'
import { Ask, unanswered } from '../protocol/kinds-of-requests.ts'
import { AHEAD, type ClientMessage, RUN } from '../protocol/messages.ts'
import type { Channel } from '../transport/channel.ts'
import type { Core } from './core.ts'

export type Message = [kind: number, ...rest: never[]]

// The kinds that other requests of the same session may wait for: they are answered as soon as they arrive.
const urgent: ReadonlySet<unknown> = new Set([Ask.release, Ask.define, Ask.reported, Ask.printed])

/**
 * What one client has asked and the server has not done yet. Frames are always taken; requests are answered in order, as
 * long as the client takes its answers, and wait here otherwise. How much may wait is bounded: see AHEAD.
 */
export class Inbox {
  /** Set while a function is loaded or its bytes are awaited: what came after its call waits. */
  loading = false
  /** Set with it when the call itself is to be answered again. */
  again = false
  /** As the client called itself last. */
  client: { name: string; pid: number }
  readonly #core: Core
  readonly #channel: Channel
  readonly #answer: (message: Message) => void
  readonly #exceeded: (why: string) => void
  #later: Message[] = []
  // Of `#later`, those before are done.
  #next = 0
  // What waits, here and for a hold to end.
  #requests = 0
  #bytes = 0
  #closed = false

  /** `exceeded` ends the session. */
  constructor(
    core: Core,
    channel: Channel,
    pid: number,
    answer: (message: Message) => void,
    exceeded: (why: string) => void,
  ) {
    this.#core = core
    this.#channel = channel
    this.client = { name: '', pid }
    this.#answer = answer
    this.#exceeded = exceeded
  }

  /** How many requests wait. */
  get waiting(): number {
    return this.#requests
  }

  /** Whether requests can be answered now. */
  get ready(): boolean {
    return !this.loading && this.#channel.hasRoom()
  }

  take(frame: unknown): void {
    if (this.#closed) return
    if (!Array.isArray(frame)) throw new TypeError('a frame is an array of messages')
    const messages = frame as Message[]
    if (this.#later.length === 0) {
      const done = this.#serve(messages, 0, false)
      if (done < messages.length) this.#keep(messages.slice(done))
      return
    }
    this.#keep(messages.filter(message => !urgent.has(message[0])))
    this.#serve(
      messages.filter(message => urgent.has(message[0])),
      0,
      false,
      true,
    )
    this.goOn()
  }

  /** Requests may be ready to be answered again. */
  readonly goOn = (): void => {
    if (this.#later.length === 0 || this.#closed || !this.ready) return
    try {
      this.#next = this.#serve(this.#later, this.#next, true)
    } catch (error) {
      return this.#channel.destroy(error as Error)
    }
    if (this.#next < this.#later.length) return
    this.#later = []
    this.#next = 0
  }

  /** This request waits for a hold to end; what this returns is called when it does. */
  inLine(message: readonly unknown[]): () => void {
    const bytes = weigh(message)
    this.#count(1, bytes)
    return () => {
      this.#requests--
      this.#bytes -= bytes
    }
  }

  close(): void {
    this.#closed = true
    this.#later = []
    this.#next = 0
  }

  #keep(messages: Message[]): void {
    let requests = 0
    let bytes = 0
    for (const message of messages) {
      requests += asks(message)
      bytes += weigh(message)
    }
    if (this.#later.length === 0) this.#later = messages
    else {
      if (this.#next > this.#later.length >> 1) {
        this.#later.splice(0, this.#next)
        this.#next = 0
      }
      for (const message of messages) this.#later.push(message)
    }
    this.#count(requests, bytes)
  }

  #count(requests: number, bytes: number): void {
    this.#requests += requests
    this.#bytes += bytes
    if (this.#closed) return
    const { maxInFlight, maxMessageBytes } = this.#core.limits
    // Messages that have no answer are not counted by the client: they may be as many again.
    const most = Math.max(AHEAD, maxMessageBytes) + AHEAD
    if (this.#requests > maxInFlight)
      this.#exceeded(
        `more than ${maxInFlight} requests wait to be answered (maxInFlight of the server): ask fewer at a time`,
      )
    else if (this.#bytes > most)
      this.#exceeded(`requests of more than ${most} bytes wait to be answered: ask less at a time`)
  }

  /** Answers the messages from number `first` on; gives the number of the first that waits. */
  #serve(messages: Message[], first: number, counted: boolean, now = false): number {
    const { doing } = this.#core
    doing?.serve(this.client)
    const traced = Error.stackTraceLimit
    // What is refused says why: where in the server that was found costs ten times what it takes to refuse.
    limitTraces(0)
    try {
      let i = first
      while (i < messages.length && !this.#closed && (now || this.ready)) {
        const message = messages[i] as Message
        const isCall = message[0] === Ask.atomic
        // An error of the client's own function comes with its stack.
        if (isCall) limitTraces(traced)
        const before = counted ? asks(message) : 0
        this.again = false
        this.#answer(message)
        if (isCall) limitTraces(0)
        if (this.again) break
        const more = isCall && goesOn(message as never)
        if (counted) this.#requests -= before - (more ? asks(message) : 0)
        if (more) continue
        if (counted) this.#bytes -= weigh(message)
        i++
      }
      return i
    } finally {
      limitTraces(traced)
      doing?.rest()
    }
  }
}

/** How many answers a message asks for. */
function asks(message: Message): number {
  const [kind] = message
  if (unanswered.has(kind)) return 0
  if (kind !== Ask.atomic) return 1
  const times: unknown = message[5]
  return typeof times === 'number' && times > 1 ? times : 1
}

export type AtomicCall = Extract<ClientMessage, { 0: typeof Ask.atomic }>

/** Makes the request for a run of calls that for the next of them, if there is one. */
export function goesOn(call: AtomicCall): boolean {
  const { 5: times = 1 } = call
  if (!(times > 1)) return false
  if (times > RUN) throw new TypeError(`a run of ${times} calls; at most ${RUN} go`)
  call[1]++
  call[5] = times - 1
  return true
}
