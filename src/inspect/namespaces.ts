import { wallClock } from '../async/interval.ts'
import { Followed, type Home } from './followed.ts'
import { Refused } from './gate.ts'
import type { Redactor } from './redact.ts'

/** Milliseconds after which a namespace that is not looked at is let go. */
const UNUSED = 10_000
/** Namespaces that are looked at at the same time. */
const MOST = 16

interface Open {
  followed: Followed
  used: number
  /** Pages that have it open: it stays for them. */
  pages: number
}

/** The namespaces that pages look at. */
export class Namespaces {
  /** The one that the command was given. */
  readonly first: string
  readonly #home: Home
  readonly #redactor: Redactor
  readonly #isKnown: (name: string) => boolean
  readonly #open = new Map<string, Open>()

  /** `isKnown`: whether the server has a namespace. To look at one that it has not would make it. */
  constructor(home: Home, first: string, redactor: Redactor, isKnown: (name: string) => boolean) {
    this.#home = home
    this.first = first
    this.#redactor = redactor
    this.#isKnown = isKnown
  }

  /** The namespace, once its state is here. */
  async use(name: string): Promise<Followed> {
    const followed = this.get(name)
    await followed.refresh()
    if (followed.revision < 0 && followed.error) throw new Refused(503, followed.error.message)
    return followed
  }

  /** The namespace, which stays until `release` is called. */
  hold(name: string): { followed: Followed; release: () => void } {
    const open = this.#get(name)
    open.pages++
    return {
      followed: open.followed,
      release: () => {
        open.pages--
        open.used = wallClock()
      },
    }
  }

  get(name: string): Followed {
    return this.#get(name).followed
  }

  /** Looks from where on the server keeps commits, and lets go of what no page looks at. */
  settle(now = wallClock()): void {
    for (const [name, { followed, used, pages }] of this.#open) {
      if (pages === 0 && now - used > UNUSED) {
        this.#open.delete(name)
        void followed.close()
      } else if (!followed.error) void followed.log.measure()
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ followed }) => followed.close()))
  }

  #get(name: string): Open {
    const known = this.#open.get(name)
    if (known) {
      known.used = wallClock()
      return known
    }
    if (name !== this.first && !this.#isKnown(name))
      throw new Refused(404, `the server has no namespace '${name}'`)
    if (this.#open.size >= MOST) throw new Refused(429, `at most ${MOST} namespaces are looked at at a time`)
    const open = { followed: new Followed(this.#home, name, this.#redactor), used: wallClock(), pages: 0 }
    this.#open.set(name, open)
    return open
  }
}
