import { createHash } from 'node:crypto'
import type { ServerDescription } from '../protocol/description.ts'

/** What of a description tells which processes there were. */
export type Processes = Pick<
  ServerDescription,
  'time' | 'asker' | 'sessions' | 'processes' | 'pools' | 'leftOut'
>

// Milliseconds for which they are kept, and characters of JSON of all of them. Figures alone are kept anew so often.
const KEPT = 3_600_000
const SIZE = 16 << 20
const FIGURES = 10_000

interface Moment {
  time: number
  /** The hash of what is no figure. */
  facts: string
  json: string
}

/** The processes of programs as they were in the last hour, since the inspector began: kept when they change. */
export class ProcessesThen {
  readonly #moments: Moment[] = []
  #size = 0

  add({ time, asker, sessions, processes, pools, leftOut }: ServerDescription): void {
    const told: Processes = { time, asker, sessions, processes, pools, leftOut }
    const facts = createHash('sha1').update(JSON.stringify(told, withoutFigures)).digest('base64')
    const last = this.#moments.at(-1)
    if (last?.facts === facts && time - last.time < FIGURES) return
    const json = JSON.stringify(told)
    this.#moments.push({ time, facts, json })
    this.#size += json.length
    while (this.#moments.length > 1 && (this.#size > SIZE || time - (this.#moments[0]?.time ?? 0) > KEPT))
      this.#size -= this.#moments.shift()?.json.length ?? 0
  }

  /** As they were at a time; null: that was before what is kept. */
  at(time: number): Processes | null {
    let [low, high] = [0, this.#moments.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#moments[middle]?.time ?? 0) <= time) low = middle + 1
      else high = middle
    }
    const found = this.#moments[low - 1]
    return found ? JSON.parse(found.json) : null
  }

  /** Since when they are kept; null: nothing is. */
  get since(): number | null {
    return this.#moments[0]?.time ?? null
  }
}

// What changes all the time.
const FIGURE = new Set([
  'time',
  'memory',
  'eventLoop',
  'silent',
  'requests',
  'done',
  'waiting',
  'since',
  'leftOut',
  'ephemeral',
])

const withoutFigures = (key: string, value: unknown): unknown => (FIGURE.has(key) ? undefined : value)
