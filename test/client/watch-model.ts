/** What a watcher was asked for. */
export interface Watch {
  kind: 'raw' | 'change' | 'equal' | 'notEqual' | 'notNone'
  keys: string[]
  exclude: boolean
  value: number
  live: boolean
  own: boolean
  duplicateOkay: boolean
}

export const isCondition = ({ kind }: Watch): boolean => kind !== 'raw' && kind !== 'change'

export type Values = Readonly<Record<string, number | string>>

interface Update {
  isOwn: boolean
  identical: boolean
  wrote: string[]
  changed: string[]
}

/** A namespace's log, as one State that watches knows it. */
export class Log {
  /** Updates that the server keeps. */
  readonly limit: number
  readonly #updates: Update[] = []
  readonly #states: Values[]
  /** The newest of the watching State's own writes. */
  lastOwn = 0

  constructor(initial: Values, limit: number) {
    this.limit = limit
    this.#states = [initial]
  }

  get newest(): number {
    return this.#updates.length
  }

  /** The newest update that the server keeps no longer; 0 or less: there is none. */
  get dropped(): number {
    return this.newest - this.limit
  }

  write(isOwn: boolean, values: Values): void {
    const before = this.at(this.newest)
    // Of an update, watchers of changes see the keys that it changed; one that changed nothing counts by what it wrote.
    const changed = Object.keys(values).filter(key => before[key] !== values[key])
    const identical = changed.length === 0
    this.#updates.push({ isOwn, identical, wrote: Object.keys(values), changed })
    this.#states.push({ ...before, ...values })
    if (isOwn) this.lastOwn = this.newest
  }

  isOwn(revision: number): boolean {
    return this.#update(revision).isOwn
  }

  /** The state at a revision. */
  at(revision: number): Values {
    return this.#states[revision] as Values
  }

  isIdentical(revision: number): boolean {
    return this.#update(revision).identical
  }

  /** Whether a condition holds at a revision; changes hold nowhere. */
  holds({ kind, keys, value }: Watch, revision: number): boolean {
    const here = this.at(revision)[keys[0] as string]
    if (kind === 'equal') return here === value
    if (kind === 'notEqual') return here !== value
    return kind === 'notNone' && here !== undefined
  }

  /** Whether an update is one that the watcher looks at (points 3, 6 and 7 of the contract). */
  counts(watch: Watch, isLoop: boolean, revision: number): boolean {
    const { isOwn, identical, wrote, changed } = this.#update(revision)
    if (identical && !watch.duplicateOkay) return false
    if (isCondition(watch)) return !isOwn || !isLoop
    if (isOwn && !watch.own) return false
    if (watch.kind === 'raw' || watch.keys.length === 0) return true
    const keys = watch.duplicateOkay ? wrote : changed
    return keys.some(key => watch.keys.includes(key) !== watch.exclude)
  }

  #update(revision: number): Update {
    return this.#updates[revision - 1] as Update
  }
}

/** What one watcher is to hand out, and when. */
export class Expected {
  readonly watch: Watch
  readonly isLoop: boolean
  readonly #log: Log
  /** It has handed out, or passed over, everything up to here. */
  #from: number
  // A condition that was tested on no state yet.
  #isFirst = true

  /** `position`: where its State is. */
  constructor(log: Log, watch: Watch, isLoop: boolean, position: number) {
    this.watch = watch
    this.isLoop = isLoop
    this.#log = log
    const base = isCondition(watch) ? Math.max(position, log.lastOwn) : position
    this.#from = watch.live ? log.newest : base
  }

  /** The revision that it hands out as things stand, or stood when `newest` was the newest; undefined: it waits. */
  due(newest = this.#log.newest): number | undefined {
    return this.watch.live && this.isLoop ? this.#newest(newest) : this.#next(newest)
  }

  /**
   * Whether it may hand out `revision`, where several updates came at once after revision `before`: of a live loop it depends
   * on how many were there when it looked. And own updates that it was to hand out are gone when the server keeps them no more.
   */
  may(revision: number, before: number): boolean {
    const { newest, dropped } = this.#log
    if (this.watch.live && this.isLoop) {
      for (let last = before; last <= newest; last++) if (this.due(last) === revision) return true
      return false
    }
    let due = this.due()
    while (due !== undefined && due !== revision && due <= dropped && this.#isOwn(due))
      due = this.#after(due, newest)
    return due === revision
  }

  /** Whether it may be told that the updates from `from` to `to` are not kept: this is so, and it was handed all before them. */
  mayMiss(from: number, to: number): boolean {
    const log = this.#log
    if (this.watch.live || from <= this.#from || to < from || to > log.dropped || log.isOwn(from))
      return false
    if (this.#isFirst && log.holds(this.watch, this.#from)) return this.#from < log.dropped
    for (let revision = this.#from + 1; revision < from; revision++)
      if (this.#matches(revision) && !log.isOwn(revision)) return false
    return true
  }

  /** It has handed out `revision`; a live loop has passed over all that there was then. */
  handed(revision: number): void {
    this.#isFirst = false
    this.#from = revision
  }

  /** `goLive` was called. */
  goLive(): void {
    if (!this.watch.live) this.#from = this.#log.newest
  }

  #next(newest: number): number | undefined {
    if (this.#isFirst && this.#log.holds(this.watch, this.#from)) return this.#from
    return this.#after(this.#from, newest)
  }

  #after(position: number, newest: number): number | undefined {
    for (let revision = position + 1; revision <= newest; revision++)
      if (this.#matches(revision)) return revision
    return undefined
  }

  #newest(newest: number): number | undefined {
    const condition = isCondition(this.watch)
    let last = condition && this.#isFirst ? newest : undefined
    for (let revision = this.#from + 1; revision <= newest; revision++)
      if (this.#log.counts(this.watch, true, revision)) last = revision
    if (last === undefined || (condition && !this.#log.holds(this.watch, newest))) return undefined
    return this.watch.kind === 'raw' ? last : newest
  }

  #isOwn(revision: number): boolean {
    return revision > 0 && this.#log.isOwn(revision)
  }

  #matches(revision: number): boolean {
    if (!this.#log.counts(this.watch, this.isLoop, revision)) return false
    return !isCondition(this.watch) || this.#log.holds(this.watch, revision)
  }
}
