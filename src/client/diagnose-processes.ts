import { constants } from 'node:os'
import type {
  EndDescription,
  ItemsDescription,
  PoolDescription,
  ProcessDescription,
  ServerDescription,
  SessionDescription,
} from '../protocol/description.ts'
import { duration } from './duration.ts'

// What is worth a sentence. Milliseconds that a program, or a child, does not answer; times that a process was started again
// within 10 seconds, and how many of them are counted at most.
const SILENT = 1000
const RESTARTED = 5
const COUNTED = 100

type Who = (client: { session: number; pid: number; name: string }) => string

/** What is stuck of the processes and workers of Contexts. */
export function stuckProcesses({ sessions, processes, pools, time }: ServerDescription, who: Who): string[] {
  const unheard = new Set(sessions.filter(({ silent }) => silent !== null).map(({ session }) => session))
  // What a program said before it went silent is old.
  const isKnown = ({ session }: { session: number }) => !unheard.has(session)
  return [
    ...sessions.flatMap(session => silentProgram(session, who)),
    ...pools.filter(isKnown).flatMap(pool => stuckWorkers(pool, time)),
    ...processes.filter(isKnown).filter(isSilent).map(silentProcess),
    ...processes.filter(isKnown).flatMap(crashLoop),
  ]
}

/** Whether something has just begun not to answer: a second later it is known whether that lasts. */
export function isInDoubt({ sessions, processes, pools }: ServerDescription): boolean {
  const all = [...sessions, ...processes, ...pools.flatMap(({ workers }) => workers)]
  return all.some(one => one.silent !== null && !isSilent(one))
}

/** @internal Whether a program, or a child, has not answered for so long that it is more than a moment of work. */
export const isSilent = <T extends { silent: number | null }>(one: T): one is T & { silent: number } =>
  one.silent !== null && one.silent >= SILENT

function silentProgram(session: SessionDescription, who: Who): string[] {
  if (!isSilent(session)) return []
  return [`${who(session)} does not answer: its event loop has not turned for ${duration(session.silent)}`]
}

function stuckWorkers({ workers }: PoolDescription, now: number): string[] {
  return workers.filter(isSilent).flatMap(({ number, pid, has, silent }) => {
    const loop = `its event loop has not turned for ${duration(silent)}`
    const worker = `worker ${number} (pid ${pid})`
    if (!has) return `${worker} does not answer: ${loop}`
    return `${worker} has had ${inHand(has)} for ${duration(now - has.since)}; ${loop}`
  })
}

/** @internal What a worker has in hand: `item 40`, `items 40 to 47`, `a call of f`. */
export function inHand({ unit, function: name, first, count }: ItemsDescription): string {
  if (unit === 'call') return count === 1 ? `a call of ${name}` : `${count} calls of ${name}`
  return count === 1 ? `item ${first}` : `items ${first} to ${first + count - 1}`
}

const silentProcess = ({ name, pid, silent }: ProcessDescription & { silent: number }): string =>
  `${name} (pid ${pid}) does not answer: its event loop has not turned for ${duration(silent)}`

function crashLoop({ name, recentRestarts, end }: ProcessDescription): string[] {
  if (recentRestarts < RESTARTED || !end) return []
  const times = recentRestarts < COUNTED ? `${recentRestarts} times` : `${COUNTED} times or more`
  return [`${name} restarted ${times} in 10 s, the last time ${endWords(end)}`]
}

/** @internal How an attempt ended: `with exit code 1`, `by SIGKILL`, `with RangeError`. */
export function endWords({ reason, exitCode, error }: EndDescription): string {
  if (reason === 'error') return `with ${error || 'an error'}`
  if (reason === 'memory') return 'out of memory'
  if (reason === 'boot') return `before its target ran${error ? `, with ${error}` : ''}`
  if (reason === 'signal') return `by ${signalName(exitCode)}`
  return exitCode === null ? 'without an exit code' : `with exit code ${exitCode}`
}

function signalName(exitCode: number | null): string {
  const found = Object.entries(constants.signals).find(([, number]) => number === -(exitCode ?? 0))
  return found ? found[0] : 'a signal'
}
