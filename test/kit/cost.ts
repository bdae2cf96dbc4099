/**
 * What each of these takes of the processor's time, in µs: the least of `rounds`, in which one follows the other. The clock on
 * the wall would count what else the machine does.
 */
export function costs<K extends string>(rounds: number, runs: Record<K, () => unknown>): Record<K, number> {
  const least = {} as Record<K, number>
  for (let i = 0; i < rounds; i++)
    for (const name of Object.keys(runs) as K[]) {
      const before = process.cpuUsage()
      runs[name]()
      const { user, system } = process.cpuUsage(before)
      least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, user + system)
    }
  return least
}
