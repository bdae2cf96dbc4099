import { rmSync } from 'node:fs'
import { createServer, type Server as NetServer } from 'node:net'
import { after, cancel, microtask, soon } from '../async/interval.ts'
import { outside } from '../async/outside.ts'
import { ZprocError } from '../errors.ts'
import { sweepAtEnd } from '../lifeline/guard.ts'
import type { Process } from '../process/process.ts'
import { parseAddress, randomIpcAddress } from '../protocol/address.ts'
import { Channel } from '../transport/channel.ts'
import { sharing } from '../transport/secure.ts'
import { FromWorker, type WorkerEnd, type WorkerMessage } from './messages.ts'
import type { WorkerHandle, Workers, WorkersEvents } from './workers.ts'

// With this many workers in a row that ended during startup, the jobs fail.
const FAILED_STARTS = 3
// A worker that has closed its channel and has not exited after this many milliseconds is killed.
const EXIT_MS = 1000

/** Starts the process of one worker, which connects to `path` as number `worker`. `ended` is called when it has exited. */
export type MakeWorker = (
  path: string,
  worker: number,
  ended: (end: WorkerEnd & { error: unknown }) => void,
) => Process

const UNREACHED: WorkerEnd = { reason: 'was not reached', exitCode: null, signal: null, stderr: '' }

interface LocalWorker extends WorkerHandle {
  readonly process: Process
  channel: Channel | undefined
  hasJoined: boolean
  exit: NodeJS.Timeout | undefined
}

/** Workers that are processes of this program, each with a connection to it. */
export class LocalWorkers implements Workers {
  readonly #make: MakeWorker
  readonly #events: WorkersEvents
  readonly #workers = new Map<number, LocalWorker>()
  #numbers = 0
  #failedStarts = 0
  #server: NetServer | undefined
  #path = ''
  #keepFile: () => void = () => {}
  #isNeeded = false

  constructor(make: MakeWorker, events: WorkersEvents) {
    this.#make = make
    this.#events = events
  }

  start(): LocalWorker {
    this.open()
    const number = ++this.#numbers
    // It may be over within the call.
    const made = this.#make(this.#path, number, end => microtask(() => this.#exited(number, end)))
    const worker: LocalWorker = {
      number,
      process: made,
      channel: undefined,
      hasJoined: false,
      exit: undefined,
      kill: () => this.#kill(worker),
    }
    this.#workers.set(number, worker)
    return worker
  }

  release({ number }: WorkerHandle): void {
    const worker = this.#workers.get(number)
    this.#workers.delete(number)
    worker?.channel?.end()
  }

  keepAlive(isNeeded: boolean): void {
    this.#isNeeded = isNeeded
    if (isNeeded) this.#server?.ref()
    else this.#server?.unref()
  }

  async close(): Promise<void> {
    const workers = [...this.#workers.values()]
    this.#workers.clear()
    for (const { channel, exit } of workers) {
      cancel(exit)
      channel?.destroy()
    }
    await Promise.all(workers.map(worker => worker.process.stop()))
    this.#server?.close()
    if (this.#path) rmSync(this.#path, { force: true })
    this.#keepFile()
  }

  open(): void {
    if (this.#server) return
    const endpoint = parseAddress(randomIpcAddress(), 'processMap')
    if (!('path' in endpoint.where)) throw new Error('a pool listens on a local socket')
    this.#path = endpoint.where.path
    if (endpoint.file !== undefined) this.#keepFile = sweepAtEnd(endpoint.file)
    this.#server = outside(() => this.#listen())
    if (!this.#isNeeded) this.#server.unref()
  }

  #listen(): NetServer {
    const server = createServer({ pauseOnConnect: true }, accepted => {
      const socket = sharing(accepted)
      let worker: LocalWorker | undefined
      const channel = Channel.over(socket, {
        frame: messages => {
          for (const message of messages as WorkerMessage[]) {
            if (message[0] === FromWorker.joined) {
              worker = this.#workers.get(message[1])
              if (!worker) return channel.destroy()
              worker.channel = channel
              worker.hasJoined = true
              this.#failedStarts = 0
              this.#events.joined(worker)
            } else if (worker && this.#workers.has(worker.number)) this.#events.heard(worker, message)
          }
          this.#events.heardAll()
        },
        lost: () => worker && this.#disconnected(worker),
      })
      socket.unref()
    })
    return server.once('error', error => this.#unheard(error)).listen(this.#path)
  }

  // The system refuses the socket: no worker can connect. The next job tries again.
  #unheard(cause: Error): void {
    this.#server = undefined
    this.#keepFile()
    const words = `ctx.processMap: the workers cannot be reached: ${cause.message}`
    this.#events.failed(new ZprocError(words, { cause }))
    for (const worker of [...this.#workers.values()]) {
      if (worker.hasJoined) continue
      this.#kill(worker)
      this.#events.gone(worker, UNREACHED)
    }
  }

  // Stopped, not just killed: its end is reported nowhere.
  #kill(worker: LocalWorker): void {
    this.#workers.delete(worker.number)
    cancel(worker.exit)
    void worker.process.stop({ killAfter: 0 })
    worker.channel?.destroy()
  }

  // All that it sent has been read. Its exit says how it ended.
  #disconnected(worker: LocalWorker): void {
    worker.channel = undefined
    if (!this.#workers.has(worker.number)) return
    if (worker.process.isAlive) worker.exit = after(EXIT_MS, () => void worker.process.stop({ killAfter: 0 }))
  }

  #exited(number: number, { error, ...end }: WorkerEnd & { error: unknown }): void {
    const worker = this.#workers.get(number)
    if (!worker) return
    // What it sent last may not have been read yet.
    if (worker.channel) return void soon(() => this.#exited(number, { error, ...end }))
    cancel(worker.exit)
    this.#workers.delete(number)
    if (!worker.hasJoined && ++this.#failedStarts >= FAILED_STARTS) {
      this.#failedStarts = 0
      const words = `ctx.processMap: ${FAILED_STARTS} workers in a row ended during startup: the last one ${end.reason}`
      this.#events.failed(new ZprocError(words, { cause: error }))
    }
    this.#events.gone(worker, end)
  }
}
