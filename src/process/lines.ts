import { PassThrough, type Readable, type Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { after, cancel } from '../async/interval.ts'
import type { OutputReport } from '../protocol/context-report.ts'
import type { Attempt } from './attempt.ts'
import { LastLines } from './last-lines.ts'
import type { ProcessOptions } from './options.ts'

// Characters of stderr that are kept.
const KEPT_CHARACTERS = 2000
// Lines that are kept to be looked at, unless `outputLines` says how many.
const KEPT_LINES = 20

/** What a process prints, over all its attempts: inherited, handed out as streams, or labelled line by line. */
export class Output {
  readonly stdio: 'inherit' | 'pipe' | 'pipe-stderr'
  /** The end of what it wrote to stderr, where that is kept. */
  stderrTail = ''
  readonly #keepsStderr: boolean
  readonly stdout: PassThrough | null
  readonly stderr: PassThrough | null
  readonly #label: string | undefined
  readonly #last: LastLines
  readonly #reading = new Map<Attempt, Promise<unknown>>()

  constructor(
    name: string,
    { stdio = 'inherit', prefix = false, outputLines = KEPT_LINES }: ProcessOptions,
    keepsStderr = false,
  ) {
    const given = prefix ? 'pipe' : stdio
    this.stdio = keepsStderr && given === 'inherit' ? 'pipe-stderr' : given
    this.#keepsStderr = keepsStderr
    this.#last = new LastLines(outputLines)
    this.#label = prefix ? `[${name}] ` : undefined
    this.stdout = stdio === 'pipe' ? new PassThrough() : null
    this.stderr = stdio === 'pipe' ? new PassThrough() : null
  }

  read(attempt: Attempt): void {
    const reading: Promise<void>[] = []
    for (const name of ['stdout', 'stderr'] as const) {
      const from = attempt[name]
      const to = this[name]
      if (!from) continue
      if (this.#label !== undefined) reading.push(labelled(from, process[name], this.#label))
      else if (to) from.pipe(to, { end: false })
      else from.on('data', (bytes: Buffer) => process[name].write(bytes))
      if (this.#keepsStderr && name === 'stderr') this.#keepTail(from)
      this.#last.hear(from, name)
      if (this.#label === undefined) reading.push(new Promise(resolve => from.once('end', resolve)))
    }
    this.#reading.set(attempt, Promise.all(reading))
  }

  /** Resolves when all that an attempt printed is out. What nobody reads, or a process that outlives it prints, is not waited for. */
  async drained(attempt: Attempt): Promise<void> {
    const reading = this.#reading.get(attempt)
    this.#reading.delete(attempt)
    if (this.stdio === 'inherit') return
    let timer: NodeJS.Timeout | undefined
    const enough = new Promise<void>(resolve => {
      timer = after(500, resolve)
    })
    await Promise.race([reading, enough])
    cancel(timer)
  }

  #keepTail(from: Readable): void {
    const decoder = new StringDecoder('utf8')
    from.on('data', (bytes: Buffer) => {
      this.stderrTail = (this.stderrTail + decoder.write(bytes)).slice(-KEPT_CHARACTERS)
    })
  }

  /** The last lines of it, and what of it is read here at all. */
  report(): OutputReport {
    const seen = { inherit: 'nothing', pipe: 'all', 'pipe-stderr': 'stderr' } as const
    return { seen: seen[this.stdio], lines: this.#last.get() }
  }

  end(): void {
    this.stdout?.end()
    this.stderr?.end()
  }
}

/** Copies whole lines with a label in front. Resolves at the end. */
function labelled(from: Readable, to: Writable, label: string): Promise<void> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  const print = (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    if (lines.length > 0) to.write(`${lines.map(line => label + line).join('\n')}\n`)
  }
  from.on('data', (bytes: Buffer) => print(decoder.write(bytes)))
  return new Promise(resolve => {
    from.once('close', () => {
      if (rest !== '') print('\n')
      resolve()
    })
  })
}
