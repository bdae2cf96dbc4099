// What a program sends first, with the package as it is built: first.mts is the same for tsx.
import { fork } from 'node:child_process'
import { Context } from '../../dist/index.js'

const config = { name: 'jar', sizes: [1, 2, 3], limits: { low: 1, high: 5 } }
const clamp = n => Math.min(Math.max(n, config.limits.low), config.limits.high)
const target = async n => [config.name, clamp(n), config.sizes.length, typeof fork]

const ctx = new Context({ spares: 0 })
if (process.argv[2] === 'ready') await ctx.ready
// Made ready to be sent, but not started.
const options = { start: false, stateful: false }
const began = performance.now()
ctx.process(target, options)
const first = performance.now() - began
const then = performance.now()
ctx.process(n => clamp(n) + 1, options)
const second = performance.now() - then
await ctx.close()
process.send([first, second])
