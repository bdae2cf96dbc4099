// What a program sends first: the build is what it uses. `node first.mjs [idle]`, or first.mts under tsx.
import { fork } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { ship } from '../../dist/shipping/ship.js'
import { warmUp } from '../../dist/shipping/warm.js'

const call = 'bench(fn)'
const config = { name: 'jar', sizes: [1, 2, 3], limits: { low: 1, high: 5 } }
const clamp = n => Math.min(Math.max(n, config.limits.low), config.limits.high)
const target = async n => [config.name, clamp(n), config.sizes.length, typeof fork]

if (process.argv[2] === 'idle') {
  // As `new Context()` does; then the program waits for its server.
  warmUp()
  await delay(100)
}
const began = performance.now()
ship(target, { call })
const first = performance.now() - began
const then = performance.now()
ship(n => clamp(n) + 1, { call })
process.send([first, performance.now() - then])
