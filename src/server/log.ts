import { after } from '../async/interval.ts'

// Milliseconds in which one thing is said once, however often it happens.
const QUIET = 1000

const counts = new Map<string, number>()

/** Writes one line about a client; `kind` names what happened, so that a flood of it becomes one line a second. */
export function log(kind: string, line: string): void {
  const count = counts.get(kind)
  if (count !== undefined) {
    counts.set(kind, count + 1)
    return
  }
  counts.set(kind, 0)
  console.error(`zproc server: ${line}`)
  after(QUIET, () => {
    const more = counts.get(kind) ?? 0
    counts.delete(kind)
    if (more > 0) console.error(`zproc server: ${more} more like this: ${line}`)
  })?.unref()
}
