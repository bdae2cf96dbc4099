import { wallClock } from '../async/interval.ts'
import { Followed, type Home } from './followed.ts'
import { Refused } from './gate.ts'
import type { Redactor } from './redact.ts'

/** Milliseconds after which a namespace that is not looked at is let go. */
const UNUSED = 10_000
/** Namespaces that are looked at at the same time. */
const MOST = 16

/** The namespaces that pages look at. */
export class Namespaces {
  /** The one that the command was given. */
  readonly first: string
  readonly #home: Home
  readonly #redactor: Redactor
  readonly #isKnown: (name: string) => boolean
  readonly #open = new Map<string, { followed: Followed; used: number }>()

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

  get(name: string): Followed {
    const known = this.#open.get(name)
    if (known) {
      known.used = wallClock()
      return known.followed
    }
    if (name !== this.first && !this.#isKnown(name))
      throw new Refused(404, `the server has no namespace '${name}'`)
    if (this.#open.size >= MOST) throw new Refused(429, `at most ${MOST} namespaces are looked at at a time`)
    const followed = new Followed(this.#home, name, this.#redactor)
    this.#open.set(name, { followed, used: wallClock() })
    return followed
  }

  /** Looks from where on the server keeps commits, and lets go of what no page looks at. */
  async settle(): Promise<void> {
    const now = wallClock()
    for (const [name, { followed, used }] of this.#open) {
      if (now - used > UNUSED) {
        this.#open.delete(name)
        await followed.close()
      } else if (!followed.error) await followed.log.measure().catch(() => {})
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ followed }) => followed.close()))
  }
}
