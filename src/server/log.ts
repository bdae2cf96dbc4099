import { after } from '../async/interval.ts'

// Milliseconds in which one thing is said once, however often it happens.
const QUIET = 1000

/** What a server says for its operator, a line each. */
export class ServerLog {
  readonly #say: (line: string) => void
  readonly #counts = new Map<string, number>()

  /** `say` gets each line. Default: it goes to stderr. */
  constructor(say: (line: string) => void = line => console.error(line)) {
    this.#say = say
  }

  /** About the server. */
  line(words: string): void {
    this.#say(`zproc: ${words}`)
  }

  /** About a client; `kind` names what happened, so that a flood of it becomes one line a second. */
  client(kind: string, words: string): void {
    const count = this.#counts.get(kind)
    if (count !== undefined) {
      this.#counts.set(kind, count + 1)
      return
    }
    this.#counts.set(kind, 0)
    this.#say(`zproc server: ${words}`)
    after(QUIET, () => {
      const more = this.#counts.get(kind) ?? 0
      this.#counts.delete(kind)
      if (more > 0) this.#say(`zproc server: ${more} more like this: ${words}`)
    })?.unref()
  }
}
