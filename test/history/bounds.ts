import { effectOf } from './calls.ts'
import { type Commits, shown } from './commits.ts'
import type { Log } from './log.ts'
import type { CallRecord } from './records.ts'
import type { Found } from './violations.ts'

/** Which revisions the state can have been at, at a time, going by what calls were told. */
export interface Bounds {
  /** Nobody who asks after `time` may be shown an older one. */
  least(time: number): number
  /** At `time` there cannot have been a newer one. */
  most(time: number): number
}

/**
 * Checks the real-time order: what was acknowledged before a call began, the call comes after. Each call that is no commit
 * is given the oldest revision that it can have seen: whatever is possible at all is possible then.
 */
export function checkOrder(
  records: readonly CallRecord[],
  commits: Commits,
  log: Log,
  holds: boolean,
  found: Found,
): Bounds {
  const latest = latestCommits(commits, log.end)
  const byReturn = records
    .filter(({ result }) => result !== undefined)
    .sort((a, b) => a.returned! - b.returned!)
  const place = new Map<CallRecord, number>(commits)
  const placed: { time: number; revision: number }[] = []
  /** How far each State has come by its own calls. */
  const own = new Map<string, number>()
  const nextOwn = nextCommits(records, commits)
  let answered = 0
  let least = 0
  for (const record of [...records].sort((a, b) => a.invoked - b.invoked)) {
    for (; byReturn[answered] && byReturn[answered]!.returned! < record.invoked; answered++) {
      const revision = place.get(byReturn[answered]!) ?? 0
      if (revision <= least) continue
      least = revision
      placed.push({ time: byReturn[answered]!.returned!, revision })
    }
    const commit = commits.get(record)
    if (commit !== undefined) {
      if (commit <= least)
        found(
          'reordered writes',
          `${shown(record)} is commit ${commit}, but began after ${least} was acknowledged`,
        )
      own.set(record.by, Math.max(own.get(record.by) ?? 0, commit))
      continue
    }
    if (record.result === undefined) continue
    const from = holds ? least : Math.max(least, own.get(record.by) ?? 0)
    const to = Math.min(latest(record.returned!), holds ? log.end : (nextOwn.get(record) ?? log.end))
    const revision = find(record, from, to, log) ?? misplaced(record, from, to, log, found)
    place.set(record, revision)
    own.set(record.by, Math.max(own.get(record.by) ?? 0, revision))
  }
  for (const record of byReturn.slice(answered)) {
    least = Math.max(least, place.get(record) ?? 0)
    placed.push({ time: record.returned!, revision: least })
  }
  return {
    least: time => placed[before(placed, time) - 1]?.revision ?? 0,
    most: latest,
  }
}

/** The first revision, if any, at which the call gives what it gave. */
function find({ call, result }: CallRecord, from: number, to: number, log: Log): number | undefined {
  for (let revision = from; revision <= to; revision++) {
    const effect = effectOf(call, log.values(revision))
    if (!effect.after && effect.result === result) return revision
  }
  return undefined
}

function misplaced(record: CallRecord, from: number, to: number, log: Log, found: Found): number {
  const revision = find(record, 0, log.end, log)
  const whole = ['items', 'copy'].includes(record.call.kind)
  const window = `it can have seen revisions ${from} to ${to}`
  if (revision === undefined)
    found(whole ? 'torn snapshot' : 'wrong result', `${shown(record)} was so at no revision; ${window}`)
  else if (revision < from) found('stale read', `${shown(record)} was so at ${revision}; ${window}`)
  else found('early read', `${shown(record)} was so at ${revision} for the first time; ${window}`)
  return from
}

/** The newest revision at a time: no commit is made before its call. */
function latestCommits(commits: Commits, end: number): (time: number) => number {
  const sorted = [...commits]
    .map(([{ invoked }, revision]) => ({ time: invoked, revision }))
    .sort((a, b) => a.time - b.time)
  const least = new Array<number>(sorted.length + 1).fill(end + 1)
  for (let i = sorted.length - 1; i >= 0; i--) least[i] = Math.min(least[i + 1]!, sorted[i]!.revision)
  return time => least[before(sorted, time)]! - 1
}

/** For each call, the newest revision before the next commit of the same State. */
function nextCommits(records: readonly CallRecord[], commits: Commits): Map<CallRecord, number> {
  const next = new Map<string, number>()
  const made = new Map<CallRecord, number>()
  for (const record of [...records].sort((a, b) => b.number - a.number)) {
    const own = next.get(record.by)
    if (own !== undefined) made.set(record, own - 1)
    const commit = commits.get(record)
    if (commit !== undefined) next.set(record.by, commit)
  }
  return made
}

/** How many of them are before `time`. */
function before(sorted: readonly { time: number }[], time: number): number {
  let low = 0
  for (let high = sorted.length; low < high; ) {
    const middle = (low + high) >> 1
    if (sorted[middle]!.time < time) low = middle + 1
    else high = middle
  }
  return low
}
