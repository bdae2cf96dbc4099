import type { Cursor, Update } from '../client/cursor.ts'
import type { Link } from '../client/link.ts'
import { fetchPage } from '../client/past.ts'
import { MissedUpdatesError } from '../errors.ts'
import type { WireCommit } from '../protocol/messages.ts'
import { type Slot, slot, type Values } from '../store/commit.ts'
import { type Listed, listed, type Order } from './key-list.ts'
import type { Shown } from './tree.ts'

/** The state after a commit, and what the commit changed. */
export interface Moment {
  revision: number
  values: Values
  commit: WireCommit
  /** What the keys that it wrote were, and became. */
  changes: Map<string, { before: Slot; after: Slot }>
}

/** So many commits are gone through one by one rather than to fetch the state behind them. */
const NEAR = 2000

/** The earlier states of a namespace, one at a time: the last one that was asked for is kept. */
export class Past {
  readonly #link: Link
  #cursor: Cursor | undefined
  #moment: Moment | undefined
  #list: { at: string; list: Listed } | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(link: Link) {
    this.#link = link
  }

  /** The state at a revision, 1 or later, and `use` of it: it is there until `use` returns. */
  at<T>(revision: number, use: (moment: Moment) => T): Promise<T> {
    const made = this.#last.then(async () => use(await this.#at(revision)))
    this.#last = made.catch(() => {})
    return made
  }

  /** A state as a tree has it. */
  shown({ revision, values, changes }: Moment, filter: string, order: Order): Shown {
    const at = `${revision} ${order} ${filter}`
    const writtenAt = (key: string) => (changes.has(key) ? revision : 0)
    if (this.#list?.at !== at) this.#list = { at, list: listed(values, filter, order, writtenAt) }
    const { keys, placeOf } = this.#list.list
    return { namespace: this.#link.namespace, revision, values, keys, placeOf, writtenAt }
  }

  async #at(revision: number): Promise<Moment> {
    if (this.#moment?.revision === revision) return this.#moment
    const cursor = this.#cursor
    this.#cursor = this.#moment = this.#list = undefined
    const near = cursor && cursor.position < revision && revision - cursor.position <= NEAR
    const made = await this.#move(near ? cursor : undefined, revision)
    this.#cursor = made.cursor
    this.#moment = made.moment
    return made.moment
  }

  /** Moves to a revision from an earlier one, or from the state before it. */
  async #move(from: Cursor | undefined, revision: number): Promise<{ cursor: Cursor; moment: Moment }> {
    let cursor = from
    for (;;) {
      const first = cursor ? cursor.position + 1 : revision
      const page = await fetchPage(this.#link, 'inspect', first, revision, !cursor)
      cursor ??= page?.cursor
      if (!page || !cursor || page.commits.length === 0) throw new MissedUpdatesError(first, revision)
      for (const commit of page.commits) {
        const update = cursor.move(commit, false)
        if (cursor.position === revision) return { cursor, moment: momentOf(cursor, commit, update) }
      }
    }
  }
}

function momentOf({ position, values }: Cursor, commit: WireCommit, update: Update): Moment {
  const changes = new Map<string, { before: Slot; after: Slot }>()
  for (const key of update.keys())
    if (update.changed(key)) changes.set(key, { before: update.was(key), after: slot(values, key) })
  return { revision: position, values, commit, changes }
}
