import { readFileSync } from 'node:fs'
import type { Question } from '../async/question.ts'
import type { Vitals } from '../protocol/description.ts'
import type { Answer } from './job.ts'

/** What a child is asked. */
export type Pulse = Question<Answer>

/** What is known of a child process with this pid. */
export function vitalsOfProcess(pid: number | undefined, { latest, silent }: Pulse): Vitals {
  // A process that does not answer may grow meanwhile.
  const memory = silent === null ? undefined : residentBytes(pid)
  return { memory: memory ?? latest?.rss ?? null, eventLoop: latest?.loop ?? null, silent }
}

/** Bytes of memory of a process, where the system tells; else undefined. */
function residentBytes(pid: number | undefined): number | undefined {
  if (process.platform !== 'linux' || pid === undefined) return undefined
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  } catch {
    return undefined
  }
}
