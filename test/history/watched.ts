import type { Log } from './log.ts'
import type { Watch } from './records.ts'

/** The revisions that a watcher of `name` hands out, as the contract has it. */
export interface Watched {
  /** Whether the watcher is content with the state at `revision`, without an update. */
  holds(revision: number): boolean
  /** Whether update `revision` is one to hand out. */
  matches(revision: number): boolean
  /** Whether a live loop has something to hand out once update `revision` has come: the newest state, if that will do. */
  makesDue(revision: number): boolean
  /** What comes next for who has seen everything up to `position`; undefined: nothing more. */
  next(position: number): number | undefined
}

export function watched(watch: Watch, loop: 'first' | 'next' | undefined, name: string, log: Log): Watched {
  const test = conditionOf(watch)
  const holds = (revision: number) => test?.(revision, log) === true
  const counts = (revision: number): boolean => {
    const { name: author, identical } = log.at(revision)
    if (identical && !watch.duplicateOkay) return false
    // A condition's one-shot watcher looks at its own State's updates too.
    return author !== name || (test ? !loop : watch.own === true)
  }
  const matches = (revision: number): boolean =>
    counts(revision) && (test ? holds(revision) : changes(watch, revision, log))
  return {
    holds,
    matches,
    makesDue: revision => counts(revision) && (test !== undefined || changes(watch, revision, log)),
    next: position => {
      if (loop !== 'next' && holds(position)) return position
      for (let revision = position + 1; revision <= log.end; revision++)
        if (matches(revision)) return revision
      return undefined
    },
  }
}

/** What the function of `when` and `getWhen` looks for. */
export const isFlagged = (state: { end?: unknown; flag?: unknown }): boolean =>
  state.end !== undefined || state.flag === 2

function conditionOf({ kind, keys, value }: Watch): ((revision: number, log: Log) => boolean) | undefined {
  const key = keys[0] as string
  const at = (revision: number, log: Log) => log.values(revision).get(key)
  const isNone = (text: string | undefined) => text === undefined || text === 'null'
  switch (kind) {
    case 'when':
      return (revision, log) => log.values(revision).has('end') || log.values(revision).get('flag') === '2'
    case 'equal':
      return (revision, log) => at(revision, log) === JSON.stringify(value)
    case 'notEqual':
      return (revision, log) => at(revision, log) !== JSON.stringify(value)
    case 'none':
      return (revision, log) => isNone(at(revision, log))
    case 'notNone':
      return (revision, log) => !isNone(at(revision, log))
    case 'available':
      return (revision, log) => at(revision, log) !== undefined
    default:
      return undefined
  }
}

function changes({ kind, keys, exclude }: Watch, revision: number, log: Log): boolean {
  if (kind === 'raw' || keys.length === 0) return true
  const changed = log.changed(revision)
  if (exclude) return [...changed].some(key => !keys.includes(key))
  return keys.some(key => changed.has(key))
}
