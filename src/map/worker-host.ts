import { deferred } from '../async/deferred.ts'
import { after } from '../async/interval.ts'
import { ConnectionError, ValueTooLargeError } from '../errors.ts'
import { errorToWire } from '../protocol/values.ts'
import { HostReports } from './host-reports.ts'
import { LocalWorkers } from './local-workers.ts'
import {
  type Addressed,
  FromWorker,
  listToWire,
  type PoolMessage,
  ToWorker,
  type WorkerEnd,
  type WorkerMessage,
} from './messages.ts'
import { FORMAT, type PeerInfo, PoolPeer, type PoolPlace } from './pool-peer.ts'
import { startWorker } from './start-worker.ts'
import type { WorkerHandle } from './workers.ts'

// What runs for a program that is gone, and has not ended after this many milliseconds, costs its worker.
const GRACE_MS = 1000

export interface WorkerHostOptions extends PoolPlace {
  /** The number of workers. */
  count: number
  /** Reports a problem that does not end the host. */
  warn(words: string): void
}

/** One of the workers, and what the programs of the pool gave it. The numbers of jobs and chunks are the host's own. */
interface HostedWorker {
  worker: WorkerHandle
  /** Chunks that it holds, oldest first. */
  queue: Map<number, { owner: string; chunk: number }>
  jobs: Map<string, Map<number, number>>
}

/** Workers of this machine that take part in the pool of a namespace. It schedules nothing: it relays messages. */
export class WorkerHost {
  readonly #options: WorkerHostOptions
  readonly #workers: LocalWorkers
  readonly #hosted = new Map<number, HostedWorker>()
  readonly #ready = deferred<void>()
  readonly #ended = deferred<void>()
  readonly #warned = new Set<string>()
  #peer: PoolPeer | undefined
  #jobs = 0
  #chunks = 0
  #closed: Promise<void> | undefined
  readonly #reports: HostReports

  /** Resolves when all workers have joined. */
  static async open(options: WorkerHostOptions): Promise<WorkerHost> {
    const host = new WorkerHost(options)
    try {
      await host.#open()
      return host
    } catch (error) {
      await host.close()
      throw error
    }
  }

  private constructor(options: WorkerHostOptions) {
    this.#options = options
    this.#ended.promise.catch(() => {})
    this.#ready.promise.catch(() => {})
    const { address, namespace, secretKey, connectTimeout } = options
    const settings = {
      namespace,
      ...(secretKey && { secretKey }),
      ...(connectTimeout !== undefined && { connectTimeout }),
    }
    const workers = () => Array.from(this.#hosted.values(), ({ worker }) => worker)
    this.#reports = new HostReports(address, { secretKey, connectTimeout }, workers)
    const inner = { call: 'zproc worker', tied: true }
    this.#workers = new LocalWorkers(
      (path, worker, ended) => startWorker(address, settings, inner, path, worker, ended),
      {
        joined: worker => this.#joined(worker),
        heard: (worker, message) => this.#relay(worker, message),
        heardAll: () => {},
        gone: (worker, end) => this.#gone(worker.number, end),
        failed: error => this.#fail(error),
      },
    )
  }

  /** Rejects when it cannot go on; resolves when it is closed. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Ends its workers; what they held is given to others. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #open(): Promise<void> {
    await this.#join()
    for (let i = 0; i < this.#options.count; i++) this.#workers.start()
    await this.#ready.promise
  }

  async #join(): Promise<PoolPeer> {
    const peer = await PoolPeer.join(this.#options, 'workers', {
      messages: (from, messages) => this.#take(from, messages as Addressed<PoolMessage>[]),
      announced: (id, info) => this.#announced(id, info),
      gone: id => this.#drop(id, true),
      missed: () => this.#dropAll(),
      refused: (to, messages, error) => this.#refused(to, messages as Addressed<WorkerMessage>[], error),
      failed: () => void this.#joinAgain(),
    })
    this.#peer = peer
    return peer
  }

  /**
   * Its session is over, as after a network outage that took longer than the server's graceTime: it joins as another peer.
   * It fails if it cannot. The peer that failed is left last: until then there is a connection, or it is being made again.
   */
  async #joinAgain(): Promise<void> {
    if (this.#closed) return
    const failed = this.#peer as PoolPeer
    this.#peer = undefined
    this.#dropAll()
    try {
      const peer = await this.#joinInTheEnd()
      // It may have been closed meanwhile.
      if (this.#closed) await peer.leave()
      else {
        peer.replace(failed.id)
        this.#announce()
      }
    } catch (error) {
      this.#fail(error as Error)
    }
    await failed.leave()
  }

  /** Joins, also where the session is lost once more while it does. */
  async #joinInTheEnd(): Promise<PoolPeer> {
    for (;;)
      try {
        return await this.#join()
      } catch (error) {
        const wasConnected = error instanceof ConnectionError && error.outcome === 'unknown'
        if (!wasConnected || this.#closed) throw error
      }
  }

  async #close(): Promise<void> {
    await this.#reports.close()
    await this.#peer?.leave()
    await this.#workers.close()
    this.#ended.resolve()
  }

  #fail(error: Error): void {
    this.#ready.reject(error)
    this.#ended.reject(error)
  }

  #joined(worker: WorkerHandle): void {
    this.#hosted.set(worker.number, { worker, queue: new Map(), jobs: new Map() })
    this.#announce()
    if (this.#hosted.size === this.#options.count) this.#ready.resolve()
  }

  #announce(): void {
    this.#peer?.announce([...this.#hosted.keys()])
  }

  #announced(id: string, { role, format, host, pid }: PeerInfo): void {
    if (format === FORMAT || role === 'workers' || this.#warned.has(id)) return
    this.#warned.add(id)
    this.#options.warn(`process ${pid} on ${host} has maps, but is of another version of zproc`)
  }

  #take(owner: string, messages: Addressed<PoolMessage>[]): void {
    for (const [number, message] of messages) {
      const hosted = this.#hosted.get(number)
      if (message[0] === ToWorker.drop) this.#drop(owner, false)
      else if (!hosted) this.#peer?.send(owner, [number, [FromWorker.gone, null]])
      else if (message[0] === ToWorker.kill) this.#kill(hosted)
      else this.#handOn(hosted, owner, message)
    }
    for (const { worker } of this.#hosted.values()) worker.channel?.flush()
  }

  #handOn({ worker, queue, jobs }: HostedWorker, owner: string, message: PoolMessage): void {
    let mine = jobs.get(owner)
    if (!mine) {
      mine = new Map()
      jobs.set(owner, mine)
    }
    if (message[0] === ToWorker.kill || message[0] === ToWorker.drop) return
    if (message[0] === ToWorker.job) mine.set(message[1], ++this.#jobs)
    const job = mine.get(message[1])
    if (job === undefined) return
    if (message[0] === ToWorker.forget && mine.delete(message[1]) && mine.size === 0) jobs.delete(owner)
    if (message[0] === ToWorker.chunk) {
      const number = ++this.#chunks
      queue.set(number, { owner, chunk: message[2] })
      worker.channel?.send([ToWorker.chunk, job, number, message[3]])
    } else if (message[0] === ToWorker.job)
      worker.channel?.send([ToWorker.job, job, message[2], message[3], message[4]])
    else worker.channel?.send([message[0], job])
  }

  #relay({ number }: WorkerHandle, message: WorkerMessage): void {
    const [kind] = message
    if (kind === FromWorker.joined || kind === FromWorker.gone || kind === FromWorker.full) return
    const hosted = this.#hosted.get(number)
    const held = hosted?.queue.get(message[1])
    if (!held) return
    const goesOn = kind === FromWorker.begun || (kind === FromWorker.results && message[6] > 0)
    if (!goesOn) hosted?.queue.delete(message[1])
    message[1] = held.chunk
    this.#peer?.send(held.owner, [number, message])
  }

  #kill({ worker }: HostedWorker): void {
    worker.kill()
    this.#gone(worker.number, undefined)
  }

  /** A worker is gone: the programs that gave it something get to know, and another one takes its place. */
  #gone(number: number, end: WorkerEnd | undefined): void {
    if (this.#closed) return
    const hosted = this.#hosted.get(number)
    this.#hosted.delete(number)
    if (hosted) {
      const [first] = hosted.queue.values()
      for (const owner of ownersOf(hosted))
        this.#peer?.send(owner, [number, [FromWorker.gone, owner === first?.owner ? (end ?? null) : null]])
      this.#announce()
    }
    this.#workers.start()
  }

  /** A program is gone, or begins anew: nothing of its jobs goes on. `isToKnow`: it may still wait for their results. */
  #drop(owner: string, isToKnow: boolean): void {
    for (const hosted of this.#hosted.values()) {
      const { worker, queue, jobs } = hosted
      const mine = jobs.get(owner) ?? new Map<number, number>()
      const held = new Set([...queue].filter(([, one]) => one.owner === owner).map(([number]) => number))
      if (mine.size === 0 && held.size === 0) continue
      jobs.delete(owner)
      if (isToKnow) this.#peer?.send(owner, [worker.number, [FromWorker.gone, null]])
      for (const job of mine.values()) {
        worker.channel?.send([ToWorker.cancel, job])
        worker.channel?.send([ToWorker.forget, job])
      }
      worker.channel?.flush()
      const late = () => {
        const [first] = queue.keys()
        if (first !== undefined && held.has(first) && this.#hosted.get(worker.number) === hosted)
          this.#kill(hosted)
      }
      if (held.size > 0) after(GRACE_MS, late)?.unref()
    }
  }

  #dropAll(): void {
    const owners = new Set([...this.#hosted.values()].flatMap(hosted => [...ownersOf(hosted)]))
    for (const owner of owners) this.#drop(owner, true)
  }

  // Results that are too large are an error of their chunk.
  #refused(owner: string, messages: Addressed<WorkerMessage>[], error: Error): void {
    for (const [worker, message] of messages) {
      if (message[0] === FromWorker.gone || message[0] === FromWorker.full) continue
      const failed = new ValueTooLargeError(`ctx.processMap: the results are too large: ${error.message}`)
      const nothing = listToWire([], 'processMap', 'results')
      this.#peer?.send(owner, [worker, [FromWorker.failed, message[1], nothing, 0, errorToWire(failed)]])
    }
  }
}

/** The programs that have something at the worker: also those whose jobs are over, while what they gave it is still in its queue. */
const ownersOf = ({ jobs, queue }: HostedWorker): Set<string> =>
  new Set([...jobs.keys(), ...[...queue.values()].map(({ owner }) => owner)])
