import { after, cancel, holdOpen } from '../async/interval.ts'
import { ZprocError } from '../errors.ts'
import { errorToWire } from '../protocol/values.ts'
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
import type { WorkerHandle, Workers, WorkersEvents } from './workers.ts'

// After this many milliseconds without a job this program leaves the pool.
const IDLE_MS = 5000

interface RemoteWorker extends WorkerHandle {
  host: string
  /** Its number at the host. */
  worker: number
}

/** Workers that have joined the pool of a namespace, on any machine. `zproc worker` starts them. */
export class RemoteWorkers implements Workers {
  readonly #place: PoolPlace
  readonly #events: WorkersEvents
  readonly #workers = new Map<string, RemoteWorker>()
  /** The hosts that hold nothing of this program but what it has given to its workers since they were announced. */
  readonly #hosts = new Set<string>()
  // The connection of a pool keeps no program alive: while a result is awaited, this does.
  readonly #alive = holdOpen()
  #joining: Promise<PoolPeer | undefined> | undefined
  #left: Promise<void> = Promise.resolve()
  #peer: PoolPeer | undefined
  #idle: NodeJS.Timeout | undefined
  #numbers = 0

  constructor(place: PoolPlace, events: WorkersEvents) {
    this.#place = place
    this.#events = events
    this.#alive.unref()
  }

  open(): void {
    cancel(this.#idle)
    this.#joining ??= this.#left.then(() => this.#join())
  }

  rest(): void {
    cancel(this.#idle)
    this.#idle = after(IDLE_MS, () => this.#leave())?.unref()
  }

  keepAlive(isNeeded: boolean): void {
    if (isNeeded) this.#alive.ref()
    else this.#alive.unref()
  }

  async close(): Promise<void> {
    cancel(this.#idle)
    cancel(this.#alive)
    this.#leave()
    await this.#left
  }

  async #join(): Promise<PoolPeer | undefined> {
    try {
      const peer = await PoolPeer.join(this.#place, 'maps', {
        messages: (from, messages) => this.#heard(from, messages as Addressed<WorkerMessage>[]),
        announced: (id, info) => this.#announced(id, info),
        gone: (id, hasVanished) => {
          this.#hosts.delete(id)
          this.#drop(worker => worker.host === id, hasVanished ? vanished : undefined)
        },
        missed: () => {
          this.#hosts.clear()
          this.#drop(() => true, undefined)
        },
        refused: (to, messages, error) => this.#refused(to, messages as Addressed<PoolMessage>[], error),
        failed: error => this.#failed(error),
      })
      this.#peer = peer
      // Workers that were announced before could not be written to yet.
      this.#events.heardAll()
      return peer
    } catch (error) {
      this.#failed(error as Error)
      return undefined
    }
  }

  #leave(): void {
    const joining = this.#joining
    this.#joining = undefined
    if (!joining) return
    this.#left = joining.then(peer => {
      this.#peer = undefined
      this.#hosts.clear()
      this.#drop(() => true, undefined)
      return peer?.leave()
    })
  }

  #announced(host: string, { role, format, workers, host: machine, pid }: PeerInfo): void {
    if (role !== 'workers') return
    if (format !== FORMAT) {
      if (this.#workers.size > 0) return
      const words = `the workers of process ${pid} on ${machine} are of another version of zproc`
      return this.#events.failed(new ZprocError(`ctx.processMap: ${words}; install the same on both sides`))
    }
    if (!this.#hosts.has(host)) {
      // One that was only blocked, or that cannot be heard for a time, still runs what it was given before.
      this.#peer?.send(host, [0, [ToWorker.drop]])
      this.#hosts.add(host)
    }
    for (const number of workers) {
      const name = nameOf(host, number)
      if (this.#workers.has(name)) continue
      const worker = this.#workerAt(host, number)
      this.#workers.set(name, worker)
      this.#events.joined(worker)
    }
    this.#events.heardAll()
  }

  #workerAt(host: string, worker: number): RemoteWorker {
    const tell = (message: PoolMessage) => this.#peer?.send(host, [worker, message])
    const channel = { send: tell, sendNow: tell, flush: () => {} }
    const name = nameOf(host, worker)
    const hasJoined = () => this.#peer !== undefined && this.#workers.has(name)
    return {
      number: ++this.#numbers,
      host,
      worker,
      get channel() {
        return hasJoined() ? channel : undefined
      },
      kill: () => {
        tell([ToWorker.kill])
        this.#workers.delete(name)
      },
    }
  }

  #heard(host: string, messages: Addressed<WorkerMessage>[]): void {
    for (const [number, message] of messages) {
      const worker = this.#workers.get(nameOf(host, number))
      if (!worker) continue
      if (message[0] === FromWorker.gone) this.#drop(one => one === worker, message[1] ?? undefined)
      else this.#events.heard(worker, message)
    }
    this.#events.heardAll()
  }

  #drop(isGone: (worker: RemoteWorker) => boolean, end: WorkerEnd | undefined): void {
    const gone = [...this.#workers].filter(([, worker]) => isGone(worker))
    // All at once: what one of them held is not to be given to another.
    for (const [name] of gone) this.#workers.delete(name)
    for (const [, worker] of gone) this.#events.gone(worker, end)
  }

  // The chunk was not sent: its job gets the error.
  #refused(host: string, messages: Addressed<PoolMessage>[], error: Error): void {
    for (const [number, message] of messages) {
      const worker = this.#workers.get(nameOf(host, number))
      if (!worker) continue
      if (message[0] === ToWorker.job) this.#events.failed(error)
      if (message[0] === ToWorker.chunk) {
        const nothing = listToWire([], 'processMap', 'results')
        this.#events.heard(worker, [FromWorker.failed, message[2], nothing, 0, errorToWire(error)])
      }
    }
    this.#events.heardAll()
  }

  #failed(error: Error): void {
    this.#events.failed(error)
    this.#leave()
  }
}

const vanished: WorkerEnd = {
  reason: 'was on a machine that stopped responding',
  exitCode: null,
  signal: null,
  stderr: '',
}

const nameOf = (host: string, worker: number): string => `${worker} ${host}`
