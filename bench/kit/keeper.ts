import * as messages from './messages.ts'
import * as redis from './redis.ts'
import * as zeromq from './zeromq.ts'

/** A table that another process keeps, asked for as the users of that project would ask for it. */
export interface Keeper {
  set(key: string, value: unknown): Promise<unknown>
  get(key: string): Promise<unknown>
  increment(key: string): Promise<unknown>
  append(key: string, value: unknown): Promise<unknown>
  /** The increment as a function that runs where the table is, where there is such a thing. */
  run?(key: string): Promise<unknown>
  close(): unknown
}

/** A process that keeps a table. */
export interface Kept {
  address: string
  stop(): unknown
}

export interface Means {
  /** undefined: it is not installed here. */
  start(): Promise<Kept | undefined>
  /** `many`: the client is to send many calls at once. */
  ask(address: string, many: boolean): Promise<Keeper>
}

export const means = {
  'zeromq, ROUTER/DEALER': zeromq,
  'child_process messages': messages,
  'Redis, ioredis': { start: () => redis.start('ioredis'), ask: redis.ioredis },
  'Redis, node-redis': { start: () => redis.start('redis'), ask: redis.nodeRedis },
} satisfies Record<string, Means>

export type MeansName = keyof typeof means

export interface Opponent {
  name: MeansName
  address: string
  one: Keeper
  many: Keeper
  stop(): Promise<void>
}

/** All that are there, started, with a client each for awaited calls and for many at once. */
export async function startOpponents(): Promise<Opponent[]> {
  const opponents: Opponent[] = []
  for (const [name, { start, ask }] of Object.entries(means) as [MeansName, Means][]) {
    const kept = await start()
    if (!kept) continue
    const { address } = kept
    const one = await ask(address, false)
    const many = await ask(address, true)
    const stop = async () => {
      await one.close()
      await many.close()
      await kept.stop()
    }
    opponents.push({ name, address, one, many, stop })
  }
  return opponents
}
