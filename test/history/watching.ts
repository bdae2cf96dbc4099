import type { Bounds } from './bounds.ts'
import type { Log } from './log.ts'
import type { Raw, StartRecord, WatchRecord } from './records.ts'
import type { Found } from './violations.ts'
import { type Watched, watched } from './watched.ts'

/**
 * Checks what one State's watchers handed out. Where the State can stand is a set of revisions: more than one before its
 * first answer, since it began at some time while it was being made.
 */
export function checkWatching(
  start: StartRecord,
  steps: readonly WatchRecord[],
  log: Log,
  bounds: Bounds,
  historyLimit: number,
  found: Found,
): void {
  let positions = range(bounds.least(start.invoked), bounds.most(start.returned ?? Number.POSITIVE_INFINITY))
  let live = 0
  let goingLive = -1
  for (const [i, step] of steps.entries()) {
    const { watch, loop, returned } = step
    if (returned === undefined || step.error) return
    const wanted = watched(watch, loop, step.by, log)
    const newest = bounds.most(returned)
    // `goLive` is on its way to the server until something comes of it.
    if (step.wentLive) goingLive = Math.max(goingLive, bounds.least(step.invoked))
    if (goingLive >= 0) positions = unique(positions.flatMap(at => range(Math.max(at, goingLive), newest)))
    if (!step.late) goingLive = -1
    if (step.missed) {
      const [from, to] = step.missed
      const isGap = positions.some(at => at < from && (at === from - 1 || (wanted.next(at) ?? from) >= from))
      if (watch.live || !isGap || to < from || to > newest - historyLimit)
        return found(
          'wrong gap',
          `${shown(step)}: missed ${from} to ${to} of ${newest}, of which ${historyLimit} are kept`,
        )
      positions = [to]
    } else if (step.late) {
      // Whatever it passed over was not for it. It may have had no time to pass over anything.
      const passed = (at: number) => Math.max(at, Math.min(newest, (wanted.next(at) ?? log.end + 1) - 1))
      if (!watch.live) positions = unique(positions.flatMap(at => range(at, passed(at))))
    } else if (watch.live) {
      // It starts from now: with the state as it is, or with the next update.
      const now = Math.max(live, bounds.least(step.invoked))
      const from = loop === 'next' || watch.kind === 'raw' || watch.kind === 'change' ? now + 1 : now
      const at = firstLike(step, wanted, from, newest, log)
      if (at === undefined)
        return found(
          blameLive(step, from, newest, log),
          `${shown(step)}: no revision from ${from} to ${newest} is that`,
        )
      live = at
    } else {
      const expected = positions.map(at => wanted.next(at)).filter(at => at !== undefined)
      const seen = expected.filter(at => at <= newest && isLike(step, at, log))
      if (seen.length === 0) {
        const blame = blameBuffered(step, steps[i + 1], expected, log)
        return found(blame, `${shown(step)}: revision ${unique(expected).join(' or ') || 'none'} was due`)
      }
      positions = unique(seen)
    }
  }
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
  return like.some(at => at > 0 && log.at(at).name === step.by) ? 'own write' : 'repeated update'
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)

const unique = (numbers: number[]): number[] => [...new Set(numbers)]

const shown = ({ by, number, watch, seen }: WatchRecord): string =>
  `${by}#${number} ${JSON.stringify(watch)} → ${JSON.stringify(seen)}`
