import { availableParallelism } from 'node:os'
import { after, cancel, soon } from '../async/interval.ts'
import { TimeoutError } from '../errors.ts'
import type { Process } from '../process/process.ts'
import { errorFromWire } from '../protocol/values.ts'
import type { Chunk } from './chunk.ts'
import type { Crew, CrewEvents, Desk } from './crew.ts'
import { Did, Do, type PoolMessage, type WorkerMessage } from './messages.ts'
import type { Run } from './run.ts'

// Milliseconds: a surplus worker that is not needed ends; a cancelled chunk that does not end costs its worker.
const IDLE = 5_000
const GRACE = 1000

interface Worker {
  desk: Desk
  /** The map that it was started for, where that wanted workers of its own. */
  madeFor: Run | undefined
  /** What it has in hand, by the chunk's number on this worker; the first is what it is at. */
  hand: Map<number, { run: Run; chunk: Chunk; timer: NodeJS.Timeout | undefined }>
  tasks: Set<Run>
  idle: NodeJS.Timeout | undefined
}

/** The workers of a context, wherever they come from, shared by its maps. */
export class Pool {
  readonly #crew: Crew
  readonly #workers = new Map<Desk, Worker>()
  readonly #runs = new Set<Run>()
  #numbers = 0
  #chunks = 0
  #awaited = 0
  #closed = false

  constructor(crewFor: (events: CrewEvents) => Crew) {
    this.#crew = crewFor({
      joined: desk => {
        if (!this.#workers.has(desk)) this.#add(desk, undefined)
      },
      heard: (desk, message) => {
        const worker = this.#workers.get(desk)
        if (worker) this.#heard(worker, message)
      },
      heardAll: () => this.dispatch(),
      gone: (desk, guilty) => {
        const worker = this.#workers.get(desk)
        if (worker) this.#gone(worker, guilty)
      },
      failed: error => {
        for (const run of [...this.#runs]) run.stopped(error)
      },
    })
  }

  get processes(): Process[] {
    return [...this.#workers.values()].flatMap(({ desk }) => desk.process ?? [])
  }

  nextNumber(): number {
    return ++this.#numbers
  }

  begin(run: Run): void {
    if (run.exhausted) return
    const { fresh, limit } = run.settings
    this.#runs.add(run)
    this.#crew.begin()
    if (this.#crew.start) {
      const missing = fresh ? limit : limit - this.#workers.size
      for (let i = 0; i < missing; i++) this.#start(fresh ? run : undefined)
    }
    this.dispatch()
  }

  /** Nothing more of it is wanted: what runs is told, and after a while killed. */
  finish(run: Run): void {
    if (!this.#runs.delete(run)) return
    for (const worker of this.#workers.values()) {
      if (worker.madeFor === run) worker.madeFor = undefined
      if (!worker.tasks.delete(run)) continue
      const mine = [...worker.hand].filter(([, held]) => held.run === run)
      if (mine.length > 0) {
        this.#tell(worker, [Do.cancel, run.number])
        // What waits behind another map's chunk is dropped when its turn comes; only what runs has to be ended.
        const late = () => {
          const [current] = worker.hand.keys()
          if (mine.some(([number]) => number === current)) this.#kill(worker)
        }
        if (!this.#closed) after(GRACE, late)?.unref()
      }
      this.#tell(worker, [Do.forget, run.number])
    }
    if (this.#runs.size === 0) this.#crew.rest?.()
    this.dispatch()
  }

  /** Gives every worker that can take some a chunk of the map that has the fewest under way. */
  dispatch(): void {
    if (this.#closed) return
    for (const run of this.#runs) run.workers = this.#workers.size
    for (const worker of this.#workers.values()) {
      if (!worker.desk.channel) continue
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
    this.#crew.awaiting(this.#awaited > 0)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const run of [...this.#runs]) run.stop('its Context was closed before the map was at its end')
    await this.#crew.close()
    this.#workers.clear()
  }

  #pick(worker: Worker): { run: Run; chunk: Chunk } | undefined {
    // Nothing is to wait behind what may take long.
    for (const { run } of worker.hand.values()) if (run.ahead === 1 || run.ended) return undefined
    const runs = [...this.#runs].sort((a, b) => a.running - b.running)
    for (const run of runs) {
      if (worker.hand.size >= run.ahead) continue
      if (run.settings.fresh && worker.madeFor !== run) continue
      if (!this.#mayUse(run, worker)) continue
      const chunk = run.take()
      if (chunk) return { run, chunk }
    }
    return undefined
  }

  /** Whether one more worker at it is not one too many. */
  #mayUse(run: Run, worker: Worker): boolean {
    const at = ({ hand }: Worker) => [...hand.values()].some(held => held.run === run)
    if (run.running < run.settings.limit || at(worker)) return true
    let others = 0
    for (const other of this.#workers.values()) if (at(other)) others++
    return others < run.settings.limit
  }

  #give(worker: Worker, run: Run, chunk: Chunk): void {
    cancel(worker.idle)
    worker.idle = undefined
    if (!worker.tasks.has(run)) {
      worker.tasks.add(run)
      const { target, shape, copy } = run.settings
      this.#tell(worker, [Do.task, run.number, target, shape, copy])
    }
    const number = ++this.#chunks
    worker.hand.set(number, { run, chunk, timer: undefined })
    this.#tell(worker, [Do.chunk, run.number, number, chunk.items])
    worker.desk.channel?.flush()
  }

  #tell(worker: Worker, message: PoolMessage): void {
    worker.desk.channel?.send(message)
  }

  #start(madeFor: Run | undefined): void {
    const desk = this.#crew.start?.()
    if (desk) this.#add(desk, madeFor)
  }

  #add(desk: Desk, madeFor: Run | undefined): void {
    this.#workers.set(desk, { desk, madeFor, hand: new Map(), tasks: new Set(), idle: undefined })
  }

  #heard(worker: Worker, message: WorkerMessage): void {
    if (message[0] === Did.join || message[0] === Did.gone) return
    const number = message[1]
    const held = worker.hand.get(number)
    if (!held) return
    const { run, chunk } = held
    if (message[0] === Did.begun) {
      held.timer = after(run.settings.timeout, () => soon(() => this.#late(worker, number)))
      return
    }
    worker.hand.delete(number)
    cancel(held.timer)
    if (message[0] === Did.done) run.finished(chunk, message[2], message[3], message[4])
    else if (message[0] === Did.failed) run.failed(chunk, message[2], message[3], errorFromWire(message[4]))
    else run.dropped()
    if (run.exhausted) this.finish(run)
  }

  // Called a turn after the time was up: an answer that had come by then has been read.
  #late(worker: Worker, number: number): void {
    const held = worker.hand.get(number)
    if (!held) return
    const { run, chunk } = held
    worker.hand.delete(number)
    this.#kill(worker)
    const { timeout } = run.settings
    run.late(chunk, new TimeoutError(`ctx.processMap: item ${chunk.first} took more than ${timeout} ms`))
  }

  #kill(worker: Worker): void {
    worker.desk.kill()
    this.#gone(worker, false)
  }

  // A worker that died is replaced; what it had in hand is another's.
  #gone(worker: Worker, guilty = true): void {
    if (!this.#workers.delete(worker.desk)) return
    cancel(worker.idle)
    if (this.#closed) return
    const { madeFor } = worker
    const wanted = Math.max(0, ...[...this.#runs].map(({ settings }) => settings.limit))
    if (madeFor || !guilty || this.#workers.size < wanted) this.#start(madeFor)
    let isFirst = true
    for (const { run, chunk, timer } of worker.hand.values()) {
      cancel(timer)
      run.lost(chunk, guilty && isFirst)
      isFirst = false
    }
    worker.hand.clear()
    this.dispatch()
  }

  #rest(worker: Worker): void {
    if (!this.#crew.release) return
    const isSurplus = () => this.#workers.size > availableParallelism() && !worker.madeFor
    if (worker.idle || !isSurplus()) return
    worker.idle = after(IDLE, () => {
      worker.idle = undefined
      if (!isSurplus()) return
      this.#workers.delete(worker.desk)
      this.#crew.release?.(worker.desk)
    })
    worker.idle?.unref()
  }
}
