/** BENCH_QUICK=1: small sizes and few rounds, to see that a file works and that the answers are right. Its figures say nothing. */
export const quick = process.env.BENCH_QUICK === '1'

/** A number of rounds, calls or keys: a hundredth of it, two at least, when the run is a quick one. */
export const sized = (full: number): number =>
  quick ? Math.max(Math.min(full, 2), Math.ceil(full / 100)) : full

/** What one candidate did, round by round. */
export type Samples = number[]

export const median = (numbers: Samples): number => quantile(numbers, 0.5)

export function quantile(numbers: Samples, at: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const place = (sorted.length - 1) * at
  const below = sorted[Math.floor(place)] as number
  const above = sorted[Math.ceil(place)] as number
  return below + (above - below) * (place % 1)
}

/**
 * Runs the candidates in turn, after rounds that do not count; all figures of each. Each round begins with another one (A B C,
 * B C A, …): else the same one would always pay for what the one before it leaves behind.
 */
export async function inTurn<N extends string>(
  rounds: number,
  candidates: Record<N, () => Promise<number>>,
  warmUp = 1,
): Promise<Record<N, Samples>> {
  const names = Object.keys(candidates) as N[]
  const figures = Object.fromEntries(names.map(name => [name, [] as number[]])) as Record<N, Samples>
  for (let round = -warmUp; round < rounds; round++) {
    for (const name of names) {
      const figure = await candidates[name]()
      if (round >= 0) figures[name].push(figure)
    }
    names.push(names.shift() as N)
  }
  return figures
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

/** Microseconds per call, one at a time. */
export async function awaited(count: number, call: (i: number) => Promise<unknown>): Promise<number> {
  const began = performance.now()
  for (let i = 0; i < count; i++) await call(i)
  return ((performance.now() - began) / count) * 1000
}

/** Milliseconds that a run takes. */
export async function timed(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await run()
  return performance.now() - began
}

/** Ends the run: a figure of a wrong answer is no figure. */
export function mustBe(what: string, got: unknown, expected: unknown): void {
  if (!Object.is(got, expected))
    throw new Error(`wrong answer: ${what} is ${String(got)}, expected ${String(expected)}`)
}

/** Microseconds on a clock that all processes of the machine share. */
export const machineTime = (): number => Number(process.hrtime.bigint()) / 1000
