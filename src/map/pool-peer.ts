import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { cancel, every } from '../async/interval.ts'
import { State } from '../client/state.ts'
import { ValueTooLargeError } from '../errors.ts'
import { decode } from '../protocol/frames.ts'
import { poolNamespace } from '../store/mail.ts'
import { follow } from './follow.ts'
import { MessageQueue } from './message-queue.ts'
import type { Addressed } from './messages.ts'

// Each peer renews its lease every RENEW_MS. A peer that misses this many of another's own renewals has vanished: they are
// counted, not timed, so a peer that was blocked itself blames no other.
const RENEW_MS = 1000
const MISSED_RENEWALS = { workers: 5, maps: 30 }
// After this many renewals a peer writes to its own queue, so that Redis keeps it.
const REFRESH_RENEWALS = 600
/** The version of the messages between peers. */
export const FORMAT = 3

/** Where a pool is. */
export interface PoolPlace {
  address: string
  namespace: string
  secretKey: string | undefined
  connectTimeout?: number | undefined
  /** The server is being started. */
  ready?: Promise<unknown> | undefined
}

/** What a peer announces of itself. */
export interface PeerInfo {
  format: number
  /** Whether it has workers, or work for them. */
  role: 'workers' | 'maps'
  workers: number[]
  host: string
  pid: number
}

export interface PoolPeerEvents {
  /** In the order in which they were sent. */
  messages(from: string, messages: Addressed[]): void
  /** Another peer announced itself, for the first time or again. */
  announced?(id: string, info: PeerInfo): void
  /** `hasVanished`: it did not say that it leaves. */
  gone(id: string, hasVanished: boolean): void
  /** Messages to this peer were lost. */
  missed(): void
  /** These messages are larger than the server takes. */
  refused(to: string, messages: Addressed[], error: Error): void
  /** The peer has ended, after it had joined. */
  failed(error: Error): void
}

/**
 * One participant of a pool across machines. Everything is a log: the peers are keys in a namespace of the pool, each with
 * a lease that it renews; and each has another namespace as its message queue, where a commit is a batch of messages and the
 * key is the sender.
 */
export class PoolPeer {
  readonly id = randomBytes(9).toString('base64url')
  readonly #place: PoolPlace
  readonly #events: PoolPeerEvents
  readonly #registry: State<Record<string, unknown>>
  readonly #incoming: State<Record<string, unknown>>
  readonly #info: PeerInfo
  /** `renewals`: the number of this peer's renewals when the other last renewed its lease. */
  readonly #others = new Map<string, { role: PeerInfo['role']; renewals: number }>()
  readonly #outgoing = new Map<string, MessageQueue>()
  #unfollow: (() => void)[] = []
  #renewals = 0
  #isRenewing = false
  #timer: NodeJS.Timeout | undefined
  #isOver = false
  // Why it is over, if it failed.
  #failure: Error | undefined

  /** Resolves when the others can see it. */
  static async join(place: PoolPlace, role: PeerInfo['role'], events: PoolPeerEvents): Promise<PoolPeer> {
    const peer = new PoolPeer(place, role, events)
    try {
      await peer.#enter()
      return peer
    } catch (error) {
      await peer.leave()
      throw error
    }
  }

  private constructor(place: PoolPlace, role: PeerInfo['role'], events: PoolPeerEvents) {
    this.#place = place
    this.#events = events
    this.#info = { format: FORMAT, role, workers: [], host: hostname(), pid: process.pid }
    this.#registry = this.#state()
    this.#incoming = this.#state(this.id)
  }

  /** Announces the workers that are here. */
  announce(workers: number[]): void {
    this.#info.workers = workers
    if (this.#timer) this.#renew().catch(error => this.#fail(error))
  }

  /** This peer stands for the one with that id, which has failed: the others need not find out by its renewals. */
  replace(id: string): void {
    this.#registry.delete(id).catch(error => this.#fail(error))
  }

  send(to: string, message: Addressed): void {
    if (this.#isOver || !this.#others.has(to)) return
    let queue = this.#outgoing.get(to)
    if (!queue) {
      queue = new MessageQueue(this.id, this.#state(to), (messages, error) => {
        if (error instanceof ValueTooLargeError) this.#events.refused(to, messages, error)
        else this.#fail(error)
      })
      this.#outgoing.set(to, queue)
    }
    queue.send(message)
  }

  /** Resolves when what was sent before has left, and the others know that this peer is gone. */
  async leave(): Promise<void> {
    const hadJoined = this.#timer !== undefined && !this.#isOver
    this.#end()
    // The State ends when this is answered.
    if (hadJoined) this.#registry.delete(this.id).catch(() => {})
    const queues = [...this.#outgoing.values()].map(queue => queue.close())
    await Promise.all([...queues, this.#registry.close(), this.#incoming.close()])
  }

  async #enter(): Promise<void> {
    const { missed } = this.#events
    const lost = (error: Error) => this.#fail(error)
    const arrived = (from: string, bytes: unknown) => {
      if (from === this.id) return
      if (!this.#others.has(from)) this.#others.set(from, { role: 'maps', renewals: this.#renewals })
      this.#events.messages(from, decode(bytes as Uint8Array) as Addressed[])
    }
    this.#unfollow.push(await follow(this.#incoming, { written: arrived, missed, lost }))
    const registry = {
      written: (id: string, info: unknown) => this.#renewed(id, info as PeerInfo),
      taken: (id: string) => this.#gone(id, false),
      missed: () => {},
      lost,
    }
    this.#unfollow.push(await follow(this.#registry, registry))
    await this.#renew()
    if (this.#failure) throw this.#failure
    if (this.#isOver) return
    this.#timer = every(RENEW_MS, () => void this.#renewLease())
    this.#timer.unref()
  }

  #state(queue?: string): State<Record<string, unknown>> {
    const { address, namespace, secretKey, connectTimeout, ready } = this.#place
    const options = { namespace: poolNamespace(namespace, queue), secretKey, connectTimeout }
    return new State(address, options, { name: 'pool', ready })
  }

  #renewed(id: string, info: PeerInfo): void {
    if (id === this.id) return
    this.#others.set(id, { role: info.role, renewals: this.#renewals })
    this.#events.announced?.(id, info)
  }

  #gone(id: string, hasVanished: boolean): void {
    if (!this.#others.has(id)) return
    // A peer that was only blocked still gets what is sent to it in this call.
    this.#events.gone(id, hasVanished)
    this.#others.delete(id)
    void this.#outgoing.get(id)?.close()
    this.#outgoing.delete(id)
  }

  #renew(): Promise<void> {
    return this.#registry.set(this.id, { ...this.#info, beat: this.#renewals })
  }

  async #renewLease(): Promise<void> {
    if (this.#isRenewing) return
    this.#isRenewing = true
    try {
      await this.#renew()
      this.#renewals++
      if (this.#renewals % REFRESH_RENEWALS === 0) await this.#incoming.set(this.id, null)
      for (const [id, { role, renewals }] of this.#others) {
        if (this.#renewals - renewals <= MISSED_RENEWALS[role]) continue
        this.#gone(id, true)
        await this.#registry.delete(id)
      }
    } catch (error) {
      this.#fail(error as Error)
    }
    this.#isRenewing = false
  }

  #fail(error: Error): void {
    if (this.#isOver) return
    this.#failure = error
    this.#end()
    if (this.#timer) this.#events.failed(error)
  }

  #end(): void {
    this.#isOver = true
    cancel(this.#timer)
    for (const end of this.#unfollow) end()
    this.#unfollow = []
  }
}
