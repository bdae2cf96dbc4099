// Works like map(), in several processes at once: the results come in the order of the items.
import { Context } from 'zproc'

const ctx = new Context()
const square = (num: number) => num * num

console.log(await ctx.processMap(square, [1, 2, 3, 4]).toArray())

// They are computed from the call on, in the background; one can take them one by one, as they come.
for await (const result of ctx.processMap(square, [5, 6, 7])) console.log(result)

await ctx.close()
