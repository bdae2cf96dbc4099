// What does it cost to make a function ready to be sent, to send it again, and to guard it against hanging?
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { reviveTarget as revive } from '../src/process/target.ts'
import { reviveAtomic, runWithin, shipAtomic } from '../src/shipping/atomic.ts'
import { ship } from '../src/shipping/ship.ts'
import { awaited, inTurn, mustBe, sized } from './kit/measure.ts'
import { report } from './kit/report.ts'

const call = 'bench(fn)'

// A typical closure: a few functions, some data, an import.
const config = { name: 'jar', sizes: [1, 2, 3], limits: { low: 1, high: 5 } }
const clamp = (n: number) => Math.min(Math.max(n, config.limits.low), config.limits.high)
const target = async (n: number) => [config.name, clamp(n), config.sizes.length, typeof fork]
let assigned = 0
const counting = () => ++assigned

await starting()
await making()
await onTheOtherSide()

/** The first function of a program, and a second one: time inside `ctx.process`, each round in a process of its own. */
async function starting(): Promise<void> {
  const times: Record<string, number[]> = {}
  const folder = mkdtempSync(join(tmpdir(), 'zproc-bench-'))
  const large = pathToFileURL(join(folder, 'large.mts'))
  writeFileSync(large, largeModule())
  const note = (name: string, time: number) => {
    times[name] ??= []
    times[name].push(time)
  }
  for (let round = 0; round < sized(7); round++) {
    for (const [how, file, execArgv] of [
      ['plain JavaScript', new URL('./kit/first.mjs', import.meta.url), []],
      ['under tsx', new URL('./kit/first.mts', import.meta.url), ['--import', 'tsx']],
      ['in a module of 100 kB under tsx', large, ['--import', 'tsx']],
    ] as const) {
      for (const when of ['at once', 'ready']) {
        const child = fork(file, [when], { execArgv: [...execArgv] })
        const [[first, second]] = (await once(child, 'message')) as [[number, number]]
        await once(child, 'exit')
        note(`the first, ${when === 'ready' ? 'when the Context is ready' : when}, ${how}`, first)
        if (when === 'at once') note(`the second, another one, ${how}`, second)
      }
    }
  }
  rmSync(folder, { recursive: true })
  report('The first functions of a program', 'ms', times)
}

/** The same as first.mts, among a thousand other functions. */
function largeModule(): string {
  const text = readFileSync(new URL('./kit/first.mts', import.meta.url), 'utf8')
  const others = Array.from(
    { length: 1000 },
    (_, i) =>
      `export function other${i}(a: number, b: string): string { return [a, { b }].map(x => String(x)).join(b) }\n`,
  )
  const home = JSON.stringify(new URL('../dist/index.js', import.meta.url).href)
  return text
    .replace("new URL('../../dist/index.js', import.meta.url).href", home)
    .replace('const config', `${others.join('')}const config`)
}

async function making(): Promise<void> {
  const large = { bytes: Buffer.alloc(10_000_000) }
  const arrows = sized(500)
  report(
    'Making a function ready to be sent',
    'µs',
    await inTurn(sized(5), {
      'each new arrow of a loop': async () => {
        const fresh = Array.from({ length: arrows }, (_, i) => () => clamp(i))
        return each(arrows, i => ship(fresh[i] as () => number, { call }))
      },
      'again, unchanged': async () => each(sized(20_000), () => ship(target, { call })),
      'again, with a variable that the program assigns to': async () =>
        each(sized(2000), () => ship(counting, { call })),
      'with a Buffer of 10 MB': async () => each(3, () => ship(() => large, { call })),
    }),
  )
}

async function onTheOtherSide(): Promise<void> {
  const shipped = ship(target, { call })
  console.log(
    `${shipped.bytes.length} bytes; a function that is known there costs its hash, ${shipped.hash.length}`,
  )
  const simple = (state: { count: number }) => {
    state.count += 1
    return state.count
  }
  const summing = (_: object, to: number) => {
    let sum = 0
    for (let i = 0; i < to; i++) sum += i % 7
    return sum
  }
  const { bytes } = shipAtomic(simple)
  const there = reviveAtomic(bytes) as typeof simple
  const looping = reviveAtomic(shipAtomic(summing).bytes) as typeof summing
  const state = { count: 0 }
  mustBe('a count there', there({ count: 1 }), simple({ count: 1 }))
  mustBe('a sum there', looping({}, 1000), summing({}, 1000))
  report(
    'On the other side',
    'µs',
    await inTurn(sized(5), {
      'a call of the function as written': async () => each(sized(1_000_000), () => simple(state)),
      'a call of the one that was sent': async () => each(sized(1_000_000), () => there(state)),
      'a call within its time': async () => each(sized(1_000_000), () => runWithin(1000, () => there(state))),
      'reviving, the text being known': () => awaited(sized(2000), () => revive(shipped.bytes)),
      'reviving an atomic function': async () => each(sized(2000), () => reviveAtomic(bytes)),
      'sending an atomic function again, unchanged': async () =>
        each(sized(100_000), () => shipAtomic(simple)),
    }),
  )
  report(
    'A loop of 1,000,000 rounds',
    'µs',
    await inTurn(sized(15), {
      'as written': async () => each(1, () => summing({}, 1_000_000)),
      guarded: async () => each(1, () => runWithin(1000, () => looping({}, 1_000_000))),
    }),
  )
}

/** Microseconds per round. */
function each(rounds: number, run: (i: number) => unknown): number {
  const began = performance.now()
  for (let i = 0; i < rounds; i++) run(i)
  return ((performance.now() - began) / rounds) * 1000
}
