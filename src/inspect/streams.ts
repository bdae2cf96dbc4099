import type { ServerResponse } from 'node:http'
import { cancel, every, monotonic, type Timer } from '../async/interval.ts'
import { Refused } from './gate.ts'
import type { Facts, StreamLine } from './messages.ts'
import type { Namespaces } from './namespaces.ts'
import type { Pulse } from './pulse.ts'

/** Milliseconds from one update of a page to the next: what comes between is one. */
const TICK = 100
/** Pages that are open at the same time. */
const MOST = 16
/** Milliseconds after which a page that takes nothing is let go. */
const STUCK = 60_000

/** The pages that are open. Each is told where things stand, not what has happened, so nothing queues for one that is slow. */
export class Streams {
  readonly #namespaces: Namespaces
  readonly #pulse: Pulse
  readonly #facts: Facts
  readonly #open = new Set<Stream>()
  #timer: Timer | undefined

  constructor(namespaces: Namespaces, pulse: Pulse, facts: Facts) {
    this.#namespaces = namespaces
    this.#pulse = pulse
    this.#facts = facts
  }

  get size(): number {
    return this.#open.size
  }

  /** Tells a page from now on about a namespace; null: the first one. */
  open(response: ServerResponse, asked: string | null): void {
    const namespace = asked ?? this.#namespaces.first
    if (this.#open.size >= MOST) throw new Refused(429, `at most ${MOST} pages are open at a time`)
    const followed = this.#namespaces.get(namespace)
    const stream = new Stream(
      response,
      () => {
        this.#open.delete(stream)
        if (this.#open.size === 0) cancel(this.#timer)
      },
      namespace,
    )
    if (this.#open.size === 0) this.#timer = every(TICK, () => this.#tick())
    this.#open.add(stream)
    stream.tell({ ...this.#facts, namespace: followed.namespace })
    this.heard()
    this.#tick()
  }

  /** The server has said something. */
  heard(): void {
    for (const stream of this.#open) {
      if (!stream.isFree) continue
      const status = this.#pulse.status(stream.sampled)
      stream.sampled = status.samples.at(-1)?.time ?? stream.sampled
      stream.tell(status)
    }
  }

  close(): void {
    for (const stream of this.#open) stream.end()
  }

  #tick(): void {
    for (const stream of this.#open) {
      if (!stream.isFree) stream.endIfStuck()
      else this.#tell(stream)
    }
  }

  #tell(stream: Stream): void {
    const followed = this.#namespaces.get(stream.namespace)
    void followed.refresh()
    const { revision, size, log, error } = followed
    const line: StreamLine = {
      type: 'tick',
      namespace: stream.namespace,
      revision,
      keys: size,
      oldest: log.oldest,
      error: error?.message ?? null,
    }
    const text = JSON.stringify(line)
    if (text === stream.last) return
    stream.last = text
    log.settle()
    stream.tell(line)
  }
}

/** The connection to one page. */
class Stream {
  readonly namespace: string
  /** The newest sample that it got, and the newest tick. */
  sampled = 0
  last = ''
  readonly #response: ServerResponse
  #since: number | undefined

  constructor(response: ServerResponse, ended: () => void, namespace: string) {
    this.#response = response
    this.namespace = namespace
    response.on('close', ended)
    response.on('drain', () => {
      this.#since = undefined
    })
  }

  /** Whether the page has taken what it was sent. */
  get isFree(): boolean {
    return this.#since === undefined
  }

  tell(line: StreamLine): void {
    if (!this.#response.write(`${JSON.stringify(line)}\n`)) this.#since = monotonic()
  }

  endIfStuck(): void {
    if (this.#since !== undefined && monotonic() - this.#since > STUCK) this.#response.destroy()
  }

  end(): void {
    this.#response.end()
  }
}
