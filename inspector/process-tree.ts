import { type Processes, processTree, type Started } from '../src/client/process-tree.ts'
import type {
  EndDescription,
  ItemsDescription,
  PoolDescription,
  ProcessDescription,
  SessionDescription,
  Vitals,
  WorkerDescription,
} from '../src/protocol/description.ts'
import { bytes, duration, percent } from './words.ts'

/** A program, a process that it has started, or a worker of its pools: one line of the tree. */
export interface ProcessLine {
  id: string
  /** Where its last lines are asked for; null: it has none that could be known. */
  printing: { session: number; process: number } | null
  depth: number
  name: string
  pid: number | null
  /** What it is, and is doing. */
  state: string
  isBad: boolean
  since: number | null
  attempt: number | null
  memory: string
  busy: string
  last: string
}

/** The programs that use a server, and below each what it has started. `before`: an earlier description, for loads. */
export function processLines(now: Processes, before: Processes | undefined): ProcessLine[] {
  const known = new Map<string, Vitals>()
  for (const one of before?.processes ?? []) known.set(`${one.session} ${one.id}`, one)
  for (const pool of before?.pools ?? [])
    for (const one of pool.workers) known.set(`${pool.session} ${one.id}`, one)
  const below = ({ processes, pools }: Started, depth: number): ProcessLine[] => [
    ...processes.flatMap(({ process, started }) => [
      processLine(process, depth, known.get(`${process.session} ${process.id}`)),
      ...below(started, depth + 1),
    ]),
    ...pools.flatMap(({ pool, workers }) =>
      workers.flatMap(({ worker, started }) => [
        workerLine(pool, worker, depth, known.get(`${pool.session} ${worker.id}`)),
        ...below(started, depth + 1),
      ]),
    ),
  ]
  return processTree(now, ({ session }) => session === now.asker).flatMap(({ session, started }) => [
    programLine(session),
    ...below(started, 1),
  ])
}

function programLine(one: SessionDescription): ProcessLine {
  return {
    id: `program ${one.session}`,
    printing: null,
    depth: 0,
    name: one.name || '(no State)',
    pid: one.pid,
    state: `${one.lost === null ? 'connected' : 'connection lost'}${silence(one)}`,
    isBad: one.lost !== null || isSilent(one),
    since: one.since,
    attempt: null,
    memory: '',
    busy: '',
    last: '',
  }
}

function processLine(one: ProcessDescription, depth: number, before: Vitals | undefined): ProcessLine {
  return {
    id: `process ${one.session} ${one.id}`,
    printing: { session: one.session, process: one.id },
    depth,
    name: one.name,
    pid: one.pid,
    state: `${one.state}${one.backend === 'thread' ? ' (thread)' : ''}${silence(one)}`,
    isBad: isSilent(one) || one.state === 'retrying' || one.recentRestarts > 2,
    since: one.since,
    attempt: one.attempt,
    ...vitals(one, before),
    last: one.end ? ended(one.end) : '',
  }
}

function workerLine(
  pool: PoolDescription,
  one: WorkerDescription,
  depth: number,
  before: Vitals | undefined,
): ProcessLine {
  return {
    id: `worker ${pool.session} ${pool.kind} ${one.number}`,
    printing: one.id === null ? null : { session: pool.session, process: one.id },
    depth,
    name: `worker ${one.number}`,
    pid: one.pid,
    state: `${one.has ? inHand(one.has) : 'idle'}${silence(one)}`,
    isBad: isSilent(one),
    since: one.has?.since ?? null,
    attempt: null,
    ...vitals(one, before),
    last: '',
  }
}

// What computes does not answer at once.
const isSilent = ({ silent }: { silent: number | null }): boolean => silent !== null && silent > 1000

const silence = ({ silent }: { silent: number | null }): string =>
  silent === null || silent < 1000 ? '' : `, silent for ${duration(silent)}`

const inHand = ({ unit, first, count, function: of }: ItemsDescription): string =>
  count === 1 ? `${unit} ${first} of ${of}` : `${unit}s ${first} to ${first + count - 1} of ${of}`

function vitals({ memory, eventLoop }: Vitals, before: Vitals | undefined): { memory: string; busy: string } {
  const was = before?.eventLoop
  const from =
    was && eventLoop && was.active <= eventLoop.active && was.idle <= eventLoop.idle
      ? was
      : { active: 0, idle: 0 }
  const active = eventLoop ? eventLoop.active - from.active : 0
  const all = eventLoop ? active + eventLoop.idle - from.idle : 0
  return { memory: memory === null ? '' : bytes(memory), busy: all > 0 ? percent(active / all) : '' }
}

function ended({ reason, exitCode, error }: EndDescription): string {
  if (reason === 'returned') return reason
  const by = exitCode === null ? '' : exitCode < 0 ? `signal ${-exitCode}` : `exit code ${exitCode}`
  if (reason === 'exit' || reason === 'signal') return by
  return `${reason}${error ? ` (${error})` : ''}${by ? `, ${by}` : ''}`
}
