import type { Job } from './job.ts'
import type { Slot } from './slot.ts'

// At most so many workers boot at a time.
const BOOTING = 16

/** The job that has work for one more worker than there are and are coming. */
export function jobToStartFor(slots: Slot[], jobs: Iterable<Job>): Job | undefined {
  const booting = slots.filter(({ worker }) => !worker.channel)
  if (booting.length >= BOOTING) return undefined
  const free = slots.filter(({ worker, queue }) => !worker.channel || queue.length === 0)
  let shared = free.filter(({ madeFor }) => !madeFor).length
  for (const job of jobs) {
    const { fresh, limit } = job.settings
    const isUsable = (slot: Slot) => slot.madeFor === (fresh ? job : undefined) && !slot.isRetiring
    if (slots.filter(isUsable).length >= limit) continue
    const coming = fresh ? free.filter(isUsable).length : shared
    const chunks = job.demand(coming + 1)
    if (chunks > coming) return job
    if (!fresh) shared -= chunks
  }
  return undefined
}
