// Each call has arguments of its own.
import { Context } from 'zproc'

const ctx = new Context()
const power = (num: number, exp: number) => num ** exp
const mapArgs = [
  [2, 2],
  [3, 2],
  [6, 2],
  [2, 8],
]

console.log(await ctx.processMap(power, null, { mapArgs }).toArray())

await ctx.close()
