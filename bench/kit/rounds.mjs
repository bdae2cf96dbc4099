// The measuring of the programs that plain Node runs; see plain.ts.
export const sized = full =>
  process.env.BENCH_QUICK === '1' ? Math.max(Math.min(full, 2), Math.ceil(full / 100)) : full

/** Runs the candidates in turn, each round beginning with another, after a round that does not count. */
export async function inTurn(rounds, candidates) {
  const names = Object.keys(candidates)
  const figures = Object.fromEntries(names.map(name => [name, []]))
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const figure = await candidates[name]()
      if (round >= 0) figures[name].push(figure)
    }
    names.push(names.shift())
  }
  return figures
}

export async function timed(run) {
  const began = performance.now()
  await run()
  return performance.now() - began
}
