import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from 'zproc'
import { noRedis, type RedisServer, startRedis } from '../kit/redis.ts'
import { check } from './check.ts'
import type { Hands } from './hands.ts'
import { happen, planOf, type Stage } from './run.ts'
import type { Violation } from './violations.ts'

/** Servers of the kinds that histories are to happen on. */
export const kinds = {
  plain: {},
  'short log': { historyLimit: 25 },
  'with a key': { secretKey: 'muchsecret' },
  'without code': { allowCode: false },
  'kept on disk': {},
  'kept on disk, short log': {},
  ...(noRedis ? {} : { redis: {}, 'redis, short log': { historyLimit: 25 }, 'redis, started again': {} }),
}
export type Kind =
  | 'plain'
  | 'short log'
  | 'with a key'
  | 'without code'
  | 'kept on disk'
  | 'kept on disk, short log'
  | 'redis'
  | 'redis, short log'
  | 'redis, started again'

/** Starts a server of that kind, with a process of its own if it is to be the real thing. */
export async function openStage(kind: Kind, backend: 'inline' | 'process' = 'inline') {
  const options = { historyLimit: 100_000, allowCode: true, ...kinds[kind] }
  if (kind.startsWith('redis')) return openRedis(kind, options)
  if (kind.startsWith('kept')) return openKept(kind, options)
  const server = await startServer(kind === 'with a key' ? 'tcp://127.0.0.1:0' : null, {
    backend,
    ...options,
  })
  const stage: Stage = { address: server.address, ...options }
  return { stage, close: () => server.stop() }
}

/**
 * A server with a data folder, which is killed and started again. With a short log nearly nothing is in memory: what watchers
 * are behind by is on disk, so they miss nothing.
 */
async function openKept(kind: Kind, options: Omit<Stage, 'address'>) {
  const folder = mkdtempSync(join(tmpdir(), 'zproc-history-'))
  const address = `ipc://${join(folder, 'socket')}`
  const historyLimit = kind === 'kept on disk, short log' ? 5 : options.historyLimit
  const start = () =>
    startServer(address, {
      backend: 'process',
      ...options,
      historyLimit,
      data: join(folder, 'data'),
      keep: { revisions: Number.POSITIVE_INFINITY },
    })
  let server = await start()
  let starting: Promise<void> | undefined
  const startAgain = async () => {
    process.kill(server.pid, 'SIGKILL')
    await server.exited
    server = await start()
    starting = undefined
  }
  const restart = () => {
    starting ??= startAgain()
  }
  const close = async () => {
    await starting
    await server.stop()
    rmSync(folder, { recursive: true })
  }
  return { stage: { ...options, address, restart }, close }
}

/** A Redis; one that is to be started again writes each commit down before it answers. */
async function openRedis(kind: Kind, options: Omit<Stage, 'address'>) {
  const restarts = kind === 'redis, started again'
  const home = await startRedis(restarts ? [] : ['--appendonly', 'no'])
  const [server] = home.servers as [RedisServer]
  let starting: Promise<void> | undefined
  const startAgain = async () => {
    await server.kill()
    await server.start()
    starting = undefined
  }
  const stage: Stage = { ...options, address: `${home.address}?historyLimit=${options.historyLimit}` }
  if (restarts)
    stage.restart = () => {
      starting ??= startAgain()
    }
  const close = async () => {
    await starting
    await home.stop()
  }
  return { stage, close }
}

/** What became of some histories. */
export interface Tally {
  histories: number
  calls: number
  /** Of the calls, those whose outcome is not known. */
  unknown: number
  updates: number
  faults: number
}

/** Lets histories happen, some at a time, and checks each. Ends with the first that is wrong. */
export async function torture(
  stage: Stage,
  seeds: Iterator<number>,
  more: { hands?: Hands; remote?: number; atOnce?: number } = {},
): Promise<Tally & { wrong?: { seed: number; violations: Violation[] } }> {
  const tally: Tally & { wrong?: { seed: number; violations: Violation[] } } = {
    histories: 0,
    calls: 0,
    unknown: 0,
    updates: 0,
    faults: 0,
  }
  const { hands, remote, atOnce = 4 } = more
  const one = async (): Promise<void> => {
    for (let next = seeds.next(); !next.done && !tally.wrong; next = seeds.next()) {
      const seed = next.value
      const history = await happen(planOf(seed, stage, { remote }), stage, { hands })
      const violations = check(history)
      tally.histories++
      tally.faults += history.faults
      for (const entry of history.entries) {
        if (entry.type === 'call') tally.calls++
        if (entry.type === 'call' && entry.result === undefined && entry.failed !== 'none') tally.unknown++
        if (entry.type === 'watch' && entry.seen) tally.updates++
      }
      if (violations.length > 0) tally.wrong ??= { seed, violations }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, one))
  return tally
}

/** Seeds one after the other. */
export function* seedsFrom(first: number, count = Number.POSITIVE_INFINITY): Generator<number> {
  for (let seed = first; seed < first + count; seed++) yield seed
}

/** What was found, and how to have the same workload again. */
export function describe(
  kind: Kind,
  remote: number,
  { seed, violations }: { seed: number; violations: Violation[] },
): string {
  const found = violations.slice(0, 5).map(({ wrong, message }) => `  ${wrong}: ${message}`)
  const again = `npm run torture -- --kind '${kind}' --seed ${seed} --histories 1${remote > 0 ? ' --killed' : ''}`
  return [`seed ${seed}, ${kind}: ${violations.length} violations; again: ${again}`, ...found].join('\n')
}
