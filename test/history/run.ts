import { randomUUID } from 'node:crypto'
import { type AnyState, State } from 'zproc'
import { deferred } from '../../src/async/deferred.ts'
import { randomIpcAddress } from '../../src/protocol/address.ts'
import { elsewhere } from '../kit/elsewhere.ts'
import { proxy, type Proxy as Way } from '../kit/proxy.ts'
import { DIRECTOR } from './commits.ts'
import { drawFaults, type Fault, heal, strike } from './faults.ts'
import { type Hand, type Hands, here } from './hands.ts'
import { stuck } from './patience.ts'
import { random } from './random.ts'
import type { Entry, History, Logged, Recorder } from './records.ts'
import { ending, type Workload, workload } from './workload.ts'

/** A server that histories can happen on. */
export interface Stage {
  address: string
  secretKey?: string
  historyLimit: number
  allowCode: boolean
  /** Kills it, and starts it again on what it wrote down: not for what forgets. */
  restart?(): void
}

export interface Plan {
  seed: number
  workloads: Workload[]
  /** So many of the clients, the first ones, are processes of their own. */
  remote: number
  faults: Fault[]
  holds: boolean
  ipc: boolean
}

const CALLS = 200
/** Milliseconds without progress after which a history counts as stuck; see patience.ts. */
const PATIENCE = 30_000

/** What is to happen in the history of this seed. */
export function planOf(
  seed: number,
  { allowCode, restart }: Pick<Stage, 'allowCode' | 'restart'>,
  more: { remote?: number; async?: number } = {},
): Plan {
  const pick = random(seed, 0x91a)
  const callers = 3 + pick.below(3)
  const watchers = 2
  const async = more.async ?? (pick.chance(0.5) ? 3 : 0)
  const remote = more.remote ?? 0
  const calls = Math.ceil((CALLS + pick.below(60)) / callers)
  const kinds = { async, together: allowCode }
  const workloads = Array.from({ length: callers + watchers }, (_, i) =>
    workload(i < callers ? `caller${i}` : `watcher${i}`, i < callers ? calls : 0, kinds, seed * 100 + i),
  )
  return {
    seed,
    workloads,
    remote,
    faults: drawFaults(workloads.length, remote, callers * calls, seed, restart !== undefined),
    holds: async > 0 || !allowCode,
    ipc: pick.chance(0.7),
  }
}

/** Lets the planned history happen, and writes down everything. `hands`: where remote clients run. */
export async function happen(
  plan: Plan,
  stage: Stage,
  { hands, patience = PATIENCE }: { hands?: Hands; patience?: number } = {},
): Promise<History> {
  const { seed, workloads, holds } = plan
  const { address, secretKey, historyLimit } = stage
  const closing: (() => unknown)[] = []
  const scope = { after: (close: () => unknown) => void closing.push(close) }
  // A machine that is busy takes long to start a server again.
  const place = { namespace: randomUUID(), secretKey, ...(stage.restart && { connectTimeout: 120_000 }) }
  const ways: Way[] = []
  const workers: Hand[] = []
  const entries = new Map<string, Entry>()
  const faults = [...plan.faults]
  let begun = 0
  let came = 0
  const record: Recorder = entry => {
    const key = `${entry.by}#${entry.number}`
    if (entry.type === 'call' && !entries.has(key)) begun++
    // To wait in vain again and again is no progress.
    if (entry.returned !== undefined && !(entry.type === 'watch' && entry.late)) came++
    entries.set(key, entry)
    while (faults.length > 0 && begun > faults[0]!.at) {
      const fault = faults.shift() as Fault
      if (fault.kind === 'restart') stage.restart?.()
      else strike(ways[fault.client]!, workers[fault.client]!, fault)
    }
  }

  const director = new State<AnyState>(address, place, { name: DIRECTOR })
  // On a connection of its own, and in place before anything happens.
  const witness = new State<AnyState>(elsewhere(address), place)
  await witness.size()
  const log: Logged[] = []
  const witnessed = readAll(witness, log)
  for (let i = 0; i < workloads.length; i++) {
    const isOwn = /^(ipc|tcp):/.test(address)
    ways.push(await proxy(scope, address, plan.ipc && isOwn ? randomIpcAddress() : undefined))
    workers.push(hands && i < plan.remote ? await hands.hire() : here)
  }
  let isOver = false
  const run = async (): Promise<void> => {
    const allCalled: Promise<void>[] = []
    const ended = workloads.map((workload, i) => {
      const { promise, resolve } = deferred<void>()
      allCalled.push(promise)
      const at = { ...place, address: ways[i]!.address }
      return workers[i]!.run(workload, at, record, { called: resolve, isOver: () => isOver })
    })
    const allEnded = Promise.all(ended)
    await Promise.race([Promise.all(allCalled), allEnded])
    for (const way of ways) heal(way)
    for (const part of ending) await director.update(part)
    await allEnded
    await witnessed
  }
  const watch = stuck({ probe: () => director.size(), progress: () => came + log.length }, patience)
  closing.push(watch.end)
  const outcome = await Promise.race([run(), watch.stuck]).finally(() => {
    isOver = true
    for (const close of closing) close()
  })
  const waiting = [...entries.values()].filter(
    ({ returned, type }) => returned === undefined && type !== 'view',
  )
  const hanging = outcome === 'stuck' ? waiting.map(entry => `nothing came of ${JSON.stringify(entry)}`) : []
  if (outcome === 'stuck') for (const worker of workers) worker.kill()
  if (outcome === 'stuck' && hanging.length === 0) hanging.push('the end of the history')
  for (const state of [witness, director]) void state.close()
  const struck = plan.faults.length - faults.length
  return { seed, log, entries: [...entries.values()], historyLimit, holds, faults: struck, stuck: hanging }
}

async function readAll(witness: State<AnyState>, log: Logged[]): Promise<void> {
  const updates = witness.rawUpdates({ duplicateOkay: true })
  for await (const { revision, identical, by, before, after } of updates) {
    const { name, method, time } = by
    log.push({ revision, identical, name, method, time, before, after })
    if (after.end === 2) return
  }
}
