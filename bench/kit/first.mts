// The same as first.mjs, for tsx.
import { fork } from 'node:child_process'

// Not by name: the types are looked at before there is a build.
const { Context } = await import(new URL('../../dist/index.js', import.meta.url).href)

const config = { name: 'jar', sizes: [1, 2, 3], limits: { low: 1, high: 5 } }
const clamp = (n: number) => Math.min(Math.max(n, config.limits.low), config.limits.high)
const target = async (n: number) => [config.name, clamp(n), config.sizes.length, typeof fork]

const ctx = new Context({ spares: 0 })
if (process.argv[2] === 'ready') await ctx.ready
// Made ready to be sent, but not started.
const options = { start: false, stateful: false }
const began = performance.now()
ctx.process(target, options)
const first = performance.now() - began
const then = performance.now()
ctx.process((n: number) => clamp(n) + 1, options)
const second = performance.now() - then
await ctx.close()
process.send?.([first, second])
