export const median = (numbers: number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] as number
}

/** Runs the candidates in turn (A B C A B C …), after one round that does not count; the median of each. */
export async function inTurn<N extends string>(
  rounds: number,
  candidates: Record<N, () => Promise<number>>,
): Promise<Record<N, number>> {
  const names = Object.keys(candidates) as N[]
  const figures = Object.fromEntries(names.map(name => [name, [] as number[]])) as Record<N, number[]>
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const figure = await candidates[name]()
      if (round >= 0) figures[name].push(figure)
    }
  }
  return Object.fromEntries(names.map(name => [name, median(figures[name])])) as Record<N, number>
}

/** Runs `count` calls with `flight` of them under way at any time; calls per second. */
export async function pipelined(
  count: number,
  flight: number,
  call: (i: number) => Promise<unknown>,
): Promise<number> {
  const began = performance.now()
  let next = 0
  const lane = async () => {
    while (next < count) await call(next++)
  }
  await Promise.all(Array.from({ length: flight }, lane))
  return (count / (performance.now() - began)) * 1000
}

/** Milliseconds per call, one at a time. */
export async function awaited(count: number, call: (i: number) => Promise<unknown>): Promise<number> {
  const began = performance.now()
  for (let i = 0; i < count; i++) await call(i)
  return (performance.now() - began) / count
}
