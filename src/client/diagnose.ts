import type {
  FunctionDescription,
  LockDescription,
  ReaderDescription,
  ServerDescription,
  SessionDescription,
} from '../protocol/description.ts'
import { stuckProcesses } from './diagnose-processes.ts'
import { duration } from './duration.ts'

// What is worth a sentence. Milliseconds that a lock is held, a reader is paused, a connection is away, a function takes.
const LOCKED = 500
const PAUSED = 5000
const LOST = 1000
const SLOW = 100
// Commits that a reader is behind; requests that wait; the part of the time in which the server's thread works.
const BEHIND = 1000
const WAITING = 1000
const BUSY = 0.9

/**
 * Says in words what is stuck or slow, by what a server, and the programs around it, say of themselves; the worst comes first.
 * With a description from `before` also how the server's load is, which readers fall further behind, and which atomic functions
 * were slow since.
 *
 *     for (const line of diagnose(await describeServer(address))) console.log(line)
 *     // orders is locked by pid 77 (main) in settle for 4 s; 3 calls wait
 */
export function diagnose(now: ServerDescription, before?: ServerDescription): string[] {
  const { locks, readers, sessions, functions } = now
  const machines = new Map(sessions.map(({ session, machine }) => [session, machine]))
  const who = ({ session, pid, name }: { session: number; pid: number; name: string }): string => {
    const machine = machines.get(session) ?? 'local'
    return `pid ${pid}${machine === 'local' || machine === '' ? '' : ` on ${machine}`} (${name})`
  }
  return [
    ...deadlocks(locks, who),
    ...locks.flatMap(lock => locked(lock, now.time, who) ?? []),
    ...stuckProcesses(now, who),
    ...readers.flatMap(reader => late(reader, now.time, before, who) ?? []),
    ...sessions.flatMap(session => waiting(session, now.time, who)),
    ...(before ? load(now, before) : []),
    ...(before ? slow(functions, before.functions) : []),
  ]
}

type Who = (client: { session: number; pid: number; name: string }) => string

/** Clients that each have a lock for which the next one waits. */
function deadlocks(locks: LockDescription[], who: Who): string[] {
  const found: string[] = []
  const known = new Set<LockDescription>()
  for (const start of locks) {
    const path: LockDescription[] = []
    let at: LockDescription | undefined = start
    while (at && !path.includes(at) && !known.has(at)) {
      path.push(at)
      const { session }: LockDescription = at
      at = locks.find(({ queue }) => queue.some(one => one.session === session))
    }
    const circle = at && path.includes(at) ? path.slice(path.indexOf(at)) : []
    for (const lock of path) known.add(lock)
    if (circle.length < 2) continue
    const parts = circle.map((lock, i) => {
      const next = circle[(i + 1) % circle.length] as LockDescription
      return `${who(lock)} has ${lock.namespace} and waits for ${next.namespace}`
    })
    found.push(`deadlock: ${parts.join(', ')}; it lasts until atomicTimeout ends one of the locks`)
  }
  return found
}

function locked({ since, call, waiting, ...lock }: LockDescription, now: number, who: Who) {
  if (now - since < LOCKED) return undefined
  const name = call.replace(/^atomic function /, '')
  const calls =
    waiting === 0 ? 'no call waits' : waiting === 1 ? '1 call waits' : `${count(waiting)} calls wait`
  return `${lock.namespace} is locked by ${who(lock)} in ${name} for ${duration(now - since)}; ${calls}`
}

function late(reader: ReaderDescription, now: number, before: ServerDescription | undefined, who: Who) {
  const { namespace, behind, waitsFor, since } = reader
  const ms = now - since
  if (behind < BEHIND && !(behind > 0 && waitsFor !== 'commits' && ms >= PAUSED)) return undefined
  const was = before?.readers.filter(
    one => one.session === reader.session && one.namespace === namespace && one.since === since,
  )
  const grows = was?.some(one => one.behind < behind) ? ', and falls further behind' : ''
  const why = {
    commits: 'they are being sent',
    reader: `it has not used what it was sent for ${duration(ms)}`,
    connection: `its connection has taken nothing for ${duration(ms)}`,
    disk: `it reads from disk for ${duration(ms)}`,
    nothing: 'what it reads next is no longer kept',
  }[waitsFor]
  const commits = behind === 1 ? '1 commit' : `${count(behind)} commits`
  return `a reader of ${namespace} in ${who(reader)} is ${commits} behind${grows}: ${why}`
}

function waiting(session: SessionDescription, now: number, who: Who): string[] {
  const { requests, lost } = session
  const said: string[] = []
  if (lost !== null && now - lost >= LOST)
    said.push(`${who(session)} has had no connection for ${duration(now - lost)}: it may come back`)
  if (requests !== null && requests >= WAITING)
    said.push(`${who(session)} has ${count(requests)} requests that wait`)
  return said
}

function load(now: ServerDescription, before: ServerDescription): string[] {
  const part = busyPart(now, before)
  return part >= BUSY ? [`the server's thread is busy ${Math.round(100 * part)} % of the time`] : []
}

/** Functions of which a call since `before` took longer than any call before: that one was slow once says nothing of now. */
function slow(functions: FunctionDescription[], before: FunctionDescription[]): string[] {
  const known = new Map(before.map(({ name, place, longest }) => [`${name}\n${place}`, longest]))
  return functions.flatMap(({ name, place, longest }) => {
    if (longest < SLOW || longest <= (known.get(`${name}\n${place}`) ?? 0)) return []
    const called = name || place || '(anonymous)'
    return `the atomic function ${called} has taken ${duration(longest)}: all others wait meanwhile`
  })
}

/** @internal The part of the time between two descriptions in which the server's thread has worked. */
export function busyPart({ server: now }: ServerDescription, { server: before }: ServerDescription): number {
  const active = now.eventLoop.active - before.eventLoop.active
  const idle = now.eventLoop.idle - before.eventLoop.idle
  // Times of another server are no beginning of these.
  return now.started === before.started && active >= 0 && active + idle > 0 ? active / (active + idle) : 0
}

const count = (number: number): string => number.toLocaleString('en-US')
