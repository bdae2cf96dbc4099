// Arguments that all calls share, and ten workers.
import { Context } from 'zproc'

const ctx = new Context()
const power = (num: number, exp: number) => num ** exp
const numbers = Array.from({ length: 100 }, (_, i) => i)

const cubes = await ctx.processMap(power, numbers, { args: [3], count: 10 }).toArray()
console.log(`${cubes.slice(0, 5).join(', ')}, ... ${cubes.slice(-2).join(', ')}`)
console.log(`by ${ctx.workerList.length} workers`)

await ctx.close()
