import type { ServerResponse } from 'node:http'
import { cancel, every, monotonic, type Timer } from '../async/interval.ts'
import type { Followed } from './followed.ts'
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
    if (this.#open.size >= MOST) throw new Refused(429, `at most ${MOST} pages are open at a time`)
    const { followed, release } = this.#namespaces.hold(asked ?? this.#namespaces.first)
    const stream = new Stream(response, followed)
    response.on('close', () => {
      release()
      this.#open.delete(stream)
      if (this.#open.size === 0) cancel(this.#timer)
    })
    if (this.#open.size === 0) this.#timer = every(TICK, () => this.#tick())
    this.#open.add(stream)
    stream.tell({ ...this.#facts, namespace: followed.namespace })
    this.#tellStatus(stream)
    this.#tellTick(stream)
  }

  /** The server has said something. */
  heard(): void {
    for (const stream of this.#open) this.#tellStatus(stream)
  }

  close(): void {
    for (const stream of this.#open) stream.end()
  }

  #tick(): void {
    for (const stream of this.#open) {
      stream.endIfStuck()
      this.#tellTick(stream)
    }
  }

  #tellStatus(stream: Stream): void {
    if (!stream.isFree) return
    const status = this.#pulse.status(stream.sampled)
    stream.sampled = status.samples.at(-1)?.time ?? stream.sampled
    stream.tell(status)
  }

  #tellTick(stream: Stream): void {
    if (!stream.isFree) return
    void stream.followed.refresh()
    const { namespace, logId, revision, values, log, error } = stream.followed
    const line: StreamLine = {
      type: 'tick',
      namespace,
      logId,
      revision,
      keys: values.size,
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
  readonly followed: Followed
  /** The newest sample that it got, and the newest tick. */
  sampled = 0
  last = ''
  readonly #response: ServerResponse
  #since: number | undefined

  constructor(response: ServerResponse, followed: Followed) {
    this.#response = response
    this.followed = followed
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
