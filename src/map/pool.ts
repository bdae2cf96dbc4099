import { rmSync } from 'node:fs'
import { createServer, type Server as NetServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { after } from '../async/interval.ts'
import { TimeoutError } from '../errors.ts'
import { unlinkAtEnd } from '../lifeline/guard.ts'
import type { Process } from '../process/process.ts'
import { parseAddress, randomIpcAddress } from '../protocol/address.ts'
import { errorFromWire } from '../protocol/values.ts'
import { Channel } from '../transport/channel.ts'
import { Did, Do, type PoolMessage, type WorkerMessage } from './messages.ts'
import type { Chunk, Run } from './run.ts'

// Milliseconds: a surplus worker that is not needed ends; a cancelled chunk that does not end costs its worker.
const IDLE = 10_000
const GRACE = 1000

/** Starts the process of one worker, which is to join at `path` as number `worker`. */
export type MakeWorker = (path: string, worker: number) => Process

interface Worker {
  number: number
  process: Process
  channel: Channel | undefined
  /** What it has in hand, by the chunk's number on this worker. */
  hand: Map<number, { run: Run; chunk: Chunk; timer: NodeJS.Timeout | undefined }>
  tasks: Set<Run>
  idle: NodeJS.Timeout | undefined
}

/** The workers of a context, shared by its maps. */
export class Pool {
  readonly #make: MakeWorker
  readonly #workers = new Map<number, Worker>()
  readonly #runs = new Set<Run>()
  #numbers = 0
  #chunks = 0
  #server: NetServer | undefined
  #path = ''
  #forget: () => void = () => {}
  #awaited = 0
  #closed = false

  constructor(make: MakeWorker) {
    this.#make = make
  }

  get processes(): Process[] {
    return [...this.#workers.values()].map(({ process }) => process)
  }

  nextNumber(): number {
    return ++this.#numbers
  }

  begin(run: Run, fresh: boolean): void {
    this.#runs.add(run)
    this.#listen()
    const missing = fresh ? run.limit : run.limit - this.#workers.size
    for (let i = 0; i < missing; i++) this.#start()
    this.dispatch()
  }

  /** Nothing more of it is wanted: what runs is told, and after a while killed. */
  finish(run: Run): void {
    if (!this.#runs.delete(run)) return
    for (const worker of this.#workers.values()) {
      if (!worker.tasks.delete(run)) continue
      const mine = [...worker.hand].filter(([, held]) => held.run === run)
      if (mine.length > 0) {
        this.#tell(worker, [Do.cancel, run.number])
        const timer = setTimeout(() => {
          if (mine.some(([number]) => worker.hand.has(number))) this.#kill(worker)
        }, GRACE)
        timer.unref()
      }
      this.#tell(worker, [Do.forget, run.number])
    }
    this.dispatch()
  }

  /** Gives every worker that can take some a chunk of the map that has the fewest under way. */
  dispatch(): void {
    if (this.#closed) return
    for (const worker of this.#workers.values()) {
      if (!worker.channel) continue
      for (;;) {
        const given = this.#pick(worker)
        if (!given) break
        this.#give(worker, given.run, given.chunk)
      }
      if (worker.hand.size === 0) this.#rest(worker)
    }
  }

  /** While somebody awaits a map, the program goes on. */
  awaiting(change: 1 | -1): void {
    this.#awaited += change
    if (this.#awaited > 0) this.#server?.ref()
    else this.#server?.unref()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const run of [...this.#runs]) this.finish(run)
    const workers = [...this.#workers.values()]
    for (const worker of workers) worker.channel?.destroy()
    await Promise.all(workers.map(({ process }) => process.stop()))
    this.#server?.close()
    if (this.#path) rmSync(this.#path, { force: true })
    this.#forget()
  }

  #pick(worker: Worker): { run: Run; chunk: Chunk } | undefined {
    const runs = [...this.#runs].sort((a, b) => a.running - b.running)
    for (const run of runs) {
      if (worker.hand.size >= run.ahead) continue
      const chunk = run.take()
      if (chunk) return { run, chunk }
    }
    return undefined
  }

  #give(worker: Worker, run: Run, chunk: Chunk): void {
    clearTimeout(worker.idle)
    worker.idle = undefined
    if (!worker.tasks.has(run)) {
      worker.tasks.add(run)
      this.#tell(worker, [Do.task, run.number, run.target, run.shape])
    }
    const number = ++this.#chunks
    const timer = after(run.timeout, () => {
      worker.hand.delete(number)
      const error = new TimeoutError(`processMap: item ${chunk.first} took over ${run.timeout} ms`)
      run.late(chunk, error)
      this.#kill(worker)
    })
    worker.hand.set(number, { run, chunk, timer })
    this.#tell(worker, [Do.chunk, run.number, number, chunk.items])
    worker.channel?.flush()
  }

  #tell(worker: Worker, message: PoolMessage): void {
    worker.channel?.send(message)
  }

  #listen(): void {
    if (this.#server) return
    const endpoint = parseAddress(randomIpcAddress(), 'processMap')
    if (endpoint.kind !== 'ipc') throw new Error('a pool listens on a local socket')
    this.#path = endpoint.path
    if (process.platform !== 'win32') this.#forget = unlinkAtEnd(this.#path)
    this.#server = createServer(socket => {
      let worker: Worker | undefined
      const channel = new Channel(socket, 2 ** 32, {
        frame: messages => {
          for (const message of messages as WorkerMessage[]) {
            if (message[0] === Did.join) {
              worker = this.#workers.get(message[1])
              if (worker) worker.channel = channel
            } else if (worker) this.#heard(worker, message)
          }
          this.dispatch()
        },
        closed: () => worker && this.#gone(worker),
      })
      socket.unref()
    }).listen(this.#path)
    if (this.#awaited === 0) this.#server.unref()
  }

  #start(): void {
    const number = ++this.#numbers
    const made = this.#make(this.#path, number)
    const worker: Worker = {
      number,
      process: made,
      channel: undefined,
      hand: new Map(),
      tasks: new Set(),
      idle: undefined,
    }
    this.#workers.set(number, worker)
  }

  #heard(worker: Worker, message: WorkerMessage): void {
    const number = message[1]
    const held = worker.hand.get(number)
    if (!held) return
    worker.hand.delete(number)
    clearTimeout(held.timer)
    const { run, chunk } = held
    if (message[0] === Did.done) run.finished(chunk, message[2], message[3], message[4])
    else if (message[0] === Did.failed) run.failed(chunk, message[2], message[3], errorFromWire(message[4]))
    else run.dropped()
  }

  #kill(worker: Worker): void {
    const { pid } = worker.process
    if (pid !== undefined && worker.process.isAlive) process.kill(pid, 'SIGKILL')
    this.#gone(worker)
  }

  // A worker that died is replaced; what it had in hand is another's.
  #gone(worker: Worker): void {
    if (!this.#workers.delete(worker.number)) return
    clearTimeout(worker.idle)
    worker.channel?.destroy()
    if (this.#closed) return
    for (const { run, chunk, timer } of worker.hand.values()) {
      clearTimeout(timer)
      run.lost(chunk)
    }
    const wanted = Math.max(0, ...[...this.#runs].map(run => run.limit))
    if (this.#workers.size < wanted) this.#start()
    this.dispatch()
  }

  #rest(worker: Worker): void {
    if (worker.idle || this.#workers.size <= availableParallelism()) return
    worker.idle = setTimeout(() => {
      this.#workers.delete(worker.number)
      worker.channel?.end()
    }, IDLE)
    worker.idle.unref()
  }
}
