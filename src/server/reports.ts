import { after, cancel, type Timer, wallClock } from '../async/interval.ts'
import type { ContextReport } from '../protocol/context-report.ts'
import type {
  EndDescription,
  ItemsDescription,
  MapDescription,
  PoolDescription,
  ProcessDescription,
  Vitals,
  WorkerDescription,
} from '../protocol/description.ts'
import { DESCRIBED } from '../protocol/messages.ts'

// Milliseconds in which a program says which processes it has: one that takes longer is described by what it said before.
const PATIENCE = 250
// Characters of a name that a client chose.
const LONGEST = 200

/** Resolves when all of them are over, or have had the time that they get. */
export async function withinPatience(asked: Promise<void>[]): Promise<void> {
  let timer: Timer | undefined
  const late = new Promise<void>(resolve => {
    timer = after(PATIENCE, resolve)
  })
  await Promise.race([Promise.all(asked), late])
  cancel(timer)
}

/** Whether a program that is asked is worth waiting for. */
export const mayAnswer = (silent: number | null): boolean => silent === null || silent < PATIENCE

/** What a program said of its processes, read as what a stranger wrote, and when it arrived. */
export interface Arrived {
  time: number
  report: ContextReport
}

/** Takes what a client says. Throws a TypeError for what is no report. */
export function readReport(value: unknown): Arrived {
  const time = wallClock()
  const { processes, pools, more } = fieldsOf(value)
  return {
    time,
    report: {
      processes: listOf(processes, one => readProcess(one, time)),
      pools: listOf(pools, one => readPool(one, time)),
      more: numberOf(more),
    },
  }
}

function readProcess(value: unknown, now: number): Omit<ProcessDescription, 'session' | 'parent'> {
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

function readPool(value: unknown, now: number): Omit<PoolDescription, 'session' | 'parent'> {
  const { kind, workers, moreWorkers, maps, moreMaps } = fieldsOf(value)
  return {
    kind: oneOf(['own', 'shared', 'host'], kind),
    workers: listOf(workers, one => readWorker(one, now)),
    moreWorkers: numberOf(moreWorkers),
    maps: listOf(maps, readMap),
    moreMaps: numberOf(moreMaps),
  }
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

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw noReport()
  return value as Fields
}

function listOf<T>(value: unknown, read: (item: unknown) => T): T[] {
  if (!Array.isArray(value)) throw noReport()
  return value.slice(0, DESCRIBED).map(read)
}

function numberOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw noReport()
  return value
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw noReport()
  return value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value
}

function oneOf<T extends string>(words: readonly T[], value: unknown): T {
  const found = words.find(word => word === value)
  if (found === undefined) throw noReport()
  return found
}

const orNull = <T>(value: unknown, read: (value: unknown) => T): T | null =>
  value === null || value === undefined ? null : read(value)

const noReport = (): TypeError => new TypeError('this is no report of processes')
