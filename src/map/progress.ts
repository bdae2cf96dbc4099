import { AsyncResource } from 'node:async_hooks'
import { after, cancel, monotonic } from '../async/interval.ts'
import type { Progress } from './options.ts'

// Milliseconds.
const EVERY = 100

/** Tells how far a map is, at most every 100 ms, and at its end. */
export class Reporter {
  readonly #total: number | undefined
  readonly #onProgress: ((progress: Progress) => void) | undefined
  readonly #bar: Promise<Bar> | undefined
  /** Called with what the user's function throws. */
  failed: (error: unknown) => void = () => {}
  #last = Number.NEGATIVE_INFINITY
  #told = -1
  #done = 0
  #timer: NodeJS.Timeout | undefined

  constructor(
    total: number | undefined,
    onProgress: ((progress: Progress) => void) | undefined,
    bar: boolean,
  ) {
    this.#total = total
    this.#onProgress = onProgress && AsyncResource.bind(onProgress)
    if (bar) this.#bar = drawBar(total)
  }

  tell(done: number): void {
    this.#done = done
    if (done === this.#told || this.#timer) return
    const wait = this.#last + EVERY - monotonic()
    if (wait <= 0) return this.#say()
    // So that the last step before a long pause is told too. A timer may fire a little early: it looks again.
    this.#timer = after(wait, () => {
      this.#timer = undefined
      this.tell(this.#done)
    })?.unref()
  }

  end(done: number): void {
    this.#done = done
    if (done !== this.#told) this.#say()
    cancel(this.#timer)
    void this.#bar?.then(bar => bar.stop())
  }

  #say(): void {
    cancel(this.#timer)
    this.#timer = undefined
    this.#told = this.#done
    const done = this.#done
    void this.#bar?.then(bar => bar.update(done))
    try {
      this.#onProgress?.({ done, total: this.#total })
    } catch (error) {
      this.failed(error)
    }
    // From the end of the call: a pause before it would otherwise shorten what its reader sees.
    this.#last = monotonic()
  }
}

interface Bar {
  update(done: number): void
  stop(): void
}

async function drawBar(total: number | undefined): Promise<Bar> {
  const { default: progress } = await import('cli-progress')
  const format =
    total === undefined
      ? '{value} items | {rate}/s | {duration_formatted}'
      : '{bar} {percentage}% | {value}/{total} | {rate}/s | {eta_formatted} left'
  const bar = new progress.SingleBar({
    format,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: false,
    noTTYOutput: true,
    notTTYSchedule: 1000,
  })
  const began = monotonic()
  bar.start(total ?? 0, 0, { rate: 0 })
  return {
    update: done => bar.update(done, { rate: Math.round((done * 1000) / (monotonic() - began)) }),
    stop: () => bar.stop(),
  }
}
