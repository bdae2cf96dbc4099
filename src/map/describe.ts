import { monotonic } from '../async/interval.ts'
import { reportOf } from '../process/process.ts'
import type { PoolReport } from '../protocol/context-report.ts'
import type { ItemsDescription, PoolDescription, WorkerDescription } from '../protocol/description.ts'
import { DESCRIBED } from '../protocol/messages.ts'
import type { Job } from './job.ts'
import type { Slot } from './slot.ts'
import type { WorkerHandle } from './workers.ts'

/** What there is to say of a pool; undefined: it has neither workers nor work. */
export function describePool(
  kind: PoolDescription['kind'],
  slots: Slot[],
  jobs: Job[],
): PoolReport | undefined {
  if (slots.length === 0 && jobs.length === 0) return undefined
  const workers = slots
    .map(slot => describeWorker(slot.worker, itemsOf(slot)))
    .sort((a, b) => (b.has?.since ?? -1) - (a.has?.since ?? -1))
  return poolReport(kind, workers, jobs)
}

/** The first of them, and how many others there are. */
export const poolReport = (
  kind: PoolDescription['kind'],
  workers: WorkerDescription[],
  jobs: Job[],
): PoolReport => ({
  kind,
  workers: workers.slice(0, DESCRIBED),
  moreWorkers: Math.max(0, workers.length - DESCRIBED),
  maps: jobs.slice(0, DESCRIBED).map(job => job.describe()),
  moreMaps: Math.max(0, jobs.length - DESCRIBED),
})

/** A worker; of one that runs elsewhere little is known here. */
export function describeWorker(
  { number, process }: WorkerHandle,
  has: ItemsDescription | null,
): WorkerDescription {
  const nothing = { id: null, pid: null, memory: null, eventLoop: null, silent: null }
  if (!process) return { number, backend: 'elsewhere', has, ...nothing }
  const { id, pid, backend, memory, eventLoop, silent } = reportOf(process)
  // While it does not answer it ends nothing: it has had that for as long at least.
  const since = Math.max(has?.since ?? 0, silent ?? 0)
  return { id, number, pid, backend, has: has && { ...has, since }, memory, eventLoop, silent }
}

function itemsOf({ queue, hasCurrentSince }: Slot): ItemsDescription | null {
  const [current] = queue
  if (!current) return null
  const { job, chunk } = current
  const { shape, unit } = job.settings
  return {
    function: shape.name,
    unit: unit === 'map' ? 'item' : 'call',
    first: chunk.first,
    count: chunk.count,
    since: hasCurrentSince === undefined ? 0 : monotonic() - hasCurrentSince,
  }
}
