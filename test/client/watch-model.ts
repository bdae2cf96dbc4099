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

export type Values = Readonly<Record<string, number>>

interface Update {
  isOwn: boolean
  identical: boolean
  key: string
}

/** A namespace's log, as one State that watches knows it: each update wrote one key. */
export class Log {
  readonly #updates: Update[] = []
  readonly #states: Values[]
  /** The newest of the watching State's own writes. */
  lastOwn = 0

  constructor(initial: Values) {
    this.#states = [initial]
  }

  get newest(): number {
    return this.#updates.length
  }

  write(isOwn: boolean, key: string, value: number): void {
    const before = this.at(this.newest)
    this.#updates.push({ isOwn, identical: before[key] === value, key })
    this.#states.push({ ...before, [key]: value })
    if (isOwn) this.lastOwn = this.newest
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
    const { isOwn, identical, key } = this.#update(revision)
    if (identical && !watch.duplicateOkay) return false
    if (isCondition(watch)) return !isOwn || !isLoop
    if (isOwn && !watch.own) return false
    if (watch.kind === 'raw' || watch.keys.length === 0) return true
    return watch.keys.includes(key) !== watch.exclude
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

  /** The revision that it hands out as things stand; undefined: it waits. */
  due(): number | undefined {
    return this.watch.live && this.isLoop ? this.#newest() : this.#next()
  }

  /** It has handed out `revision`. A live loop has then passed over all that there was. */
  handed(revision: number): void {
    this.#isFirst = false
    this.#from = this.watch.live ? this.#log.newest : revision
  }

  /** `goLive` was called. */
  goLive(): void {
    if (!this.watch.live) this.#from = this.#log.newest
  }

  #next(): number | undefined {
    const { newest } = this.#log
    if (this.#isFirst && this.#log.holds(this.watch, this.#from)) return this.#from
    for (let revision = this.#from + 1; revision <= newest; revision++)
      if (this.#matches(revision)) return revision
    return undefined
  }

  #newest(): number | undefined {
    const { newest } = this.#log
    const condition = isCondition(this.watch)
    let last = condition && this.#isFirst ? newest : undefined
    for (let revision = this.#from + 1; revision <= newest; revision++)
      if (this.#log.counts(this.watch, true, revision)) last = revision
    if (last === undefined || (condition && !this.#log.holds(this.watch, newest))) return undefined
    return this.watch.kind === 'raw' ? last : newest
  }

  #matches(revision: number): boolean {
    if (!this.#log.counts(this.watch, this.isLoop, revision)) return false
    return !isCondition(this.watch) || this.#log.holds(this.watch, revision)
  }
}
