import { decode } from '../protocol/frames.ts'
import { Ask } from '../protocol/kinds-of-requests.ts'
import {
  type ClientMessage,
  type LogPage,
  type ServerMessage,
  Tell,
  type WireCommit,
} from '../protocol/messages.ts'
import { readOptions } from '../protocol/options.ts'
import { describe, type Wire } from '../protocol/values.ts'
import { addEntries } from '../store/entry-parts.ts'
import { result } from '../store/store.ts'
import { Cursor, type Update } from './cursor.ts'
import type { Link } from './link.ts'
import { type HistoryOptions, historyFields } from './options.ts'
import { rawUpdate } from './replies.ts'
import type { RawUpdate, Snapshot } from './types.ts'

// Backwards, commits come in groups: for each the state before it is fetched, and the state after each commit is held at the
// same time. So many commits go together, and as few as keep that many entries in all.
const GROUP = 256
const GROUP_ENTRIES = 1_000_000

/** `state.at`. */
export async function stateAt<S>(link: Link, when: number | Date): Promise<Snapshot<S>> {
  const call = 'state.at'
  if (!(when instanceof Date) && typeof when !== 'number')
    throw new TypeError(`${call}: give a revision or a Date, got ${describe(when)}`)
  link.check()
  if (!(when instanceof Date)) {
    if (!Number.isSafeInteger(when) || when < 0)
      throw new RangeError(`${call}: a revision is a whole number, 0 or more, got ${when}`)
    return (await cursorAt(link, call, when)).snapshot() as Snapshot<S>
  }
  if (Number.isNaN(when.getTime())) throw new RangeError(`${call}: the Date is invalid`)
  const revision = await link.request<number>(call, [Ask.when, 0, link.state, when.getTime()], result)
  return (await cursorAt(link, call, revision)).snapshot() as Snapshot<S>
}

/** `state.history`. */
export function history<S>(link: Link, given: HistoryOptions): AsyncIterableIterator<RawUpdate<S>> {
  const options = readOptions(historyFields, given, 'state.history')
  const { from, to } = options
  if (from !== undefined && to !== undefined && from > to)
    throw new RangeError(
      `state.history: from: ${from} lies behind to: ${to}; for the newest first give reverse: true`,
    )
  link.check()
  return quietly(link, (options.reverse ? backward : forward)<S>(link, options))
}

/** Ends without an error when the program closes the State. */
async function* quietly<T>(link: Link, items: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    yield* items
  } catch (error) {
    if (!link.closing) throw error
  }
}

async function* forward<S>(link: Link, { from = 0, to = Infinity, key }: HistoryOptions) {
  let cursor: Cursor | undefined
  let newest = to
  while (!cursor || cursor.position < newest) {
    const first = cursor ? cursor.position + 1 : from
    const page = await fetchPage(link, 'state.history', first, newest, !cursor)
    cursor ??= page?.cursor
    if (!page || !cursor) return
    newest = Math.min(newest, page.newest)
    // There may be none between, where the namespace was empty and began anew.
    if (page.commits.length === 0) return
    for (const commit of page.commits) {
      const update = moved(cursor, commit, key)
      if (update) yield rawUpdate<S>(cursor, update)
    }
  }
}

async function* backward<S>(link: Link, { from, to = Infinity, key }: HistoryOptions) {
  const call = 'state.history'
  const start = await fetchPage(link, call, from ?? 0, from ?? 0, false)
  if (!start) return
  const oldest = from ?? start.first
  let last = Math.min(to, start.newest)
  let group = 1
  while (last >= oldest) {
    const first = Math.max(oldest, last - group + 1)
    const updates: RawUpdate<S>[] = []
    let cursor: Cursor | undefined
    while (!cursor || cursor.position < last) {
      const page = await fetchPage(link, call, cursor ? cursor.position + 1 : first, last, !cursor)
      cursor ??= page?.cursor
      if (!page || !cursor || page.commits.length === 0) return
      for (const commit of page.commits) {
        const update = moved(cursor, commit, key)
        if (update) updates.push(rawUpdate<S>(cursor, update))
      }
    }
    yield* updates.reverse()
    last = first - 1
    group = Math.max(1, Math.min(GROUP, Math.floor(GROUP_ENTRIES / (cursor.values.size + 1))))
  }
}

/** Moves on by a commit; gives the update if it wrote `key`, or if no key was given. */
function moved(cursor: Cursor, commit: WireCommit, key: string | undefined): Update | undefined {
  const mayWrite =
    key === undefined || commit[7].some(([written]) => written === undefined || written === key)
  const update = cursor.move(commit, mayWrite)
  return mayWrite && (key === undefined || update.wrote(key)) ? update : undefined
}

/** @internal Commits of a log, as many as went together. */
export interface Fetched {
  first: number
  /** At the state before the commits, if that was asked for. */
  cursor: Cursor | undefined
  commits: WireCommit[]
  newest: number
}

/** @internal Commits from `first` on (0: from the oldest that is kept), up to `last` at most; undefined: there are none yet. */
export async function fetchPage(
  link: Link,
  call: string,
  first: number,
  last: number,
  wantsState: boolean,
): Promise<Fetched | undefined> {
  const {
    page: [begins, , commits, newest],
    cursor,
  } = await ask(link, call, first, last, wantsState)
  if (first > newest) return undefined
  return { first: begins, cursor, commits: decode(commits) as WireCommit[], newest }
}

async function cursorAt(link: Link, call: string, revision: number): Promise<Cursor> {
  const { page, cursor } = await ask(link, call, revision + 1, revision, true)
  if (!cursor)
    throw new RangeError(`${call}: revision ${revision} is not there yet: the newest is ${page[3]}`)
  return cursor
}

/** Asks for a page; gives it, and a cursor at the state before its commits, if that was asked for and is there. */
async function ask(
  link: Link,
  call: string,
  first: number,
  last: number,
  wantsState: boolean,
): Promise<{ page: LogPage; cursor: Cursor | undefined }> {
  const values = new Map<string, Wire>()
  const message: ClientMessage = [Ask.page, 0, link.state, first, last, wantsState]
  const page = await link.request<LogPage>(call, message, received, values)
  const [begins, state] = page
  if (!state) return { page, cursor: undefined }
  addEntries(values, state)
  const cursor = new Cursor(begins - 1)
  cursor.values = values
  return { page, cursor }
}

/** A part of the state, or the page. */
function received(message: ServerMessage, values: unknown): unknown {
  if (message[0] !== Tell.part) return result(message, undefined)
  return addEntries(values as Map<string, Wire>, message[2])
}
