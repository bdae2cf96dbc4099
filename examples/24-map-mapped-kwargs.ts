// Each call has named arguments of its own, besides a first one that all share. Bigints, for the third result is long.
import { Context } from 'zproc'

const ctx = new Context()
const thingy = (seed: bigint, { num, exp }: { num: bigint; exp: bigint }) => seed + num ** exp

const results = ctx.processMap(thingy, null, {
  args: [7n],
  mapKwargs: [
    { num: 10n, exp: 3n },
    { num: 5n, exp: 5n },
    { num: 5n, exp: 25n },
    { num: 9n, exp: 3n },
    { num: 5n, exp: 3n },
    { num: 4n, exp: 8n },
    { num: 1n, exp: 4n },
  ],
  count: 5,
})
for await (const result of results) console.log(String(result))

await ctx.close()
