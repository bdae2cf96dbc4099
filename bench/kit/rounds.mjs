// The measuring of the programs that plain Node runs; see plain.ts.
export const sized = full =>
  process.env.BENCH_QUICK === '1' ? Math.max(Math.min(full, 2), Math.ceil(full / 100)) : full

/** Runs the candidates in turn, after a round that does not count. */
export async function inTurn(rounds, candidates) {
  const figures = Object.fromEntries(Object.keys(candidates).map(name => [name, []]))
  for (let round = -1; round < rounds; round++)
    for (const [name, run] of Object.entries(candidates)) {
      const figure = await run()
      if (round >= 0) figures[name].push(figure)
    }
  return figures
}

export async function timed(run) {
  const began = performance.now()
  await run()
  return performance.now() - began
}
