// What does it cost to make a function ready to be sent, to send it again, and to guard it against hanging?
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { reviveAtomic, runWithin, shipAtomic } from '../src/shipping/atomic.ts'
import { revive } from '../src/shipping/revive.ts'
import { ship } from '../src/shipping/ship.ts'

const call = 'bench(fn)'
const child = process.argv[2] === 'first'

// A typical closure: a few functions, some data, an import.
const config = { name: 'jar', sizes: [1, 2, 3], limits: { low: 1, high: 5 } }
const clamp = (n: number) => Math.min(Math.max(n, config.limits.low), config.limits.high)
const target = async (n: number) => [config.name, clamp(n), config.sizes.length, typeof fork]
let assigned = 0
const counting = () => ++assigned

if (child) {
  // The first function of a process: nothing is compiled, nothing known yet.
  const began = performance.now()
  ship(target, { call })
  const first = performance.now() - began
  const another = performance.now()
  ship((n: number) => clamp(n) + 1, { call })
  process.send?.([first, performance.now() - another])
} else await measure()

async function measure(): Promise<void> {
  const starts: [number, number][] = []
  for (let i = 0; i < 5; i++) {
    const process = fork(new URL(import.meta.url), ['first'])
    const [times] = (await once(process, 'message')) as [[number, number]]
    await once(process, 'exit')
    starts.push(times)
  }
  const shipped = ship(target, { call })
  const large = { bytes: Buffer.alloc(10_000_000) }
  const fresh = Array.from({ length: 500 }, (_, i) => () => clamp(i))
  console.log('Making a function ready to be sent')
  show({
    'the first of a process (compiles the parser)': median(starts.map(([first]) => first)) * 1000,
    'the second, another one': median(starts.map(([, second]) => second)) * 1000,
    'each new arrow of a loop': each(500, i => ship(fresh[i] ?? target, { call })),
    'again, unchanged': each(20_000, () => ship(target, { call })),
    'again, with a variable that the program assigns to': each(2000, () => ship(counting, { call })),
    'with a Buffer of 10 MB': each(3, () => ship(() => large, { call })),
  })
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
  const again = await timed(2000, () => revive(shipped.bytes))
  console.log('On the other side')
  show({
    'reviving, the text being known': again,
    'reviving an atomic function': each(2000, () => reviveAtomic(bytes)),
    'sending it again, unchanged': each(100_000, () => shipAtomic(simple)),
    'a call of it': each(1_000_000, () => there(state)),
    'a call of the function as written': each(1_000_000, () => simple(state)),
    'a call within its time': each(1_000_000, () => runWithin(1000, () => there(state))),
    'a loop of 1,000,000 rounds, guarded': each(20, () => runWithin(1000, () => looping({}, 1_000_000))),
    'the loop as written': each(20, () => summing({}, 1_000_000)),
  })
}

/** Microseconds per round: the best of five. */
function each(rounds: number, run: (i: number) => unknown): number {
  let best = Number.POSITIVE_INFINITY
  for (let turn = 0; turn < (rounds < 1000 ? 1 : 5); turn++) {
    const began = performance.now()
    for (let i = 0; i < rounds; i++) run(i)
    best = Math.min(best, ((performance.now() - began) / rounds) * 1000)
  }
  return best
}

async function timed(rounds: number, run: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  for (let i = 0; i < rounds; i++) await run()
  return ((performance.now() - began) / rounds) * 1000
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function show(figures: Record<string, number>): void {
  console.table(
    Object.fromEntries(
      Object.entries(figures).map(([name, µs]) => [name, { µs: µs.toFixed(µs < 10 ? 3 : 0) }]),
    ),
  )
}
