import { randomBytes } from 'node:crypto'
import { monotonic } from '../async/interval.ts'
import { withoutPassword } from '../async/shown.ts'
import { State } from '../client/state.ts'
import type { AnyState } from '../client/types.ts'
import { benchHelp } from './help.ts'
import { options } from './options.ts'
import { noMore } from './parse.ts'
import { json } from './shown.ts'
import { type Asked, asked, mustWrite, numberOf, type Target, targetOf } from './target.ts'
import { table } from './terminal.ts'

// Milliseconds of each measurement where no others are given; calls before it, so that what runs is compiled; calls that are under
// way at a time where they are not awaited one by one.
const MS = 1000
const WARM = 200
const AHEAD = 1000

/** What was measured: how many, in how many milliseconds, and the time of each that was timed by itself. */
interface Measured {
  name: string
  count: number
  ms: number
  times: number[]
}

/** `zproc bench`: how fast a server is, from this process. */
export async function bench(args: string[]): Promise<number> {
  const given = asked('bench', args, options.bench, benchHelp)
  if (!given) return 0
  const ms = numberOf('bench', given, 'ms', MS)
  const target = await where(given)
  const namespace = `zproc-bench-${randomBytes(6).toString('hex')}`
  const { address, secretKey } = target
  const states = [undefined, 10_001].map(
    // A connection of its own for each.
    connectTimeout =>
      new State<AnyState>(address, { secretKey, namespace, connectTimeout }, { name: 'zproc' }),
  ) as [State<AnyState>, State<AnyState>]
  try {
    const measured = [
      await awaited(states[0], ms),
      await pipelined(states[0], ms),
      await watched(states[0], states[1], ms),
    ]
    show(measured, address, given)
    // A namespace without keys and States is forgotten.
    await states[0].clear()
  } finally {
    await Promise.all(states.map(state => state.close()))
    await target.stop()
  }
  return 0
}

/** The server that is named, or one of its own. */
async function where(
  given: Asked,
): Promise<Pick<Target, 'address' | 'secretKey'> & { stop(): Promise<void> }> {
  if (given.rest.length > 0) {
    const target = targetOf('bench', given)
    noMore('bench', given.rest)
    mustWrite('bench', given)
    return { ...target, stop: async () => {} }
  }
  const { startServer } = await import('../server/start.ts')
  const server = await startServer()
  return { address: server.address, secretKey: undefined, stop: () => server.stop() }
}

async function awaited(state: State<AnyState>, ms: number): Promise<Measured> {
  for (let i = 0; i < WARM; i++) await state.set('n', i)
  return timed('a set that is awaited', ms, i => state.set('n', i))
}

async function pipelined(state: State<AnyState>, ms: number): Promise<Measured> {
  const began = monotonic()
  let count = 0
  while (monotonic() - began < ms) {
    await Promise.all(Array.from({ length: AHEAD }, (_, i) => state.set('n', i)))
    count += AHEAD
  }
  return { name: `sets, ${AHEAD} at a time`, count, ms: monotonic() - began, times: [] }
}

async function watched(writer: State<AnyState>, reader: State<AnyState>, ms: number): Promise<Measured> {
  const updates = reader.rawUpdates()
  // From here on nothing is missed.
  await reader.ping()
  const seen = async (i: number) => {
    const update = updates.next()
    await writer.set('n', i)
    await update
  }
  for (let i = 0; i < WARM; i++) await seen(i)
  const measured = await timed('a set until another client has it', ms, seen)
  await updates.return?.()
  return measured
}

async function timed(name: string, ms: number, act: (i: number) => Promise<unknown>): Promise<Measured> {
  const times: number[] = []
  const began = monotonic()
  let now = began
  for (let i = 0; now - began < ms; i++) {
    const from = now
    await act(i)
    now = monotonic()
    times.push(now - from)
  }
  return { name, count: times.length, ms: now - began, times }
}

function show(measured: Measured[], address: string, { isJson }: Asked): void {
  const rows = measured.map(({ name, count, ms, times }) => {
    const sorted = times.sort((a, b) => a - b)
    const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]
    return { name, perSecond: Math.round((count * 1000) / ms), p50: at(0.5) ?? null, p99: at(0.99) ?? null }
  })
  if (isJson)
    return console.log(
      json({
        address: withoutPassword(address),
        measured: rows,
      }),
    )
  console.log(withoutPassword(address))
  const shown = (ms: number | null) => (ms === null ? '-' : ms.toFixed(3))
  for (const line of table(
    ['WHAT', 'A SECOND', 'MEDIAN MS', '99 % BELOW MS'],
    rows.map(({ name, perSecond, p50, p99 }) => [name, perSecond, shown(p50), shown(p99)]),
  ))
    console.log(line)
}
