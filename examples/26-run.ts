// One call at a time on the workers, and results as they come.
import { Context } from 'zproc'

const ctx = new Context()
const fibonacci = (n: number): number => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2))

console.log(await Promise.all([ctx.run(fibonacci, 20), ctx.run(fibonacci, 21)]))

const found = new Map<number, number>()
for await (const { index, value } of ctx.processMap(fibonacci, [22, 1, 2], { ordered: false }))
  found.set(index, value)
console.log([...found].sort(([a], [b]) => a - b))
await ctx.close()
