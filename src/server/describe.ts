import { isMainThread } from 'node:worker_threads'
import { loopTimes, wallClock } from '../async/interval.ts'
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
import { type Arrived, withinPatience } from './reports.ts'

// Characters of a name that a client chose.
const LONGEST = 200

/** A session, as it is described. */
export interface Described {
  readonly number: number
  describe(): Omit<SessionDescription, 'session' | 'ephemeral'>
  readers(): Omit<ReaderDescription, 'session' | 'pid' | 'name'>[]
  /** What its program said of its processes; undefined: nothing. */
  readonly processes: Arrived | undefined
  /** Asks its program which processes it has; undefined: there is nothing to wait for. */
  askProcesses(): Promise<void> | undefined
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
  const asked = [...core.sessions.values()].flatMap(session => session.askProcesses() ?? [])
  const told = () => described(core, most, asker)
  return asked.length === 0 ? told() : withinPatience(asked).then(told)
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
  const reported = describeProcesses([...core.sessions.values()], most)
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
  { address, started, doing }: Core<Described>,
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
function describeProcesses(sessions: Described[], most: number) {
  const processes: ProcessDescription[] = []
  const pools: PoolDescription[] = []
  let [moreProcesses, morePools] = [0, 0]
  for (const one of sessions.sort((a, b) => a.number - b.number)) {
    const { report } = one.processes ?? {}
    if (!report) continue
    const whose = { session: one.number, parent: one.describe().pid }
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

function shortened<P extends Omit<PoolDescription, 'session' | 'parent'>>(pool: P, most: number): P {
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

const short = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text)
