import { endWords, inHand } from '../client/diagnose-processes.ts'
import { duration } from '../client/duration.ts'
import type {
  MapDescription,
  ProcessDescription,
  ServerDescription,
  Vitals,
  WorkerDescription,
} from '../protocol/description.ts'
import { safe } from './shown.ts'
import { bytes, table } from './terminal.ts'

/** The processes of Contexts, as a table. */
export function processes({ processes, time }: ServerDescription, before?: ServerDescription): string[] {
  const known = vitalsById(before)
  return table(
    ['PID', 'NAME', 'STARTED BY', 'STATE', 'FOR', 'ATTEMPT', 'MEMORY', 'BUSY', 'ENDED LAST'],
    processes.map(one => [
      `${one.pid ?? '-'}`,
      safe(one.name),
      `${one.parent}`,
      stateOf(one),
      duration(time - one.since),
      one.attempt,
      memoryOf(one),
      busyOf(one, known.get(keyOf(one))),
      one.end ? safe(endWords(one.end)) : '-',
    ]),
  )
}

/** The workers of pools, as a table. */
export function workers({ pools, time }: ServerDescription, before?: ServerDescription): string[] {
  const known = vitalsById(before)
  return table(
    ['PID', 'WORKER', 'STARTED BY', 'HAS', 'OF', 'FOR', 'MEMORY', 'BUSY'],
    pools.flatMap(pool =>
      pool.workers.map(one => [
        `${one.pid ?? '-'}`,
        `${one.number}`,
        `${pool.parent}`,
        one.has ? inHand(one.has) : '-',
        one.has ? safe(one.has.function) : '-',
        one.has ? duration(time - one.has.since) : '-',
        memoryOf(one),
        busyOf(one, known.get(keyOf({ session: pool.session, id: one.id }))),
      ]),
    ),
  )
}

/** The maps and calls of pools, as a table; with what came before also how many items a second. */
export function maps(now: ServerDescription, before?: ServerDescription): string[] {
  const all = mapsOf(now)
  const known = new Map(before && mapsOf(before).map(({ key, map }) => [key, map.done]))
  const seconds = before ? (now.time - before.time) / 1000 : 0
  const rate = ({ key, map }: MapOf) => {
    const was = known.get(key)
    return was === undefined || seconds <= 0 ? '-' : Math.round((map.done - was) / seconds)
  }
  return table(
    ['STARTED BY', 'FUNCTION', 'OF', 'DONE', 'IN ALL', 'WAITING', ...(before ? ['DONE/S'] : [])],
    all.map(one => [
      `${one.parent}`,
      safe(one.map.function),
      one.map.unit === 'item' ? 'map' : 'run',
      one.map.done,
      one.map.total ?? '-',
      one.map.waiting,
      ...(before ? [rate(one)] : []),
    ]),
  )
}

interface MapOf {
  key: string
  parent: number
  map: MapDescription
}

const mapsOf = ({ pools }: ServerDescription): MapOf[] =>
  pools.flatMap(({ session, kind, parent, maps }) =>
    maps.map(map => ({ key: `${session} ${kind} ${map.number}`, parent, map })),
  )

const keyOf = ({ session, id }: { session: number; id: number | null }): string => `${session} ${id}`

/** By the session and id of each process and worker. */
export function vitalsById(description: ServerDescription | undefined): Map<string, Vitals> {
  const { processes = [], pools = [] } = description ?? {}
  const all = pools.flatMap(({ session, workers }) =>
    workers.map(one => [keyOf({ ...one, session }), one] as const),
  )
  return new Map<string, Vitals>([...processes.map(one => [keyOf(one), one] as const), ...all])
}

export const stateOf = ({ state, silent }: ProcessDescription): string =>
  silent === null ? state : `${state}, silent`

export const memoryOf = ({ memory }: Vitals): string => (memory === null ? '-' : bytes(memory))

/** The part of the time in which its event loop has worked: since `before`, or since it began. */
export function busyOf({ eventLoop }: ProcessDescription | WorkerDescription, before?: Vitals): string {
  if (!eventLoop) return '-'
  const was = before?.eventLoop
  // Times of an attempt before are no beginning of these.
  const from =
    was && was.active <= eventLoop.active && was.idle <= eventLoop.idle ? was : { active: 0, idle: 0 }
  const active = eventLoop.active - from.active
  const all = active + eventLoop.idle - from.idle
  return all > 0 ? `${Math.round((100 * active) / all)} %` : '-'
}
