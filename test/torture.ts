// Histories under faults, for as long as you like: `npm run torture -- --minutes 30 [--seed n] [--histories n] [--kind k] [--killed]`
// Ends with the first that breaks a promise, and says how to have the same workload again.
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Hands } from './history/hands.ts'
import { describe, type Kind, kinds, openStage, seedsFrom, torture } from './history/stages.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    histories: { type: 'string' },
    seed: { type: 'string' },
    kind: { type: 'string' },
    killed: { type: 'boolean' },
  },
})
const first = values.seed === undefined ? randomInt(2 ** 31) : numberOf('seed', values.seed)
const minutes = values.minutes === undefined ? undefined : numberOf('minutes', values.minutes)
const histories = numberOf('histories', values.histories ?? (minutes === undefined ? '1000' : 'Infinity'))
const asked = values.kind === undefined ? (Object.keys(kinds) as Kind[]) : [kindOf(values.kind)]
const BATCH = 100
/** One in so many is of processes that are killed. */
const KILLED = 20

console.log(`seed ${first}, ${minutes ?? 'any number of'} minutes, ${histories} histories at most`)
const end = performance.now() + (minutes ?? Number.POSITIVE_INFINITY) * 60_000
const hands = new Hands()
let done = 0
let calls = 0
let faults = 0
let unknown = 0
let seed = first
for (let round = 0; done < histories && performance.now() < end; round++) {
  const kind = asked[round % asked.length] as Kind
  if (!values.killed) await run(kind, Math.min(BATCH, histories - done), 0)
  if (values.killed || done < histories) await run(kind, Math.min(BATCH / KILLED, histories - done), 2)
  console.log(
    `${done} histories are right, of ${calls} calls and ${faults} faults; of ${unknown} calls the outcome is not known`,
  )
}
await hands.close()

/** The next histories, on a server of this kind; the first `remote` clients are processes. */
async function run(kind: Kind, count: number, remote: number): Promise<void> {
  const { stage, close } = await openStage(kind, remote > 0 ? 'process' : 'inline')
  const seeds = inTime(seedsFrom(seed, count))
  const { wrong, ...tally } = await torture(stage, seeds, { hands, remote, atOnce: remote > 0 ? 1 : 4 })
  await close()
  seed += count
  done += tally.histories
  calls += tally.calls
  faults += tally.faults
  unknown += tally.unknown
  if (!wrong) return
  console.error(describe(kind, remote, wrong))
  process.exit(1)
}

function* inTime(seeds: Iterable<number>): Generator<number> {
  for (const seed of seeds) {
    if (performance.now() > end) return
    yield seed
  }
}

function numberOf(name: string, text: string): number {
  const number = Number(text)
  if (!(number >= 0)) throw new TypeError(`--${name} must be a number, got ${text}`)
  return number
}

function kindOf(text: string): Kind {
  if (text in kinds) return text as Kind
  throw new TypeError(`--kind must be one of '${Object.keys(kinds).join("', '")}', got ${text}`)
}
