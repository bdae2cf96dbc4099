import { cancel, every } from '../async/interval.ts'
import type { Look } from '../lifeline/watchdog.ts'
import { type HungServer, hangs, hungIn } from '../protocol/hung.ts'

// Milliseconds. A server's process says every second that it is alive; how many of them may pass without a word, the first
// of which may take longer to come.
const BEAT = 1000
const SILENCE = 4
const FIRST = 10

export interface HungEvents {
  hung(hung: HungServer): void
  /** It goes on. */
  goesOn(): void
}

/** What an owner knows of whether its server hangs. */
export class Watch {
  /** The server's, once it is known. */
  address = ''
  readonly #events: HungEvents
  #isHung = false
  #silent = 0
  #patience = FIRST

  constructor(events: HungEvents) {
    this.#events = events
  }

  get isHung(): boolean {
    return this.#isHung
  }

  /** What the server's watchdog saw. */
  readonly saw = (look: Look): void => {
    this.#silent = 0
    this.#patience = SILENCE
    if (typeof look === 'object') this.#hangs(hungIn(look))
    else if (look === 'moves' && this.#isHung) {
      this.#isHung = false
      this.#events.goesOn()
    }
  }

  /**
   * From now on it is heard of every second, or its process does not run. Returns what calls that off. Beats are counted, not
   * milliseconds: an owner that was busy itself has not listened.
   */
  listen(): () => void {
    const timer = every(BEAT, () => {
      if (++this.#silent === this.#patience)
        this.#hangs({ during: 'process', function: '', pid: 0, name: '', ms: this.#silent * BEAT })
    }).unref()
    return () => cancel(timer)
  }

  #hangs(what: Omit<HungServer, 'address'>): void {
    if (this.#isHung) return
    this.#isHung = true
    this.#events.hung({ address: this.address, ...what })
  }
}

/** In one line. */
export const describeHung = (hung: HungServer): string =>
  `zproc: the server at ${hung.address} ${hangs(hung)}: it answers nobody until that ends; stop() ends the server`
