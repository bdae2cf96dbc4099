import type { Progress } from './options.ts'

const EVERY = 100

/** Tells how far a map is, at most every 100 ms, and at its end. */
export class Reporter {
  readonly #total: number | undefined
  readonly #onProgress: ((progress: Progress) => void) | undefined
  readonly #bar: Promise<Bar> | undefined
  #last = 0
  #told = -1

  constructor(
    total: number | undefined,
    onProgress: ((progress: Progress) => void) | undefined,
    bar: boolean,
  ) {
    this.#total = total
    this.#onProgress = onProgress
    if (bar) this.#bar = drawBar(total)
  }

  tell(done: number): void {
    const now = performance.now()
    if (now - this.#last < EVERY) return
    this.#last = now
    this.#say(done)
  }

  end(done: number): void {
    if (done !== this.#told) this.#say(done)
    void this.#bar?.then(bar => bar.stop())
  }

  #say(done: number): void {
    this.#told = done
    this.#onProgress?.({ done, total: this.#total })
    void this.#bar?.then(bar => bar.update(done))
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
      ? '{value} items | {duration_formatted}'
      : '{bar} {percentage}% | {value}/{total} | {rate}/s | {eta_formatted} left'
  const bar = new progress.SingleBar({
    format,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: false,
    noTTYOutput: true,
    notTTYSchedule: 1000,
  })
  const began = performance.now()
  bar.start(total ?? 0, 0, { rate: 0 })
  return {
    update: done => bar.update(done, { rate: Math.round((done * 1000) / (performance.now() - began)) }),
    stop: () => bar.stop(),
  }
}
