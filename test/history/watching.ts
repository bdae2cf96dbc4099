import type { Bounds } from './bounds.ts'
import type { Log } from './log.ts'
import { isCondition, type Raw, type StartRecord, type WatchRecord } from './records.ts'
import type { Found } from './violations.ts'
import { type Watched, watched } from './watched.ts'

/** What is known of a history apart from what watchers handed out. */
export interface Known {
  log: Log
  bounds: Bounds
  historyLimit: number
  /** The State's own commits, and when each was asked for and acknowledged. */
  acknowledged: readonly { revision: number; invoked: number; returned: number }[]
}

/**
 * Checks what one State's watchers handed out. Where the State can stand is a set of revisions: more than one before its
 * first answer, since it began at some time while it was being made.
 */
export function checkWatching(
  start: StartRecord,
  steps: readonly WatchRecord[],
  known: Known,
  found: Found,
): void {
  const { log, bounds, historyLimit, acknowledged } = known
  let positions = range(bounds.least(start.invoked), bounds.most(start.returned ?? Number.POSITIVE_INFINITY))
  let live = 0
  let goingLive = -1
  // Before it has watched, a State misses nothing: it begins at the oldest revision that is kept.
  let hasWatched = false
  for (const [i, step] of steps.entries()) {
    const { watch, loop, returned } = step
    if (returned === undefined || step.error) return
    const wanted = watched(watch, loop, step.by, log)
    const newest = bounds.most(returned)
    if (!hasWatched && !watch.live) {
      const oldest = newest - historyLimit
      positions = unique(positions.flatMap(at => range(at, Math.max(at, oldest))))
    }
    // `goLive` is on its way to the server until something comes of it.
    if (step.wentLive) goingLive = Math.max(goingLive, bounds.least(step.invoked))
    if (goingLive >= 0) positions = unique(positions.flatMap(at => range(Math.max(at, goingLive), newest)))
    if (!step.late) goingLive = -1
    if (!step.late) hasWatched = true
    // Conditions are tested at the newest acknowledged write, unless the State is past that.
    const bases = isCondition(watch) && loop !== 'next' ? basesOf(step, positions, known) : positions
    if (step.missed) {
      const [from, to] = step.missed
      const isOwn = (at: number) => range(at + 1, from - 1).every(r => log.at(r).name === step.by)
      const isGap = bases.some(
        at => at < from && (at === from - 1 || isOwn(at) || (wanted.next(at) ?? from) >= from),
      )
      // What it has written itself is not missed.
      const isOwnGap = range(from, to).every(r =>
        acknowledged.some(one => one.revision === r && one.returned < step.invoked),
      )
      // It began at the oldest revision that was kept when it first watched, or later.
      const isBefore = from <= bounds.least((steps[0] as WatchRecord).invoked) - historyLimit
      if (watch.live || !isGap || isOwnGap || isBefore || to < from || to > newest - historyLimit)
        return found(
          'wrong gap',
          `${shown(step)}: missed ${from} to ${to} of ${newest}, of which ${historyLimit} are kept`,
        )
      positions = [to]
    } else if (step.late) {
    } else if (watch.live) {
      const at = liveRevision(step, wanted, Math.max(live, 0), newest, known)
      if (at === undefined) {
        const from = Math.max(live, bounds.least(step.invoked))
        return found(
          blameLive(step, from, newest, log),
          `${shown(step)}: no revision from ${from} to ${newest} is that`,
        )
      }
      live = at
      // What was handed out is where the State is, whatever watcher handed it out.
      const seen = range(at, newest).filter(revision => isLike(step, revision, log))
      positions = unique(positions.flatMap(position => seen.map(revision => Math.max(position, revision))))
    } else {
      const expected = bases.map(at => wanted.next(at)).filter(at => at !== undefined)
      const seen = expected.filter(at => at <= newest && isLike(step, at, log))
      if (seen.length === 0) {
        const blame = blameBuffered(step, steps[i + 1], expected, log)
        return found(blame, `${shown(step)}: revision ${unique(expected).join(' or ') || 'none'} was due`)
      }
      positions = unique(seen)
    }
  }
}

/** Where a condition can be tested first. An acknowledgement may have come before the call that got it went on. */
function basesOf(step: WatchRecord, positions: number[], { acknowledged }: Known): number[] {
  const newest = (writes: Known['acknowledged']) => Math.max(0, ...writes.map(({ revision }) => revision))
  const least = newest(acknowledged.filter(({ returned }) => returned < step.invoked))
  const later = acknowledged.filter(({ invoked, revision }) => invoked < step.returned! && revision > least)
  const bases = [least, ...later.map(({ revision }) => revision)]
  return unique(positions.flatMap(at => bases.map(base => Math.max(at, base))))
}

/** The revision, if any, at which a live watcher can have handed out what it did; `live`: that of the step before. */
function liveRevision(
  step: WatchRecord,
  wanted: Watched,
  live: number,
  newest: number,
  { log, bounds }: Known,
): number | undefined {
  const now = bounds.least(step.invoked)
  const from = Math.max(live, now)
  const changes = !isCondition(step.watch)
  // A one-shot starts from now: with the state as it is, or with the next update.
  if (!step.loop) return firstLike(step, wanted, changes ? from + 1 : from, newest, log)
  if (step.watch.kind === 'raw') {
    const last = step.seen?.raw?.revision ?? 0
    const isNewest = range(last + 1, now).every(revision => !wanted.matches(revision))
    const isNew = step.loop === 'next' ? last > live : last > now
    return isNew && isNewest && last <= newest && wanted.matches(last) && isLike(step, last, log)
      ? last
      : undefined
  }
  // The newest state, since an update that counts came after the one before.
  return range(from, newest).find(revision => {
    if (revision === 0 || !isLike(step, revision, log))
      return revision === 0 && step.loop === 'first' && isLike(step, 0, log) && !changes && wanted.holds(0)
    if (!changes && !wanted.holds(revision)) return false
    if (!changes && step.loop === 'first') return true
    const after = step.loop === 'first' ? now : live
    return range(after + 1, revision).some(at => wanted.makesDue(at))
  })
}

/** Whether what was handed out is the state at `revision`, and the update that led to it. */
function isLike({ seen }: WatchRecord, revision: number, log: Log): boolean {
  if (seen?.state !== log.text(revision)) return false
  const { raw } = seen
  return (
    !raw || (raw.revision === revision && raw.before === log.text(revision - 1) && isBy(raw, revision, log))
  )
}

/** Whether somebody's update can be commit `revision`, by what it says of itself. */
function isBy(raw: Raw, revision: number, log: Log): boolean {
  if (revision < 1 || revision > log.end) return false
  const { name, method, time, identical } = log.at(revision)
  return raw.name === name && raw.method === method && raw.time === time && raw.identical === identical
}

/** The same, by what it changes. */
function does({ seen }: WatchRecord, revision: number, log: Log): boolean {
  const lines = (text: string) => text.split('\n')
  const difference = (before: string, after: string) =>
    lines(after).filter(line => !lines(before).includes(line))
  const { state = '', raw } = seen ?? {}
  if (!raw || !isBy(raw, revision, log)) return false
  const should = difference(log.text(revision - 1), log.text(revision))
  return difference(raw.before, state).join() === should.join()
}

function firstLike(
  step: WatchRecord,
  wanted: Watched,
  from: number,
  to: number,
  log: Log,
): number | undefined {
  for (let revision = from; revision <= to; revision++) {
    if (!isLike(step, revision, log)) continue
    if (revision > 0 && wanted.matches(revision)) return revision
    if (step.loop !== 'next' && wanted.holds(revision)) return revision
  }
  return undefined
}

function blameLive({ seen }: WatchRecord, from: number, newest: number, log: Log) {
  const like = range(0, log.end).filter(at => log.text(at) === seen?.state)
  if (like.length === 0) return 'torn snapshot'
  return like.some(at => at >= from && at <= newest) ? 'wrong update' : 'went back'
}

function blameBuffered(step: WatchRecord, after: WatchRecord | undefined, expected: number[], log: Log) {
  const { seen } = step
  const due = expected.find(at => at === seen?.raw?.revision) ?? expected[0] ?? log.end + 1
  if (seen?.raw) {
    const { raw } = seen
    if (raw.name === step.by) return 'own write'
    if (raw.revision < due && isLike(step, raw.revision, log)) return 'repeated update'
    if (does(step, due, log)) return raw.revision === due ? 'torn snapshot' : 'wrong update'
    if (range(due + 1, log.end).some(at => does(step, at, log)))
      return after && does(after, due, log) ? 'reordered updates' : 'lost update'
    // What is done a second time changes nothing.
    if (raw.before === seen.state && range(1, due - 1).some(at => isBy(raw, at, log)))
      return 'repeated update'
    return isBy(raw, due, log) ? 'torn snapshot' : 'wrong update'
  }
  const like = range(0, log.end).filter(at => log.text(at) === seen?.state)
  if (like.length === 0) return 'torn snapshot'
  if (like.some(at => at > due)) return 'lost update'
  if (like.includes(due)) return 'early read'
  if (isCondition(step.watch) && step.loop !== 'next') return 'went back'
  return like.some(at => at > 0 && log.at(at).name === step.by) ? 'own write' : 'repeated update'
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)

const unique = (numbers: number[]): number[] => [...new Set(numbers)]

const shown = ({ by, number, watch, seen, loop }: WatchRecord): string =>
  `${by}#${number}${loop ? ` (${loop} step)` : ''} ${JSON.stringify(watch)} → ${JSON.stringify(seen)}`
