import { WorkerCrashError } from '../errors.ts'
import type { Chunk } from './chunk.ts'
import type { WorkerEnd } from './messages.ts'

/** The error of the items of a chunk over which workers have died; `end`: how the last one did. */
export function crashOver(
  { call, subject }: { call: string; subject(first: number, count: number): string },
  { first, count }: Chunk,
  deaths: number,
  { reason, exitCode, signal, stderr }: WorkerEnd,
): WorkerCrashError {
  const times = deaths === 1 ? 'once' : `${deaths} times`
  const lines = stderr === '' ? '' : `; the last lines of its stderr:\n${stderr}`
  const words = `${call}: a worker died ${times} over ${subject(first, count)}: it ${reason}${lines}`
  const indices = Array.from({ length: count }, (_, i) => first + i)
  return new WorkerCrashError(words, indices, { exitCode, signal, stderr })
}
