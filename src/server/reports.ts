import { wallClock } from '../async/interval.ts'
import type { ContextReport, OutputReport, PoolReport, ProcessReport } from '../protocol/context-report.ts'
import type {
  EndDescription,
  ItemsDescription,
  MapDescription,
  Vitals,
  WorkerDescription,
} from '../protocol/description.ts'
import { DESCRIBED, PRINTED } from '../protocol/messages.ts'

// Characters of a name that a client chose.
const LONGEST = 200
// Those of a line that it has printed.
const LONGEST_LINE = 1000

/** A name that a client chose, as it is described. */
export const short = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text)

/**
 * Takes what a client says of its processes, read as what a stranger wrote; in place of milliseconds that have passed it has times.
 * It has DESCRIBED processes, workers and maps at most, and counts the others. Throws a TypeError for what is no report.
 */
export function readReport(value: unknown): ContextReport {
  const now = wallClock()
  const { processes, pools, more } = fieldsOf(value)
  const [items, left] = listOf(processes, DESCRIBED, one => readProcess(one, now))
  return { processes: items, pools: readPools(pools, now), more: numberOf(more) + left }
}

function readProcess(value: unknown, now: number): ProcessReport {
  const one = fieldsOf(value)
  return {
    id: numberOf(one.id),
    name: textOf(one.name),
    target: textOf(one.target),
    backend: oneOf(['process', 'thread'], one.backend),
    pid: orNull(one.pid, numberOf),
    state: oneOf(['new', 'starting', 'running', 'stopping', 'retrying', 'ended'], one.state),
    since: now - numberOf(one.since),
    attempt: numberOf(one.attempt),
    recentRestarts: numberOf(one.recentRestarts),
    end: orNull(one.end, end => readEnd(end, now)),
    ...readVitals(one),
  }
}

function readEnd(value: unknown, now: number): EndDescription {
  const { time, reason, exitCode, error } = fieldsOf(value)
  return {
    time: now - numberOf(time),
    reason: oneOf(['returned', 'error', 'boot', 'memory', 'exit', 'signal'], reason),
    exitCode: orNull(exitCode, numberOf),
    error: textOf(error),
  }
}

function readVitals({ memory, eventLoop, silent }: Fields): Vitals {
  return {
    memory: orNull(memory, numberOf),
    eventLoop: orNull(eventLoop, times => {
      const { active, idle } = fieldsOf(times)
      return { active: numberOf(active), idle: numberOf(idle) }
    }),
    silent: orNull(silent, numberOf),
  }
}

function readPools(value: unknown, now: number): PoolReport[] {
  let [workersLeft, mapsLeft] = [DESCRIBED, DESCRIBED]
  const [pools] = listOf(value, DESCRIBED, one => {
    const { kind, workers, moreWorkers, maps, moreMaps } = fieldsOf(one)
    const [ofWorkers, others] = listOf(workers, workersLeft, worker => readWorker(worker, now))
    const [ofMaps, otherMaps] = listOf(maps, mapsLeft, readMap)
    workersLeft -= ofWorkers.length
    mapsLeft -= ofMaps.length
    return {
      kind: oneOf(['own', 'shared', 'host'], kind),
      workers: ofWorkers,
      moreWorkers: numberOf(moreWorkers) + others,
      maps: ofMaps,
      moreMaps: numberOf(moreMaps) + otherMaps,
    }
  })
  return pools
}

function readWorker(value: unknown, now: number): WorkerDescription {
  const one = fieldsOf(value)
  return {
    id: orNull(one.id, numberOf),
    number: numberOf(one.number),
    pid: orNull(one.pid, numberOf),
    backend: oneOf(['process', 'thread', 'elsewhere'], one.backend),
    has: orNull(one.has, has => readItems(has, now)),
    ...readVitals(one),
  }
}

function readItems(value: unknown, now: number): ItemsDescription {
  const { function: name, unit, first, count, since } = fieldsOf(value)
  return {
    function: textOf(name),
    unit: oneOf(['item', 'call'], unit),
    first: numberOf(first),
    count: numberOf(count),
    since: now - numberOf(since),
  }
}

function readMap(value: unknown): MapDescription {
  const one = fieldsOf(value)
  return {
    number: numberOf(one.number),
    function: textOf(one.function),
    unit: oneOf(['item', 'call'], one.unit),
    done: numberOf(one.done),
    total: orNull(one.total, numberOf),
    waiting: numberOf(one.waiting),
  }
}

/** The same of what a process has printed; null: its program knows of no such process. */
export function readOutput(value: unknown): OutputReport | null {
  if (value === null || value === undefined) return null
  const now = wallClock()
  const { seen, lines } = fieldsOf(value)
  const [read] = listOf(lines, PRINTED, one => {
    const { time, stream, text } = fieldsOf(one)
    if (typeof text !== 'string') throw noReport()
    return {
      time: now - numberOf(time),
      stream: oneOf(['stdout', 'stderr'], stream),
      text: text.slice(0, LONGEST_LINE),
    }
  })
  return { seen: oneOf(['all', 'stderr', 'nothing'], seen), lines: read }
}

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw noReport()
  return value as Fields
}

/** The first `most` items of a list, and how many others there are. */
function listOf<T>(value: unknown, most: number, read: (item: unknown) => T): [items: T[], more: number] {
  if (!Array.isArray(value)) throw noReport()
  return [value.slice(0, most).map(read), Math.max(0, value.length - most)]
}

function numberOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw noReport()
  return value
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw noReport()
  return short(value)
}

function oneOf<T extends string>(words: readonly T[], value: unknown): T {
  const found = words.find(word => word === value)
  if (found === undefined) throw noReport()
  return found
}

const orNull = <T>(value: unknown, read: (value: unknown) => T): T | null =>
  value === null || value === undefined ? null : read(value)

const noReport = (): TypeError => new TypeError('this is no report of processes')
