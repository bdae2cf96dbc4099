import { monotonic, sleep, wallClock } from '../async/interval.ts'
import { busyPart, diagnose } from '../client/diagnose.ts'
import { ping } from '../client/ping.ts'
import { type ServerNews, serverNews } from '../client/server-news.ts'
import type { ServerDescription } from '../protocol/description.ts'
import type { Home } from './followed.ts'
import type { ProcessesShown, Sample, Status } from './messages.ts'
import { ProcessesThen } from './processes-then.ts'

// Milliseconds from one description of the server to the next, and for a ping; samples that are kept: five minutes.
const EVERY = 1000
const TIMEOUT = 5000
const SAMPLES = 300
// Characters of a name that a description has whole.
const WHOLE = 200

/** Hears each second what the server is doing, and keeps the figures of the last minutes. */
export class Pulse {
  readonly #home: Home
  readonly #heard: () => void
  #before: ServerDescription | undefined
  #description: ServerDescription | null = null
  #verdicts: string[] = []
  #error: string | null = null
  #samples: Sample[] = []
  readonly #then = new ProcessesThen()
  readonly #over = new AbortController()

  /** `heard` is called whenever there is something new. */
  constructor(home: Home, heard: () => void) {
    this.#home = home
    this.#heard = heard
  }

  /** Whether the server has said that it has a namespace. Of a long name it says the beginning, which is none. */
  hasNamespace(name: string): boolean {
    return name.length <= WHOLE && this.#description?.namespaces.some(one => one.name === name) === true
  }

  async run(): Promise<void> {
    const { address, secretKey } = this.#home
    const { signal } = this.#over
    while (!signal.aborted) {
      try {
        for await (const news of serverNews(address, { secretKey, ms: EVERY, signal })) {
          await this.#hear(news)
          this.#heard()
        }
      } catch (error) {
        // It was never heard of: it may be started.
        this.#problem((error as Error).message)
        this.#heard()
        await sleep(EVERY, { ref: false })
      }
    }
  }

  /** The processes as they were at a time. */
  processesAt(time: number): ProcessesShown {
    return { processes: this.#then.at(time), since: this.#then.since }
  }

  stop(): void {
    this.#over.abort()
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

  async #hear({ description: now, silent, lost }: ServerNews): Promise<void> {
    if (!now) return this.#problem(silent ?? lost?.message ?? '')
    const before = this.#before?.server.started === now.server.started ? this.#before : undefined
    this.#verdicts = diagnose(withoutAsker(now), before && withoutAsker(before))
    this.#description = now
    this.#then.add(now)
    this.#error = null
    const answer = await this.#timeToAnswer()
    if (before && answer !== undefined) this.#sample(now, before, answer)
    this.#before = now
  }

  /** It may go on, or be started again: what it said before is still the newest that is known. */
  #problem(words: string): void {
    this.#error = words
    this.#verdicts = []
  }

  /** A description takes longer: the server asks the programs. undefined: it was not answered. */
  async #timeToAnswer(): Promise<number | undefined> {
    const { address, secretKey } = this.#home
    const start = monotonic()
    try {
      await ping(address, { secretKey, timeout: TIMEOUT })
      return monotonic() - start
    } catch {
      // The next that is heard, or is not heard, says more.
      return undefined
    }
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
    const bytesOf = ({ server: { bytes } }: ServerDescription) => bytes.received + bytes.sent
    this.#samples.push({
      time: now.time,
      commits: commits / seconds,
      bytes: Math.max(0, bytesOf(now) - bytesOf(before)) / seconds,
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
