import type { Found, LogRow } from '../src/inspect/messages.ts'
import type { App } from './app.ts'
import { call } from './call.ts'
import { Latest } from './latest.ts'

/** Lines that are kept. */
const KEPT = 5000
const AROUND = 30

export interface LogFilter {
  key: string
  process: string
  method: string
}

/** The log: which lines are seen, and those that a search has found. */
export class LogModel {
  readonly filter: LogFilter = { key: '', process: '', method: '' }
  /** What the search has found, the newest first; undefined: everything is shown. */
  found: { rows: LogRow[]; reached: number; newest: number } | undefined
  isSearching = false
  problem = ''
  /** The newest line, while the lines are to stay where they are; undefined: the newest commit. */
  held: number | undefined
  // The newest commit whose line is here: lines are shown once they are.
  #newest = 0
  readonly #app: App
  readonly #rows = new Map<number, LogRow>()
  #seen = { from: 0, count: 40 }
  readonly #fetch = new Latest(() => this.#fetchRows())
  readonly #update = new Latest(() => this.#fetchNew())

  constructor(app: App) {
    this.#app = app
  }

  get isFiltered(): boolean {
    const { key, process, method } = this.filter
    return key !== '' || process !== '' || method !== ''
  }

  get top(): number {
    return this.held ?? this.#newest
  }

  get total(): number {
    return this.found ? this.found.rows.length : Math.max(0, this.top - this.#app.oldest + 1)
  }

  /** The line at a place, the newest being 0. */
  row(index: number): LogRow | undefined {
    return this.found ? this.found.rows[index] : this.#rows.get(this.top - index)
  }

  see(from: number, count: number): void {
    this.#seen = { from, count }
    // Who reads further down reads on, however many come.
    if (from > 0) this.held ??= this.#newest
    else this.held = undefined
    this.#fetch.ask()
  }

  release(): void {
    this.held = undefined
    this.#seen.from = 0
    this.#fetch.ask()
    this.#app.changed()
  }

  ticked(): void {
    if (this.found) this.#update.ask()
    else this.#fetch.ask()
  }

  set(change: Partial<LogFilter>): void {
    Object.assign(this.filter, change)
    this.found = undefined
    this.held = undefined
    if (this.isFiltered) void this.search()
    else this.#fetch.ask()
    this.#app.changed()
  }

  /** Looks for more, further back. */
  async search(): Promise<void> {
    if (this.isSearching) return
    this.isSearching = true
    const filter = { ...this.filter }
    const { namespace } = this.#app
    try {
      const before = this.found?.reached ?? null
      const made = await call<Found>('search', { namespace, ...filter, before, until: 0 })
      if (this.#isSame(filter)) {
        const rows = [...(this.found?.rows ?? []), ...made.rows]
        this.found = { rows, reached: made.reached, newest: this.found?.newest ?? made.newest }
      }
      this.problem = ''
    } catch (error) {
      this.problem = (error as Error).message
    }
    this.isSearching = false
    if (this.isFiltered && !this.#isSame(filter)) void this.search()
    this.#app.changed()
  }

  clear(): void {
    this.#rows.clear()
    this.#newest = 0
    this.found = undefined
    this.held = undefined
    if (this.isFiltered) void this.search()
  }

  #isSame({ key, process, method }: LogFilter): boolean {
    return key === this.filter.key && process === this.filter.process && method === this.filter.method
  }

  async #fetchRows(): Promise<void> {
    if (this.found || this.#app.newest === 0) return
    const { namespace, oldest } = this.#app
    const top = this.held ?? this.#app.newest
    const last = Math.min(top, top - this.#seen.from + AROUND)
    const first = Math.max(oldest, top - this.#seen.from - this.#seen.count - AROUND)
    let [from, to] = [first, last]
    while (from <= to && this.#rows.has(from)) from++
    while (to >= from && this.#rows.has(to)) to--
    if (from > to) return
    try {
      for (const row of await call<LogRow[]>('log', { namespace, from, to })) this.#keep(row)
      if (namespace !== this.#app.namespace) return this.#rows.clear()
      this.#newest = Math.max(this.#newest, top)
      this.problem = ''
    } catch (error) {
      this.problem = (error as Error).message
    }
    this.#app.changed()
  }

  /** What has come since the search. */
  async #fetchNew(): Promise<void> {
    const { found } = this
    if (!found || this.#app.newest <= found.newest) return
    const question = { namespace: this.#app.namespace, ...this.filter, before: null, until: found.newest + 1 }
    try {
      const made = await call<Found>('search', question)
      if (this.found === found)
        this.found = { ...found, newest: made.newest, rows: [...made.rows, ...found.rows].slice(0, KEPT) }
    } catch (error) {
      this.problem = (error as Error).message
    }
    this.#app.changed()
  }

  #keep(row: LogRow): void {
    this.#rows.set(row.revision, row)
    if (this.#rows.size <= KEPT) return
    const [oldest] = this.#rows.keys()
    if (oldest !== undefined) this.#rows.delete(oldest)
  }
}
