import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis'
import { cancel, every, soon, wallClock } from '../../async/interval.ts'
import { ConnectionError } from '../../errors.ts'
import type { RedisAddress } from './address.ts'
import { explain } from './errors.ts'

export type Library = Pick<typeof import('ioredis'), 'Redis' | 'Cluster' | 'Command'>
export type Raw = Redis | Cluster

/** The client library, which whoever uses Redis installs. */
export async function loadLibrary(shown: string): Promise<Library> {
  try {
    return await import('ioredis')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new ConnectionError(`${shown} needs the package ioredis, which is not here: npm install ioredis`, {
      cause: error,
    })
  }
}

// Half-open connections: one over which nothing comes for as many of these looks, of milliseconds each, while something was
// asked is left for another. A timer for each answer would cost more than to read the answer.
const LOOK = 500
const SILENT = 10

/** What a connection asks of its owner. */
interface Owner {
  /** Whether somebody waits for it: else a connection that was lost is not made again until it is needed. */
  wanted(): boolean
  /** What its connections are called in CLIENT LIST. */
  readonly name: string
}

/**
 * One connection of this process to Redis, or to each master of a cluster. It never keeps the program alive by itself. One
 * that is lost is made again, and what was under way is sent again: commits know that they were made (see scripts.ts).
 */
export class Client {
  readonly raw: Raw
  readonly #library: Library
  readonly #address: RedisAddress
  readonly #owner: Owner
  #wasReady = false
  #lostAt = 0
  #lastError: Error | undefined

  constructor(library: Library, address: RedisAddress, owner: Owner, blocks: boolean) {
    this.#library = library
    this.#address = address
    this.#owner = owner
    this.raw = address.kind === 'cluster' ? this.#cluster(library, blocks) : this.#redis(library, blocks)
    this.raw.on('error', error => {
      this.#lastError = error as Error
    })
    this.raw.on('ready', () => {
      this.#wasReady = true
      this.#lostAt = 0
    })
  }

  async connect(): Promise<void> {
    try {
      await this.raw.connect()
    } catch (error) {
      // What was said about the connection is more than that it is closed.
      const why = this.#lastError ?? (error as Error)
      throw explain((why as { lastNodeError?: Error }).lastNodeError ?? why, this.#address, 'none', 'connect')
    }
  }

  /** Sends a command; replies are as Redis gives them, texts as Buffers. */
  call(command: string, ...args: (string | number | Buffer)[]): Promise<unknown> {
    if (this.raw.status === 'end') this.#again()
    return this.raw.callBuffer(command, ...args)
  }

  /** Sends a command that is in the bytes that Redis reads; of `args` there are those that say where in a cluster. */
  send(command: string, args: string[], bytes: Buffer): Promise<unknown> {
    if (this.raw.status === 'end') this.#again()
    const sent = new this.#library.Command(command, [], { replyEncoding: null })
    sent.args = args
    sent.toWritable = () => bytes
    this.raw.sendCommand(sent)
    return sent.promise
  }

  /** All nodes that hold data. */
  nodes(): Redis[] {
    return 'nodes' in this.raw ? this.raw.nodes('master') : [this.raw]
  }

  /** Ends the connection once all that was sent is answered. */
  end(): void {
    if (this.raw.status === 'ready') this.raw.quit().catch(() => {})
    else this.destroy()
  }

  /** Makes the connection again, if it is given up. */
  makeAgain(): void {
    if (this.raw.status === 'end') this.#again()
  }

  destroy(): void {
    this.raw.disconnect()
  }

  #again(): void {
    this.#lostAt = 0
    this.raw.connect().catch(() => {})
  }

  /** Milliseconds until the next attempt to connect; null: no more. */
  #delay(times: number): number | null {
    if (!this.#wasReady || !this.#owner.wanted()) return null
    this.#lostAt ||= wallClock()
    if (wallClock() - this.#lostAt > this.#address.settings.connectTimeout) return null
    return Math.min(500, 10 * 2 ** Math.min(times, 10)) * (0.5 + Math.random() / 2)
  }

  #common(): RedisOptions {
    const { username, password, db, tls, settings } = this.#address
    return {
      lazyConnect: true,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      db,
      ...(tls ? { tls: {} } : {}),
      connectTimeout: Math.min(10_000, settings.connectTimeout),
      keepAlive: 5000,
      maxRetriesPerRequest: null,
      disableClientInfo: true,
      connectionName: this.#owner.name,
      // A master that became a replica takes no writes: ask for the new one, and send them there.
      reconnectOnError: error => (error.message.startsWith('READONLY') ? 2 : false),
    }
  }

  #redis(library: Library, blocks: boolean): Redis {
    const { kind, nodes, name, tls } = this.#address
    const redis = new library.Redis({
      ...this.#common(),
      ...(kind === 'sentinel'
        ? { sentinels: nodes, name, enableTLSForSentinelMode: tls, sentinelRetryStrategy: () => null }
        : nodes[0]),
      retryStrategy: times => this.#delay(times),
    })
    return tended(redis, blocks)
  }

  #cluster(library: Library, blocks: boolean): Cluster {
    const { nodes, settings } = this.#address
    const RETRY = 100
    const options: ClusterOptions = {
      redisOptions: this.#common(),
      lazyConnect: true,
      scaleReads: 'master',
      clusterRetryStrategy: times => this.#delay(times),
      retryDelayOnFailover: RETRY,
      retryDelayOnClusterDown: RETRY,
      maxRedirections: Math.ceil(settings.connectTimeout / RETRY),
      slotsRefreshTimeout: Math.min(2000, settings.connectTimeout),
    }
    const cluster = new library.Cluster(nodes, options)
    cluster.on('+node', node => tended(node, blocks))
    // Nothing is published here; the connection that the library keeps for that would keep the program alive.
    const { subscriber } = cluster as unknown as { subscriber: { stop(): void } }
    cluster.on('connect', () => soon(() => subscriber.stop()))
    cluster.on('ready', () => subscriber.stop())
    return cluster
  }
}

function tended(redis: Redis, blocks: boolean): Redis {
  redis.on('connect', () => {
    redis.stream.unref()
    if (!blocks) endWhenSilent(redis)
  })
  return redis
}

function endWhenSilent(redis: Redis): void {
  const { stream } = redis
  const asked = redis as unknown as { commandQueue: { length: number } }
  let read = 0
  let silent = 0
  const looking = every(LOOK, () => {
    silent = asked.commandQueue.length > 0 && stream.bytesRead === read ? silent + 1 : 0
    read = stream.bytesRead
    if (silent === SILENT) stream.destroy(new Error(`nothing came for ${SILENT * LOOK} ms`))
  }).unref()
  stream.once('close', () => cancel(looking))
}
