import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Microseconds of processor time that all threads of these processes took together, for each of `count` calls of `run`. */
export async function processorTime(
  pids: readonly number[],
  count: number,
  run: (i: number) => Promise<unknown>,
): Promise<number> {
  const before = taken(pids)
  for (let i = 0; i < count; i++) await run(i)
  // What the last call has begun in the other processes belongs to it.
  await delay(2)
  return (taken(pids) - before) / count
}

function taken(pids: readonly number[]): number {
  let nanoseconds = 0
  for (const pid of pids)
    for (const thread of readdirSync(`/proc/${pid}/task`))
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  return nanoseconds / 1000
}
