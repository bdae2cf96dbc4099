import { after, cancel, sleep, wallClock } from '../../async/interval.ts'
import type { Client } from './client.ts'
import type { RedisConnection } from './connection.ts'
import { explain } from './errors.ts'
import type { StreamEntry } from './replica.ts'

// Milliseconds for which one reading waits in Redis for news, and after which one without an answer has failed.
const BLOCK = 2000
const DEAD = 5000
// Entries in one answer, at most: what comes faster is read faster, not kept here.
const COUNT = 100

/** Somebody who reads a stream on from `id`. */
export interface Following {
  key: string
  id: string
  /** What comes after `id`: the follower moves that on. */
  entries(entries: StreamEntry[]): void
  /** Another connection was made, or nothing came for a while: what is at its end may be another log. */
  check(): void
  lost(error: Error): void
}

/**
 * The end of some streams: one connection waits for news of all of them. In a cluster a command names keys of one slot only, so
 * there it takes one for each stream that is followed, for as long as it is.
 */
export class Tail {
  readonly #connection: RedisConnection
  readonly #followed = new Map<string, Following>()
  #client: Client | undefined
  #isConnected = false
  // By which Redis is told to let it go on. With one stream there is nothing to go on to.
  #clientId: number | undefined
  /** How often what is followed has changed; and how often it had when Redis was asked last. */
  #changes = 0
  #asked = 0
  #running = false
  #waking = false

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  follow(following: Following): void {
    this.#followed.set(following.key, following)
    this.#changes++
    if (!this.#running) void this.#run()
    else void this.#wake()
  }

  leave(following: Following): void {
    if (this.#followed.get(following.key) === following) this.#followed.delete(following.key)
  }

  async #run(): Promise<void> {
    this.#running = true
    let until = 0
    while (this.#followed.size > 0) {
      try {
        this.#client ??= await this.#connection.another()
        await this.#read(this.#client)
        until = 0
      } catch (error) {
        this.#isConnected = false
        until ||= wallClock() + this.#connection.address.settings.connectTimeout
        // A connection that cannot be made is tried again as long as the others are.
        if (wallClock() < until) await sleep(50, { ref: false })
        else this.#lose(explain(error as Error, this.#connection.address, 'unknown', 'watch'))
      }
    }
    this.#running = false
    if (!this.#isAlone || !this.#client) return
    this.#connection.leave(this.#client)
    this.#client = undefined
    this.#isConnected = false
  }

  get #isAlone(): boolean {
    return this.#connection.address.kind === 'cluster'
  }

  async #read(client: Client): Promise<void> {
    if (!this.#isConnected) {
      client.raw.once('close', () => {
        this.#isConnected = false
      })
      this.#clientId = this.#isAlone ? undefined : Number(await client.call('client', 'ID'))
      this.#isConnected = true
      if (this.#asked > 0) for (const following of this.#followed.values()) following.check()
    }
    this.#asked = this.#changes
    const followed = [...this.#followed.values()]
    const dead = after(DEAD, () => client.raw.disconnect(true))?.unref()
    let reply: [key: Buffer, entries: StreamEntry[]][] | null
    try {
      reply = (await client.call(
        'xread',
        'COUNT',
        COUNT,
        'BLOCK',
        BLOCK,
        'STREAMS',
        ...followed.map(({ key }) => key),
        ...followed.map(({ id }) => id),
      )) as typeof reply
    } finally {
      cancel(dead)
    }
    // A log that begins anew has ids that are older, and would be read in silence.
    if (!reply && this.#asked === this.#changes) for (const following of followed) following.check()
    for (const [key, entries] of reply ?? []) {
      const following = this.#followed.get(key.toString())
      if (!following || !followed.includes(following)) continue
      following.entries(entries)
    }
  }

  /** Lets Redis answer the reading that waits, so that the next one asks for what is followed now. */
  async #wake(): Promise<void> {
    if (this.#waking || this.#isAlone) return
    this.#waking = true
    while (this.#asked !== this.#changes && this.#running) {
      // It may not be waiting yet: then this comes too early.
      if (this.#isConnected && this.#clientId !== undefined)
        await this.#connection.call('watch', 'client', 'UNBLOCK', this.#clientId).catch(() => {})
      await sleep(1)
    }
    this.#waking = false
  }

  #lose(error: Error): void {
    for (const following of [...this.#followed.values()]) following.lost(error)
    this.#followed.clear()
    this.#client = undefined
  }
}
