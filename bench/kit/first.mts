// The same as first.mjs, for tsx.
import { fork } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'

// Not by name: the types are looked at before there is a build.
const built = (name: string) => import(new URL(`../../dist/shipping/${name}.js`, import.meta.url).href)
const { ship } = await built('ship')
const { warmUp } = await built('warm')

const call = 'bench(fn)'
const config = { name: 'jar', sizes: [1, 2, 3], limits: { low: 1, high: 5 } }
const clamp = (n: number) => Math.min(Math.max(n, config.limits.low), config.limits.high)
const target = async (n: number) => [config.name, clamp(n), config.sizes.length, typeof fork]

if (process.argv[2] === 'idle') {
  // As `new Context()` does; then the program waits for its server.
  warmUp()
  await delay(100)
}
const began = performance.now()
ship(target, { call })
const first = performance.now() - began
const then = performance.now()
ship((n: number) => clamp(n) + 1, { call })
process.send?.([first, performance.now() - then])
