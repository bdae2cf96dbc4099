import { monotonic, sleep, wallClock } from '../async/interval.ts'
import { describeServer } from '../client/describe-server.ts'
import { busyPart, diagnose } from '../client/diagnose.ts'
import { ping } from '../client/ping.ts'
import { engineOf } from '../engines/engines.ts'
import type { ServerDescription } from '../protocol/description.ts'
import type { Home } from './followed.ts'
import type { Sample, Status } from './messages.ts'

// Milliseconds between two questions to the server, and for an answer; samples that are kept: five minutes.
const EVERY = 1000
const TIMEOUT = 5000
const SAMPLES = 300
// Characters of a name that a description has whole.
const WHOLE = 200

/** Asks the server each second what it is doing, and keeps the figures of the last minutes. */
export class Pulse {
  readonly #home: Home
  readonly #heard: () => void
  #before: ServerDescription | undefined
  #description: ServerDescription | null = null
  #verdicts: string[] = []
  #error: string | null = null
  #samples: Sample[] = []
  #isOver = false

  /** `heard` is called after each question. */
  constructor(home: Home, heard: () => void) {
    this.#home = home
    this.#heard = heard
  }

  /** Redis does not describe itself. */
  get isPossible(): boolean {
    return engineOf(this.#home.address) === undefined
  }

  /** Whether the server has said that it has a namespace. Of a long name it says the beginning, which is none. */
  hasNamespace(name: string): boolean {
    return name.length <= WHOLE && this.#description?.namespaces.some(one => one.name === name) === true
  }

  async run(): Promise<void> {
    while (!this.#isOver) {
      await this.#ask()
      this.#heard()
      await sleep(EVERY, { ref: false })
    }
  }

  stop(): void {
    this.#isOver = true
  }

  /** The newest answer, with the samples after a time. */
  status(after: number): Status {
    return {
      type: 'status',
      time: this.#description?.time ?? wallClock(),
      description: this.#description,
      verdicts: this.#verdicts,
      error: this.#error,
      samples: this.#samples.filter(({ time }) => time > after),
    }
  }

  async #ask(): Promise<void> {
    if (!this.isPossible) return
    const { address, secretKey } = this.#home
    try {
      const [answer, now] = await Promise.all([
        this.#timeToAnswer(),
        describeServer(address, { secretKey, timeout: TIMEOUT }),
      ])
      const before = this.#before?.server.started === now.server.started ? this.#before : undefined
      this.#verdicts = diagnose(withoutAsker(now), before && withoutAsker(before))
      this.#description = now
      this.#error = null
      if (before) this.#sample(now, before, answer)
      this.#before = now
    } catch (error) {
      // It may go on, or be started again: what it said before is still the newest that is known.
      this.#error = (error as Error).message
      this.#verdicts = []
    }
  }

  /** A description takes longer: the server asks the programs. */
  async #timeToAnswer(): Promise<number> {
    const { address, secretKey } = this.#home
    const start = monotonic()
    await ping(address, { secretKey, timeout: TIMEOUT })
    return monotonic() - start
  }

  #sample(now: ServerDescription, before: ServerDescription, answer: number): void {
    const seconds = (now.time - before.time) / 1000
    // Two answers of one millisecond make no rate.
    if (seconds <= 0) return
    const was = new Map(before.namespaces.map(({ name, revision }) => [name, revision]))
    let commits = 0
    for (const { name, revision } of now.namespaces)
      commits += Math.max(0, revision - (was.get(name) ?? revision))
    const { rss, heapUsed } = now.server.memory
    this.#samples.push({
      time: now.time,
      commits: commits / seconds,
      busy: busyPart(now, before),
      rss,
      heap: heapUsed,
      answer,
    })
    if (this.#samples.length > SAMPLES) this.#samples.shift()
  }
}

/** That the inspector itself does not take each of many commits is as it should be. */
const withoutAsker = (description: ServerDescription): ServerDescription => ({
  ...description,
  readers: description.readers.filter(({ session }) => session !== description.asker),
})
