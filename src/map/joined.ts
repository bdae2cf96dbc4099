import { after, cancel, holdOpen } from '../async/interval.ts'
import { ZprocError } from '../errors.ts'
import { errorToWire } from '../protocol/values.ts'
import type { Crew, CrewEvents, Desk } from './crew.ts'
import { type Card, FORMAT, Member, type Place } from './member.ts'
import { Did, Do, type Letter, listToWire, type PoolMessage, type WorkerMessage } from './messages.ts'

// Milliseconds without a map after which it takes no part in the pool any more.
const IDLE = 5000

interface JoinedDesk extends Desk {
  station: string
  /** Its number there. */
  worker: number
}

/** Workers that have joined the pool of a namespace, on whatever machines: `zproc worker` starts them. */
export class JoinedCrew implements Crew {
  readonly #place: Place
  readonly #events: CrewEvents
  readonly #desks = new Map<string, JoinedDesk>()
  // The keys of a pool say nothing of this program: while a map is awaited, this keeps it alive.
  readonly #alive = holdOpen()
  #joining: Promise<Member | undefined> | undefined
  #left: Promise<void> = Promise.resolve()
  #member: Member | undefined
  #idle: NodeJS.Timeout | undefined
  #numbers = 0

  constructor(place: Place, events: CrewEvents) {
    this.#place = place
    this.#events = events
    this.#alive.unref()
  }

  begin(): void {
    cancel(this.#idle)
    this.#joining ??= this.#left.then(() => this.#join())
  }

  rest(): void {
    cancel(this.#idle)
    this.#idle = after(IDLE, () => this.#leave())?.unref()
  }

  awaiting(isAwaited: boolean): void {
    if (isAwaited) this.#alive.ref()
    else this.#alive.unref()
  }

  async close(): Promise<void> {
    cancel(this.#idle)
    cancel(this.#alive)
    this.#leave()
    await this.#left
  }

  async #join(): Promise<Member | undefined> {
    try {
      const member = await Member.join(this.#place, 'maps', {
        letters: (from, letters) => this.#letters(from, letters as Letter<WorkerMessage>[]),
        present: (id, card) => this.#present(id, card),
        gone: (id, vanished) => this.#drop(desk => desk.station === id, vanished),
        missed: () => this.#drop(() => true, false),
        refused: (to, letters, error) => this.#refused(to, letters, error),
        failed: error => this.#failed(error),
      })
      this.#member = member
      // Whoever was seen on the way in could not be written to yet.
      this.#events.heardAll()
      return member
    } catch (error) {
      this.#failed(error as Error)
      return undefined
    }
  }

  #leave(): void {
    const joining = this.#joining
    this.#joining = undefined
    if (!joining) return
    this.#left = joining.then(member => {
      this.#member = undefined
      this.#drop(() => true, false)
      return member?.leave()
    })
  }

  #present(station: string, { role, format, workers, host, pid }: Card): void {
    if (role !== 'workers') return
    if (format !== FORMAT) {
      if (this.#desks.size > 0) return
      const words = `the workers of process ${pid} on ${host} are of another version of zproc`
      return this.#events.failed(new ZprocError(`ctx.processMap: ${words}; install the same on both sides`))
    }
    for (const worker of workers) {
      const name = nameOf(station, worker)
      if (this.#desks.has(name)) continue
      const desk = this.#deskFor(station, worker)
      this.#desks.set(name, desk)
      this.#events.joined(desk)
    }
    this.#events.heardAll()
  }

  #deskFor(station: string, worker: number): JoinedDesk {
    const tell = (message: PoolMessage) => this.#member?.send(station, [worker, message])
    const channel = { send: tell, flush: () => {} }
    const name = nameOf(station, worker)
    const isIn = () => this.#member !== undefined && this.#desks.has(name)
    return {
      number: ++this.#numbers,
      station,
      worker,
      get channel() {
        return isIn() ? channel : undefined
      },
      kill: () => {
        tell([Do.kill])
        this.#desks.delete(name)
      },
    }
  }

  #letters(station: string, letters: Letter<WorkerMessage>[]): void {
    for (const [worker, message] of letters) {
      const desk = this.#desks.get(nameOf(station, worker))
      if (!desk) continue
      if (message[0] === Did.gone) this.#drop(one => one === desk, message[1])
      else this.#events.heard(desk, message)
    }
    this.#events.heardAll()
  }

  #drop(isGone: (desk: JoinedDesk) => boolean, guilty: boolean): void {
    const gone = [...this.#desks].filter(([, desk]) => isGone(desk))
    // All at once: what one of them had in hand is not to be given to another.
    for (const [name] of gone) this.#desks.delete(name)
    for (const [, desk] of gone) this.#events.gone(desk, guilty)
  }

  // Nobody was told of the chunk: whoever waits for it is.
  #refused(station: string, letters: Letter[], error: Error): void {
    for (const [worker, message] of letters as Letter<PoolMessage>[]) {
      const desk = this.#desks.get(nameOf(station, worker))
      if (!desk || message[0] === Do.kill) continue
      if (message[0] === Do.task) this.#events.failed(error)
      if (message[0] === Do.chunk)
        this.#events.heard(desk, [
          Did.failed,
          message[2],
          listToWire([], 'processMap', 'results'),
          0,
          errorToWire(error),
        ])
    }
    this.#events.heardAll()
  }

  #failed(error: Error): void {
    this.#events.failed(error)
    this.#leave()
  }
}

const nameOf = (station: string, worker: number): string => `${worker} ${station}`
