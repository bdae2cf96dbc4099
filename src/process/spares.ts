import { after, cancel } from '../async/interval.ts'
import { Child, type ChildSettings } from './child.ts'
import type { Joining } from './job.ts'

// How long after the last start a spare is made: a burst of starts comes first.
const QUIET_TIME = 50
// How long after it was made a spare rehearses, if nobody needed it: a short program is over by then.
const CALM_TIME = 300

/** Children that were made before they are needed. An idle one costs no time and does not delay the end. */
export class Spares {
  readonly #wanted: number
  readonly #at: () => Joining
  #waiting: { child: Child; key: string }[] = []
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(wanted: number, at: () => Joining) {
    this.#wanted = wanted
    this.#at = at
  }

  /** A child as described, if one stands ready; another is made in its place soon. */
  take(settings: ChildSettings): Child | undefined {
    if (this.#wanted === 0 || this.#closed) return undefined
    const key = keyOf(settings)
    const found = this.#waiting.findIndex(spare => spare.key === key && spare.child.waits)
    this.#refillSoon(settings, key)
    if (found < 0) return undefined
    const [spare] = this.#waiting.splice(found, 1)
    return spare?.child
  }

  close(): void {
    this.#closed = true
    cancel(this.#timer)
    for (const { child } of this.#waiting) child.kill()
    this.#waiting = []
  }

  #rehearse(child: Child): void {
    if (this.#waiting.some(spare => spare.child === child)) child.rehearse(this.#at())
  }

  #refillSoon(settings: ChildSettings, key: string): void {
    cancel(this.#timer)
    this.#timer = after(QUIET_TIME, () => {
      const fits = this.#waiting.filter(spare => spare.key === key && spare.child.waits)
      // Spares for what was started before make room for the ones that are asked for now.
      for (const { child } of this.#waiting.filter(spare => !fits.includes(spare))) child.kill()
      while (fits.length < this.#wanted) {
        const child = new Child(settings)
        fits.push({ child, key })
        after(CALM_TIME, () => this.#rehearse(child))?.unref()
      }
      this.#waiting = fits
    })?.unref()
  }
}

const keyOf = ({ tied, execArgv, env, memoryLimit, stdio }: ChildSettings) =>
  JSON.stringify([tied, execArgv, env ?? null, memoryLimit ?? null, stdio, process.execArgv])
