import { checkOrder } from './bounds.ts'
import { byState, findCommits } from './commits.ts'
import { checkKeys } from './keys.ts'
import { readLog } from './log.ts'
import type { CallRecord, EndRecord, History, StartRecord, ViewRecord, WatchRecord } from './records.ts'
import { checkViews } from './views.ts'
import type { Found, Violation } from './violations.ts'
import { checkWatching } from './watching.ts'

/** Everything that is wrong with a history. */
export function check(history: History): Violation[] {
  const violations: Violation[] = []
  const found = (wrong: Violation['wrong'], message: string) => void violations.push({ wrong, message })
  const { entries, historyLimit, holds, stuck } = history
  for (const message of stuck) found('stuck', message)
  const calls = entries.filter((entry): entry is CallRecord => entry.type === 'call')
  const log = readLog(history.log, found)
  const commits = findCommits(calls, log, found)
  const bounds = checkOrder(calls, commits, log, holds, found)
  checkKeys(calls, found)
  for (const entry of entries) if (entry.type === 'end') checkEnd(entry, found)
  for (const entry of entries)
    if ('error' in entry && entry.error && !expected(entry.error))
      found('unexpected error', `${entry.by}#${entry.number}: ${entry.error}`)
  for (const own of byState(entries).values()) {
    const start = own.find((entry): entry is StartRecord => entry.type === 'start')
    const steps = own.filter((entry): entry is WatchRecord => entry.type === 'watch')
    const acknowledged = calls
      .filter(({ by, result }) => by === own[0]?.by && result !== undefined)
      .flatMap(call => {
        const revision = commits.get(call)
        return revision === undefined ? [] : [{ revision, invoked: call.invoked, returned: call.returned! }]
      })
    if (start) checkWatching(start, steps, { log, bounds, historyLimit, acknowledged }, found)
    const views = own.filter((entry): entry is ViewRecord => entry.type === 'view')
    checkViews(
      views,
      own.filter(entry => entry.type === 'call'),
      commits,
      log,
      found,
    )
  }
  return violations
}

// A connection that is lost, and a hold that was given up while its network hung, are what the faults are for.
const expected = (error: string): boolean => /^(ZPROC_CONNECTION|ZPROC_ATOMIC_TIMEOUT)\b/.test(error)

/** Loops end quietly when the program closes their State, and one-shot watchers with ClosedError, unless they failed before. */
function checkEnd({ by, number, returned, buffered, live, once }: EndRecord, found: Found): void {
  if (returned === undefined) return
  const ends = { buffered: [buffered, 'done'], live: [live, 'done'], once: [once, 'ZPROC_CLOSED'] }
  for (const [kind, [came, due]] of Object.entries(ends))
    if (came !== due && came !== 'ZPROC_CONNECTION' && (kind === 'live' || came !== 'ZPROC_MISSED_UPDATES'))
      found(
        'wrong end',
        `${by}#${number}: ${kind} came to ${came} when the State was closed, and not to ${due}`,
      )
}
