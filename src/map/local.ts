import { rmSync } from 'node:fs'
import { createServer, type Server as NetServer } from 'node:net'
import { microtask } from '../async/interval.ts'
import { ZprocError } from '../errors.ts'
import { sweepAtEnd } from '../lifeline/guard.ts'
import type { Process } from '../process/process.ts'
import { parseAddress, randomIpcAddress } from '../protocol/address.ts'
import { Channel } from '../transport/channel.ts'
import type { Crew, CrewEvents, Desk } from './crew.ts'
import { Did, type WorkerMessage } from './messages.ts'

// So many workers in a row may end before they have joined.
const BOOTS = 3

/** Starts the process of one worker, which is to join at `path` as number `worker`. `ended` hears of its end. */
export type MakeWorker = (
  path: string,
  worker: number,
  ended: (end: { reason: string; error: unknown }) => void,
) => Process

interface LocalDesk extends Desk {
  readonly process: Process
  channel: Channel | undefined
}

/** Workers that are processes of this program, each with a connection to it. */
export class LocalCrew implements Crew {
  readonly #make: MakeWorker
  readonly #events: CrewEvents
  readonly #desks = new Map<number, LocalDesk>()
  #numbers = 0
  #failedBoots = 0
  #server: NetServer | undefined
  #path = ''
  #forget: () => void = () => {}
  #isAwaited = false

  constructor(make: MakeWorker, events: CrewEvents) {
    this.#make = make
    this.#events = events
  }

  start(): LocalDesk {
    this.begin()
    const number = ++this.#numbers
    // It may be over within the call.
    const made = this.#make(this.#path, number, end => microtask(() => this.#ended(number, end)))
    const desk: LocalDesk = { number, process: made, channel: undefined, kill: () => this.#kill(desk) }
    this.#desks.set(number, desk)
    return desk
  }

  release(desk: LocalDesk): void {
    this.#desks.delete(desk.number)
    desk.channel?.end()
  }

  awaiting(isAwaited: boolean): void {
    this.#isAwaited = isAwaited
    if (isAwaited) this.#server?.ref()
    else this.#server?.unref()
  }

  async close(): Promise<void> {
    const desks = [...this.#desks.values()]
    this.#desks.clear()
    for (const desk of desks) desk.channel?.destroy()
    await Promise.all(desks.map(desk => desk.process.stop()))
    this.#server?.close()
    if (this.#path) rmSync(this.#path, { force: true })
    this.#forget()
  }

  begin(): void {
    if (this.#server) return
    const endpoint = parseAddress(randomIpcAddress(), 'processMap')
    if (endpoint.kind !== 'ipc') throw new Error('a pool listens on a local socket')
    this.#path = endpoint.path
    if (process.platform !== 'win32') this.#forget = sweepAtEnd(this.#path)
    this.#server = createServer(socket => {
      let desk: LocalDesk | undefined
      const channel = Channel.over(socket, {
        frame: messages => {
          for (const message of messages as WorkerMessage[]) {
            if (message[0] === Did.join) {
              desk = this.#desks.get(message[1])
              if (!desk) return channel.destroy()
              desk.channel = channel
              this.#failedBoots = 0
              this.#events.joined(desk)
            } else if (desk && this.#desks.has(desk.number)) this.#events.heard(desk, message)
          }
          this.#events.heardAll()
        },
        lost: () => desk && this.#gone(desk),
      })
      socket.unref()
    }).listen(this.#path)
    if (!this.#isAwaited) this.#server.unref()
  }

  // Stopped, not just killed: its end is no news to anybody.
  #kill(desk: LocalDesk): void {
    this.#desks.delete(desk.number)
    void desk.process.stop({ killAfter: 0 })
    desk.channel?.destroy()
  }

  // The end of a worker that has joined is told by its channel, after all that it said.
  #ended(number: number, { reason, error }: { reason: string; error: unknown }): void {
    const desk = this.#desks.get(number)
    if (!desk || desk.channel) return
    if (++this.#failedBoots >= BOOTS) {
      this.#failedBoots = 0
      const words = `ctx.processMap: its workers end before they can work: ${reason}`
      this.#events.failed(new ZprocError(words, { cause: error }))
    }
    this.#gone(desk)
  }

  #gone(desk: LocalDesk): void {
    if (!this.#desks.delete(desk.number)) return
    desk.channel?.destroy()
    this.#events.gone(desk, true)
  }
}
