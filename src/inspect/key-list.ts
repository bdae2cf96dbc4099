import type { Values } from '../store/commit.ts'
import type { TreeQuery } from './messages.ts'

export type Order = TreeQuery['order']

/** Lists that are kept: one for each page, as long as few are open. */
const KEPT = 4

/** Keys in an order, and where each is. */
export interface Listed {
  keys: readonly string[]
  placeOf(key: string): number | undefined
}

const collator = new Intl.Collator('en', { numeric: true })

/** Puts keys in order. */
export function listed(
  values: Values,
  filter: string,
  order: Order,
  writtenAt: (key: string) => number,
): Listed {
  const wanted = filter.toLowerCase()
  const keys = Array.from(values.keys())
  const kept = wanted === '' ? keys : keys.filter(key => key.toLowerCase().includes(wanted))
  if (order === 'name') kept.sort(collator.compare)
  // The sort is stable: those that were written at no known time stay in the order in which they were put.
  if (order === 'changed') kept.sort((a, b) => writtenAt(b) - writtenAt(a))
  let places: Map<string, number> | undefined
  return {
    keys: kept,
    // Only what is open asks.
    placeOf: key => {
      places ??= new Map(kept.map((name, place) => [name, place]))
      return places.get(key)
    },
  }
}

/** The keys of the newest state in orders, each made again only when it has changed. */
export class KeyList {
  readonly #written = new Map<string, number>()
  // Counts what changes an order: keys that come and go, and writes.
  #moves = 0
  #writes = 0
  readonly #made = new Map<string, { at: string; list: Listed }>()

  /** A key has come or gone. */
  moved(): void {
    this.#moves++
  }

  wrote(key: string, revision: number, isThere: boolean): void {
    this.#writes++
    if (isThere) this.#written.set(key, revision)
    else this.#written.delete(key)
  }

  writtenAt(key: string): number {
    return this.#written.get(key) ?? 0
  }

  list(values: Values, filter: string, order: Order): Listed {
    const name = `${order} ${filter}`
    const at = `${this.#moves} ${order === 'changed' ? this.#writes : ''}`
    const known = this.#made.get(name)
    // The one that was used last comes last.
    this.#made.delete(name)
    const made =
      known?.at === at ? known : { at, list: listed(values, filter, order, key => this.writtenAt(key)) }
    this.#made.set(name, made)
    for (const oldest of this.#made.keys()) if (this.#made.size > KEPT) this.#made.delete(oldest)
    return made.list
  }
}
