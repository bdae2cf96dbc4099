import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { monotonic } from '../async/interval.ts'
import type { OutputLine } from '../protocol/description.ts'

// Characters of a line that are kept.
const LONGEST = 500
const LINE_FEED = 10

/** The last lines that a process has printed, over all its attempts: `most` at most. */
export class LastLines {
  readonly #most: number
  readonly #lines: OutputLine[] = []
  readonly #unfinished = { stdout: '', stderr: '' }

  constructor(most: number) {
    this.#most = most
  }

  /** Reads on, beside whatever else reads it. */
  hear(from: Readable, stream: OutputLine['stream']): void {
    if (this.#most === 0) return
    const decoder = new StringDecoder('utf8')
    from.on('data', (bytes: Buffer) => {
      const start = this.#startIn(bytes)
      if (start > 0) {
        decoder.end()
        this.#unfinished[stream] = ''
      }
      this.#add(decoder.write(bytes.subarray(start)), stream)
    })
    from.once('end', () => {
      if (this.#unfinished[stream] !== '') this.#add('\n', stream)
    })
  }

  /** The oldest first, each with how many milliseconds ago it came; what has no end yet is a line as well. */
  get(): OutputLine[] {
    const now = monotonic()
    const rest = (['stdout', 'stderr'] as const).flatMap(stream => {
      const text = this.#unfinished[stream]
      return text === '' ? [] : { time: now, stream, text: withoutReturn(text) }
    })
    const lines = [...this.#lines, ...rest]
    return lines
      .slice(Math.max(0, lines.length - this.#most))
      .map(line => ({ ...line, time: now - line.time }))
  }

  /** Where the lines begin that are kept of what arrives together: a program that prints very much costs no more than that. */
  #startIn(bytes: Buffer): number {
    let at = bytes.length
    for (let lines = 0; lines <= this.#most; lines++) {
      at = at > 0 ? bytes.lastIndexOf(LINE_FEED, at - 1) : -1
      if (at < 0) return 0
    }
    return at + 1
  }

  #add(text: string, stream: OutputLine['stream']): void {
    const lines = (this.#unfinished[stream] + text).split('\n')
    this.#unfinished[stream] = short(lines.pop() ?? '')
    const time = monotonic()
    for (const line of lines) this.#lines.push({ time, stream, text: withoutReturn(short(line)) })
    if (this.#lines.length > this.#most) this.#lines.splice(0, this.#lines.length - this.#most)
  }
}

const short = (line: string): string => (line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line)

const withoutReturn = (line: string): string => line.replace(/\r$/, '')
