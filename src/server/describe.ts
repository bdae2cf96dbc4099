import { isMainThread } from 'node:worker_threads'
import { loopTimes, wallClock } from '../async/interval.ts'
import { askAll, type Question } from '../async/question.ts'
import type { ContextReport, PoolReport } from '../protocol/context-report.ts'
import type {
  LockDescription,
  NamespaceDescription,
  PoolDescription,
  ProcessDescription,
  ReaderDescription,
  ServerDescription,
  SessionDescription,
} from '../protocol/description.ts'
import { DESCRIBED } from '../protocol/messages.ts'
import type { Core, Room } from './core.ts'
import type { Part } from './hold.ts'
import { short } from './reports.ts'

// Milliseconds in which a program says which processes it has: one that takes longer is described by what it said before.
const PATIENCE = 250

/** A session, as it is described. */
export interface Described {
  readonly number: number
  describe(): Omit<SessionDescription, 'session' | 'ephemeral'>
  readers(): Omit<ReaderDescription, 'session' | 'pid' | 'name'>[]
  /** What its program said of its processes; undefined: nothing. */
  readonly reportedLast: ContextReport | undefined
  /** Asks its program which processes it has; undefined: it has none, or no connection. */
  readonly question: Question<ContextReport> | undefined
}

/** How many items each list is to have at most. */
export function checkLimit(limit: unknown): number {
  if (typeof limit !== 'number' || !Number.isSafeInteger(limit) || limit < 0 || limit > DESCRIBED)
    throw new TypeError(`a description has 0 to ${DESCRIBED} items in each list`)
  return limit
}

/**
 * What the server says of itself to session `asker`. Everything is counted here, when it is asked for; no list has more than
 * `limit` items.
 */
export function describeServer(
  core: Core<Described>,
  most: number,
  asker: number,
): ServerDescription | Promise<ServerDescription> {
  const questions = [...core.sessions.values()].flatMap(({ question }) => question ?? [])
  const told = () => described(core, most, asker)
  return askAll(questions, PATIENCE)?.then(told) ?? told()
}

function described(core: Core<Described>, most: number, asker: number): ServerDescription {
  const rooms = [...core.rooms]
  const sessions = describeSessions(core, rooms)
  const known = new Map(sessions.map(session => [session.session, session]))
  const nameOf = (session: number) => known.get(session)?.name ?? ''
  const readers = [...core.sessions.values()].flatMap(one => {
    const { pid = 0, name = '' } = known.get(one.number) ?? {}
    return one
      .readers()
      .map(reader => ({ session: one.number, pid, name, ...reader, namespace: short(reader.namespace) }))
  })
  const held = rooms.filter(({ exclusive }) => exclusive.holder)
  // The one that asked is never left out.
  const isAsker = ({ session }: SessionDescription) => Number(session === asker)
  const lists = {
    namespaces: first(rooms, most, (a, b) => b.space.revision - a.space.revision),
    sessions: first(sessions, most, (a, b) => isAsker(b) - isAsker(a) || a.session - b.session),
    readers: first(readers, most, (a, b) => b.behind - a.behind || b.unread - a.unread),
    locks: first(held, most, (a, b) => sinceOf(a) - sinceOf(b)),
    functions: first(core.functions.described(), most, (a, b) => b.ms - a.ms),
  }
  const reported = describeProcesses(core.sessions.values(), known, most)
  return {
    time: wallClock(),
    server: describeProcess(core, sessions),
    asker,
    namespaces: lists.namespaces.items.map(describeRoom),
    sessions: lists.sessions.items.sort((a, b) => a.session - b.session),
    readers: lists.readers.items,
    locks: lists.locks.items.flatMap(room => describeLock(room, nameOf, most) ?? []),
    functions: lists.functions.items.map(one => ({ ...one, name: short(one.name), place: short(one.place) })),
    processes: reported.processes,
    pools: reported.pools,
    unknown: [],
    leftOut: {
      processes: reported.moreProcesses,
      pools: reported.morePools,
      namespaces: lists.namespaces.more,
      sessions: lists.sessions.more,
      readers: lists.readers.more,
      locks: lists.locks.more,
      functions: lists.functions.more,
    },
  }
}

function describeProcess(
  { address, started, doing, traffic }: Core<Described>,
  sessions: SessionDescription[],
): ServerDescription['server'] {
  const { rss, heapUsed } = process.memoryUsage()
  const { active, idle } = loopTimes()
  return {
    pid: process.pid,
    address,
    backend: doing ? (isMainThread ? 'process' : 'thread') : 'inline',
    started,
    node: process.version,
    memory: { rss, heapUsed },
    bytes: traffic.get(),
    connections: sessions.filter(({ lost }) => lost === null).length,
    eventLoop: { active, idle },
  }
}

function describeSessions(core: Core<Described>, rooms: Room[]): SessionDescription[] {
  const ephemeral = new Map<number, number>()
  for (const { space } of rooms)
    for (const [session, count] of space.ephemeral)
      ephemeral.set(session, (ephemeral.get(session) ?? 0) + count)
  return Array.from(core.sessions.values(), one => {
    const { name, ...rest } = one.describe()
    return { session: one.number, name: short(name), ...rest, ephemeral: ephemeral.get(one.number) ?? 0 }
  })
}

/** What the programs said, the oldest session first. */
function describeProcesses(
  sessions: Iterable<Described>,
  known: ReadonlyMap<number, SessionDescription>,
  most: number,
) {
  const processes: ProcessDescription[] = []
  const pools: PoolDescription[] = []
  let [moreProcesses, morePools] = [0, 0]
  for (const { number, reportedLast: report } of [...sessions].sort((a, b) => a.number - b.number)) {
    if (!report) continue
    const whose = { session: number, parent: known.get(number)?.pid ?? 0 }
    for (const process of report.processes)
      if (processes.length < most) processes.push({ ...whose, ...process })
      else moreProcesses++
    for (const pool of report.pools)
      if (pools.length < most) pools.push({ ...whose, ...shortened(pool, most) })
      else morePools++
    moreProcesses += report.more
  }
  return { processes, pools, moreProcesses, morePools }
}

function shortened(pool: PoolReport, most: number): PoolReport {
  const { workers, maps } = pool
  return {
    ...pool,
    workers: workers.slice(0, most),
    moreWorkers: pool.moreWorkers + Math.max(0, workers.length - most),
    maps: maps.slice(0, most),
    moreMaps: pool.moreMaps + Math.max(0, maps.length - most),
  }
}

function describeRoom({ space, states }: Room): NamespaceDescription {
  let ephemeral = 0
  for (const [, count] of space.ephemeral) ephemeral += count
  return {
    name: short(space.name),
    revision: space.revision,
    keys: space.values.size,
    oldest: space.first,
    historyBytes: space.historyBytes,
    bytes: null,
    states,
    ephemeral,
    ttl: space.timed,
  }
}

function describeLock(
  { space, exclusive: { holder, waiting } }: Room,
  nameOf: (session: number) => string,
  most: number,
): LockDescription | undefined {
  if (!holder) return undefined
  const named = ({ session, pid, call, since }: Part) => ({
    session,
    pid,
    name: nameOf(session),
    call,
    since,
  })
  const queue = waiting.slice(0, most).map(named)
  return { namespace: short(space.name), ...named(holder), waiting: waiting.length, queue }
}

const sinceOf = ({ exclusive }: Room): number => exclusive.holder?.since ?? 0

/** The first `most` items in this order, and how many others there are. */
function first<T>(
  items: T[],
  most: number,
  order: (one: T, other: T) => number,
): { items: T[]; more: number } {
  return { items: items.sort(order).slice(0, most), more: Math.max(0, items.length - most) }
}
