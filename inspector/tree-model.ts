import type { PathStep, TreeQuery, TreeRow, TreeWindow, ValueShown } from '../src/inspect/messages.ts'
import type { App } from './app.ts'
import { call } from './call.ts'
import { Latest } from './latest.ts'

/** Milliseconds for which a line that changed is marked. */
export const FLASH = 1200
/** Lines that are fetched above and below those that are seen. */
const AROUND = 30

export interface Place {
  key: string
  path: PathStep[]
}

export const idOf = ({ key, path }: Place): string => JSON.stringify([key, ...path])

/** The tree of the state: which lines are seen, and what is open and selected in it. */
export class TreeModel {
  window: TreeWindow | undefined
  filter = ''
  order: TreeQuery['order'] = 'put'
  selected: Place | undefined
  value: ValueShown | undefined
  problem = ''
  /** The line that the keys are at. Not drawn at once, so it is not the drawing that knows it: keys may come faster. */
  active = 0
  /** When a line has changed last, by its id. */
  readonly flashes = new Map<string, number>()
  readonly fetch = new Latest(() => this.#fetch())
  readonly valueFetch = new Latest(() => this.#fetchValue())
  readonly #app: App
  readonly #open = new Map<string, Place>()
  #seen = { from: 0, count: 40 }
  // What the lines of the last window said.
  #said = new Map<string, string>()
  #saidOf: number | null | undefined

  constructor(app: App) {
    this.#app = app
  }

  /** The lines that are seen. */
  see(from: number, count: number): void {
    const { window } = this
    this.#seen = { from, count }
    const end = Math.min(from + count, window?.total ?? 0)
    if (!window || from < window.from || end > window.from + window.rows.length) this.fetch.ask()
  }

  row(index: number): TreeRow | undefined {
    return this.window?.rows[index - this.window.from]
  }

  set(change: Partial<Pick<TreeModel, 'filter' | 'order'>>): void {
    Object.assign(this, change)
    this.#said.clear()
    this.fetch.ask()
    this.#app.changed()
  }

  isOpen(place: Place): boolean {
    return this.#open.has(idOf(place))
  }

  toggle(place: Place, open = !this.isOpen(place)): void {
    const id = idOf(place)
    if (open) this.#open.set(id, { key: place.key, path: place.path })
    else this.#open.delete(id)
    this.fetch.ask()
    this.#app.changed()
  }

  select(place: Place | undefined): void {
    const isOther = place?.key !== this.selected?.key
    this.selected = place && { key: place.key, path: place.path }
    if (isOther) {
      this.value = undefined
      this.valueFetch.ask()
    }
    this.#app.changed()
  }

  clear(): void {
    this.active = 0
    this.window = undefined
    this.selected = undefined
    this.value = undefined
    this.#open.clear()
    this.flashes.clear()
    this.#said.clear()
  }

  async #fetch(): Promise<void> {
    const { revision, namespace } = this.#app
    const from = Math.max(0, this.#seen.from - AROUND)
    const query: TreeQuery = {
      namespace,
      revision,
      from,
      count: this.#seen.count + 2 * AROUND,
      filter: this.filter,
      order: this.order,
      open: [...this.#open.values()],
    }
    try {
      const window = await call<TreeWindow>('tree', query)
      if (namespace !== this.#app.namespace) return
      this.window = window
      this.problem = ''
      this.#compare(window, revision)
    } catch (error) {
      this.problem = (error as Error).message
    }
    this.#app.changed()
  }

  /** Marks what differs from what the same lines said before. */
  #compare({ rows }: TreeWindow, revision: number | null): void {
    const now = performance.now()
    const said = new Map(rows.map(row => [idOf(row), row.text]))
    // From one time to another nothing has changed: what a commit has changed is marked by itself.
    if (this.#saidOf === revision)
      for (const [id, text] of said) if ((this.#said.get(id) ?? text) !== text) this.flashes.set(id, now)
    this.#said = said
    this.#saidOf = revision
    for (const [id, time] of this.flashes) if (now - time > FLASH) this.flashes.delete(id)
  }

  async #fetchValue(): Promise<void> {
    const { selected } = this
    if (!selected) return
    const { namespace, revision } = this.#app
    try {
      const value = await call<ValueShown>('value', { namespace, revision, key: selected.key })
      if (this.selected?.key !== selected.key) return
      this.value = value
    } catch (error) {
      this.problem = (error as Error).message
    }
    this.#app.changed()
  }
}
