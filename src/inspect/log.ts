import type { Link } from '../client/link.ts'
import { fetchPage } from '../client/past.ts'
import type { WireCommit } from '../protocol/messages.ts'
import { contains, logRow, tellsKey, writesKey } from './log-rows.ts'
import type { Found, LogRow, SearchQuery } from './messages.ts'
import type { Redactor } from './redact.ts'

/** Lines that are kept; others are made again of what the server keeps. */
const KEPT = 20_000
/** Commits of which no line is made unless it is asked for, where more come at a time. */
const FRESH = 256
/** Commits that one search looks through, and lines that it finds, before it says how far it has come. */
const SEARCHED = 5000
const FOUND = 200
/** The most lines that are asked for at a time. */
const MOST = 1000

/** The commits of a namespace as lines. */
export class Log {
  /** The oldest commit that the server keeps, as far as is known. */
  oldest = 1
  newest = 0
  readonly #link: Link
  readonly #redactor: Redactor
  readonly #rows = new Map<number, LogRow>()
  #measuring: Promise<void> | undefined
  // Commits that have just come. A line of each would keep up with no burst: the newest are kept until lines are made.
  #fresh: { revision: number; commit: WireCommit }[] = []

  constructor(link: Link, redactor: Redactor) {
    this.#link = link
    this.#redactor = redactor
  }

  add(revision: number, commit: WireCommit): void {
    this.newest = revision
    this.#fresh.push({ revision, commit })
    if (this.#fresh.length >= 2 * FRESH) this.#fresh.splice(0, FRESH)
  }

  /** Makes lines of what has come. */
  settle(): void {
    for (const { revision, commit } of this.#fresh) this.#keep(revision, commit)
    this.#fresh = []
  }

  /** Asks the server from where on it keeps commits, unless it has not answered that yet. */
  measure(): Promise<void> {
    this.#measuring ??= fetchPage(this.#link, 'inspect', 0, 0, false)
      .then(
        page => {
          this.oldest = page?.first ?? 1
        },
        () => {},
      )
      .finally(() => {
        this.#measuring = undefined
      })
    return this.#measuring
  }

  /** The commits `from` to `to`, as far as they are kept. */
  async rows(from: number, to: number): Promise<LogRow[]> {
    this.settle()
    const first = Math.max(from, this.oldest, 1)
    const last = Math.min(to, this.newest, first + MOST - 1)
    const rows: LogRow[] = []
    for (let revision = first; revision <= last; revision++) {
      if (!this.#rows.has(revision)) await this.#fetch(revision, last)
      const row = this.#rows.get(revision)
      if (row) rows.push(row)
    }
    return rows
  }

  /** Some commits that fit, the newest first. */
  async search({ before, until, ...wanted }: SearchQuery): Promise<Found> {
    const found: LogRow[] = []
    const start = Math.min(before === null ? this.newest : before - 1, this.newest)
    const end = Math.max(until, this.oldest, 1, start - SEARCHED + 1)
    let reached = start + 1
    while (reached > end && found.length < FOUND) {
      const first = Math.max(end, reached - MOST)
      const rows = (await this.rows(first, reached - 1)).filter(row => fits(row, wanted))
      found.push(...(await this.#thatWrite(wanted.key, rows)).reverse())
      reached = first
    }
    return { rows: found, reached, newest: this.newest, oldest: this.oldest }
  }

  /** The lines whose commits wrote a key whose name contains a text. Where a line does not tell, its commit does. */
  async #thatWrite(text: string, rows: LogRow[]): Promise<LogRow[]> {
    if (text === '') return rows
    const writes = new Map(rows.map(row => [row.revision, tellsKey(row, text)]))
    const open = rows.filter(({ revision }) => writes.get(revision) === undefined)
    const last = open.at(-1)?.revision ?? 0
    for (const { revision } of open) {
      if (writes.get(revision) !== undefined) continue
      const page = await fetchPage(this.#link, 'inspect', revision, last, false)
      for (const [i, commit] of page?.commits.entries() ?? [])
        writes.set((page?.first ?? 0) + i, writesKey(commit, text))
    }
    return rows.filter(({ revision }) => writes.get(revision))
  }

  async #fetch(from: number, to: number): Promise<void> {
    const page = await fetchPage(this.#link, 'inspect', from, to, false)
    if (!page) return
    for (const [i, commit] of page.commits.entries()) this.#keep(page.first + i, commit)
  }

  #keep(revision: number, commit: WireCommit): void {
    this.#rows.set(revision, logRow(revision, commit, this.#link.namespace, this.#redactor))
    if (this.#rows.size <= KEPT) return
    // The one that was kept first.
    for (const oldest of this.#rows.keys()) {
      this.#rows.delete(oldest)
      break
    }
  }
}

const fits = (row: LogRow, { process, method }: Pick<SearchQuery, 'process' | 'method'>): boolean =>
  contains(row.method, method) && (process === '' || contains(row.name, process) || `${row.pid}` === process)
