import { deferred } from '../async/deferred.ts'
import { after } from '../async/interval.ts'
import { ValueTooLargeError } from '../errors.ts'
import { Process } from '../process/process.ts'
import { errorToWire } from '../protocol/values.ts'
import type { Desk } from './crew.ts'
import { LocalCrew } from './local.ts'
import { type Card, FORMAT, Member, type Place } from './member.ts'
import { Did, Do, type Letter, listToWire, type PoolMessage, type WorkerMessage } from './messages.ts'

const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
const workerModule = new URL(`../map/worker${ending}`, import.meta.url)
// Milliseconds: what runs for somebody who is gone, and does not end, costs its worker.
const GRACE = 1000

export interface StationOptions extends Place {
  /** How many workers. */
  count: number
  /** Something is not as it should be, though work goes on. */
  warn(words: string): void
}

/** One of the workers, and what its maps gave it. Their numbers for tasks and chunks are their own. */
interface Bench {
  desk: Desk
  hand: Map<number, { owner: string; chunk: number }>
  tasks: Map<string, Map<number, number>>
}

/** Workers of this machine that take part in the pool of a namespace: whoever has maps there gives them work. */
export class Station {
  readonly #options: StationOptions
  readonly #crew: LocalCrew
  readonly #benches = new Map<number, Bench>()
  readonly #ready = deferred<void>()
  readonly #ended = deferred<void>()
  readonly #warned = new Set<string>()
  #member: Member | undefined
  #tasks = 0
  #chunks = 0
  #closed: Promise<void> | undefined

  /** Resolves when all workers have joined. */
  static async open(options: StationOptions): Promise<Station> {
    const station = new Station(options)
    try {
      await station.#open()
      return station
    } catch (error) {
      await station.close()
      throw error
    }
  }

  private constructor(options: StationOptions) {
    this.#options = options
    this.#ended.promise.catch(() => {})
    this.#ready.promise.catch(() => {})
    const make = (path: string, worker: number, ended: (end: { reason: string; error: unknown }) => void) => {
      const { address, namespace, secretKey, connectTimeout } = options
      const settings = {
        namespace,
        args: [path, worker],
        name: `worker ${worker}`,
        ...(secretKey && { secretKey }),
        ...(connectTimeout !== undefined && { connectTimeout }),
      }
      return new Process(workerModule, address, settings, {
        call: 'zproc worker',
        tied: true,
        observe: event => {
          if (event.type === 'exited') ended(event)
        },
      })
    }
    this.#crew = new LocalCrew(make, {
      joined: desk => this.#joined(desk),
      heard: (desk, message) => this.#heard(desk, message),
      heardAll: () => {},
      gone: (desk, guilty) => this.#over(desk.number, guilty),
      failed: error => this.#fail(error),
    })
  }

  /** Rejects when it cannot go on; resolves when it is closed. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Ends its workers; what they had in hand is others'. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #open(): Promise<void> {
    this.#member = await Member.join(this.#options, 'workers', {
      letters: (from, letters) => this.#take(from, letters as Letter<PoolMessage>[]),
      present: (id, card) => this.#look(id, card),
      gone: id => this.#drop(id),
      missed: () => {
        for (const owner of this.#owners()) this.#drop(owner)
      },
      refused: (to, letters, error) => this.#refused(to, letters as Letter<WorkerMessage>[], error),
      failed: error => this.#fail(error),
    })
    for (let i = 0; i < this.#options.count; i++) this.#crew.start()
    await this.#ready.promise
  }

  async #close(): Promise<void> {
    await this.#member?.leave()
    await this.#crew.close()
    this.#ended.resolve()
  }

  #fail(error: Error): void {
    this.#ready.reject(error)
    this.#ended.reject(error)
  }

  #joined(desk: Desk): void {
    this.#benches.set(desk.number, { desk, hand: new Map(), tasks: new Map() })
    this.#show()
    if (this.#benches.size === this.#options.count) this.#ready.resolve()
  }

  #show(): void {
    this.#member?.show([...this.#benches.keys()])
  }

  #look(id: string, { role, format, host, pid }: Card): void {
    if (format === FORMAT || role === 'workers' || this.#warned.has(id)) return
    this.#warned.add(id)
    this.#options.warn(`process ${pid} on ${host} has maps, but is of another version of zproc`)
  }

  #take(owner: string, letters: Letter<PoolMessage>[]): void {
    for (const [worker, message] of letters) {
      const bench = this.#benches.get(worker)
      if (!bench) this.#member?.send(owner, [worker, [Did.gone, false]])
      else if (message[0] === Do.kill) this.#end(bench)
      else this.#hand(bench, owner, message)
    }
    for (const { desk } of this.#benches.values()) desk.channel?.flush()
  }

  #hand({ desk, hand, tasks }: Bench, owner: string, message: PoolMessage): void {
    let mine = tasks.get(owner)
    if (!mine) {
      mine = new Map()
      tasks.set(owner, mine)
    }
    if (message[0] === Do.kill) return
    if (message[0] === Do.task) mine.set(message[1], ++this.#tasks)
    const task = mine.get(message[1])
    if (task === undefined) return
    if (message[0] === Do.forget && mine.delete(message[1]) && mine.size === 0) tasks.delete(owner)
    if (message[0] === Do.chunk) {
      const number = ++this.#chunks
      hand.set(number, { owner, chunk: message[2] })
      desk.channel?.send([Do.chunk, task, number, message[3]])
    } else if (message[0] === Do.task) desk.channel?.send([Do.task, task, message[2], message[3], message[4]])
    else desk.channel?.send([message[0], task])
  }

  #heard(desk: Desk, message: WorkerMessage): void {
    const number = message[1] as number
    const held = this.#benches.get(desk.number)?.hand.get(number)
    if (!held) return
    if (message[0] !== Did.begun) this.#benches.get(desk.number)?.hand.delete(number)
    message[1] = held.chunk
    this.#member?.send(held.owner, [desk.number, message])
  }

  #end(bench: Bench): void {
    bench.desk.kill()
    this.#over(bench.desk.number, false)
  }

  /** A worker is gone: those who had given it something hear of it, and another one takes its place. */
  #over(worker: number, guilty: boolean): void {
    if (this.#closed) return
    const bench = this.#benches.get(worker)
    this.#benches.delete(worker)
    if (bench) {
      const [first] = bench.hand.values()
      for (const owner of bench.tasks.keys())
        this.#member?.send(owner, [worker, [Did.gone, guilty && owner === first?.owner]])
      this.#show()
    }
    this.#crew.start()
  }

  /** Somebody with maps is gone, or has to begin anew: nothing of theirs goes on. */
  #drop(owner: string): void {
    for (const bench of this.#benches.values()) {
      const mine = bench.tasks.get(owner) ?? new Map<number, number>()
      const hasIts = [...bench.hand.values()].some(held => held.owner === owner)
      if (mine.size === 0 && !hasIts) continue
      bench.tasks.delete(owner)
      this.#member?.send(owner, [bench.desk.number, [Did.gone, false]])
      for (const task of mine.values()) {
        bench.desk.channel?.send([Do.cancel, task])
        bench.desk.channel?.send([Do.forget, task])
      }
      bench.desk.channel?.flush()
      const late = () => {
        const [first] = bench.hand.values()
        if (first?.owner === owner && this.#benches.get(bench.desk.number) === bench) this.#end(bench)
      }
      if (hasIts) after(GRACE, late)?.unref()
    }
  }

  #owners(): Set<string> {
    return new Set([...this.#benches.values()].flatMap(({ tasks }) => [...tasks.keys()]))
  }

  // Results that are too large are an error of their chunk.
  #refused(owner: string, letters: Letter<WorkerMessage>[], error: Error): void {
    for (const [worker, message] of letters) {
      if (message[0] === Did.gone) continue
      const failed = new ValueTooLargeError(`ctx.processMap: the results are too large: ${error.message}`)
      this.#member?.send(owner, [
        worker,
        [Did.failed, message[1], listToWire([], 'processMap', 'results'), 0, errorToWire(failed)],
      ])
    }
  }
}
