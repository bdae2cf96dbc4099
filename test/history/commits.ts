import { ABSENT, type Call, effectOf, methodOf, showValues, type Values } from './calls.ts'
import type { Log } from './log.ts'
import type { CallRecord } from './records.ts'
import type { Found } from './violations.ts'

/** Which call is which commit, as far as calls are commits. */
export type Commits = Map<CallRecord, number>

/** The name of who ends a history. Its writes are no part of what is checked. */
export const DIRECTOR = 'director'

/**
 * Finds the call behind each commit: a State's calls are committed in the order in which it made them, each at most once,
 * acknowledged ones exactly once, refused ones never, and each does what it says to the state before it.
 */
export function findCommits(records: readonly CallRecord[], log: Log, found: Found): Commits {
  const commits: Commits = new Map()
  const calls = byState(records)
  const next = new Map<string, number>()
  /** Acknowledged, and passed over by a later call of the same State. */
  const passed = new Set<CallRecord>()
  for (let revision = 1; revision <= log.end; revision++) {
    const { name } = log.at(revision)
    if (name === DIRECTOR) continue
    const own = calls.get(name) ?? []
    const from = next.get(name) ?? 0
    // Of what is not known to have been done, only what would have done exactly this.
    const fits = ({ call, result }: CallRecord) =>
      isOf(call, log, revision) && (result !== undefined || does(call, log, revision))
    const at = own.findIndex((record, i) => i >= from && mayCommit(record) && fits(record))
    if (at >= 0) {
      for (const record of own.slice(from, at)) if (mustCommit(record)) passed.add(record)
      next.set(name, at + 1)
      commits.set(own[at]!, revision)
      checkEffect(own[at]!, revision, log, found)
      continue
    }
    const late = own.find(record => passed.has(record) && fits(record))
    if (late) {
      passed.delete(late)
      commits.set(late, revision)
      found('reordered writes', `${shown(late)} is commit ${revision}, behind later calls of the same State`)
    } else if (own.some(record => commits.has(record) && fits(record)))
      found(
        'repeated write',
        `commit ${revision} is a call of ${name} that was committed before: ${what(log, revision)}`,
      )
    else if (own.some(record => record.failed === 'none' && fits(record)))
      found(
        'refused write in the log',
        `commit ${revision}, by ${name}, is one whose error said that nothing was done`,
      )
    else
      found(
        'unknown write',
        `commit ${revision} is by ${name}, who made no such call: ${what(log, revision)}`,
      )
  }
  for (const [name, own] of calls)
    for (const record of own.slice(next.get(name) ?? 0)) if (mustCommit(record)) passed.add(record)
  for (const record of passed) found('lost write', `${shown(record)} was acknowledged and is not in the log`)
  return commits
}

export const shown = ({ by, number, call, result }: CallRecord): string =>
  `${by}#${number} ${JSON.stringify(call)}${result === undefined ? '' : ` → ${JSON.stringify(result)}`}`

/** Whether a call, by what it gave back, changed something, or tried to. */
function mustCommit({ call, result }: CallRecord): boolean {
  if (result === undefined) return false
  if (call.kind === 'delete') return result === 'true'
  if (call.kind === 'pop' || call.kind === 'popItem') return result !== ABSENT
  if (call.kind === 'setDefault') return result === JSON.stringify(call.value)
  return mayChange(call)
}

const mayCommit = (record: CallRecord): boolean =>
  record.failed !== 'none' && (record.result === undefined ? mayChange(record.call) : mustCommit(record))

const reads: readonly string[] = ['get', 'has', 'size', 'keys', 'items', 'copy', 'addAndThrow']
const mayChange = ({ kind }: Call): boolean => !reads.includes(kind)

/** Whether the commit can be this call, by what no other call has: its method, its keys and its own values. */
function isOf(call: Call, log: Log, revision: number): boolean {
  if (log.at(revision).method !== methodOf(call)) return false
  const before = log.values(revision - 1)
  const after = log.values(revision)
  switch (call.kind) {
    case 'set':
    case 'setDefault':
      return after.get(call.key) === JSON.stringify(call.value)
    case 'update':
    case 'replace': {
      const entries = Object.entries(call.entries)
      if (call.kind === 'replace' && after.size !== entries.length) return false
      return entries.every(([key, value]) => after.get(key) === JSON.stringify(value))
    }
    case 'pop':
    case 'delete':
      return !after.has(call.key)
    case 'popItem':
      return after.size < before.size
    case 'clear':
      return after.size === 0
    case 'add':
    case 'addAsync':
    case 'addAndThrow':
      return changedBy(after, call.key, call.tag)
    case 'move':
      return changedBy(after, call.from, call.tag) || changedBy(after, call.to, call.tag)
    default:
      return false
  }
}

const changedBy = (values: Values, key: string, tag: string): boolean =>
  values.get(key)?.endsWith(`"by":${JSON.stringify(tag)}}`) === true

function checkEffect(record: CallRecord, revision: number, log: Log, found: Found): void {
  const { result } = effectOf(record.call, log.values(revision - 1))
  if (!does(record.call, log, revision))
    found(
      'wrong effect',
      `${shown(record)} is commit ${revision}, which did something else: ${what(log, revision)}`,
    )
  if (record.result !== undefined && record.result !== result)
    found(
      'wrong result',
      `${shown(record)} is commit ${revision} and should have given ${JSON.stringify(result)}`,
    )
}

function does(call: Call, log: Log, revision: number): boolean {
  const { after } = effectOf(call, log.values(revision - 1))
  return after !== undefined && showValues(after) === log.text(revision)
}

const what = (log: Log, revision: number): string =>
  `${log.at(revision).method} made ${JSON.stringify(log.text(revision))} of ${JSON.stringify(log.text(revision - 1))}`

/** What each State did, by its name. */
export function byState<T extends { by: string }>(entries: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const entry of entries) {
    const group = groups.get(entry.by)
    if (group) group.push(entry)
    else groups.set(entry.by, [entry])
  }
  return groups
}
