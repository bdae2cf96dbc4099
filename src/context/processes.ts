import { ownModule } from '../async/home.ts'
import { ClosedError } from '../errors.ts'
import type { MakeWorker } from '../map/local-workers.ts'
import { startWorker } from '../map/start-worker.ts'
import type { Target, WatchAssignment } from '../process/assignment.ts'
import { type ProcessOptions, readProcessOptions } from '../process/options.ts'
import { type InnerProcessOptions, isDealtWith, Process } from '../process/process.ts'
import { Spares } from '../process/spares.ts'
import { knownKeys } from '../transport/key.ts'
import type { Events } from './events.ts'
import type { Settings } from './options.ts'

const contextModule = ownModule('context/context').href

/** A Context's processes, those of its calls and workers of its maps included: what they have in common. */
export class Processes {
  /** Those that were asked for by name, in order: until they have ended, their end was told by `wait()`, and another starts. */
  readonly list: Process[] = []
  readonly #address: string
  readonly #events: Events
  readonly #settings: Settings
  readonly #spares: Spares
  /** What they wait for before they run; undefined once the server is there. */
  #ready: Promise<unknown> | undefined
  #closed = false

  constructor(address: string, settings: Settings, ready: Promise<unknown> | undefined, events: Events) {
    this.#address = address
    this.#settings = settings
    const { namespace, secretKey, connectTimeout } = settings
    this.#spares = new Spares(settings.spares, () => {
      const keys = secretKey === undefined ? [] : knownKeys(secretKey)
      return { address, namespace, secretKey, keys, connectTimeout }
    })
    this.#events = events
    this.#ready = ready
    ready?.then(
      () => {
        this.#ready = undefined
      },
      () => {},
    )
  }

  start(target: Target, options: ProcessOptions = {}, call: string, watch?: () => WatchAssignment): Process {
    if (this.#closed) throw new ClosedError(`${call}: this Context is closed`)
    const own = readProcessOptions(options, call)
    const { defaults, wait } = this.#settings
    const inner = {
      ...this.#inner(call),
      watch: watch?.(),
      hold: () => wait || this.#events.awaited,
    }
    const started = new Process(target, this.#address, { ...defaults, ...own }, inner)
    this.#letGo()
    this.list.push(started)
    return started
  }

  /** Those that have ended, and whose end somebody was told, are forgotten: their values, too. */
  #letGo(): void {
    const { list } = this
    let kept = 0
    for (const process of list) if (!isDealtWith(process)) list[kept++] = process
    list.length = kept
  }

  /** Starts a worker of the pool. */
  worker(path: string, worker: number, ended: Parameters<MakeWorker>[2]): Process {
    // Workers are started seldom, and spares are children whose stderr is not read here.
    const inner = { ...this.#inner('ctx.processMap'), spares: undefined }
    return startWorker(this.#address, this.#settings.defaults, inner, path, worker, ended)
  }

  /** Stops those of the list; no more are started. */
  async close(): Promise<void> {
    this.#closed = true
    this.#spares.close()
    await Promise.all(this.list.map(process => process.stop()))
  }

  #inner(call: string): InnerProcessOptions {
    return {
      call,
      ready: this.#ready,
      contextModule,
      tied: this.#settings.cleanup,
      hold: () => this.#events.awaited,
      spares: this.#spares,
      logger: this.#settings.logger,
      observe: event => this.#events.add(event),
    }
  }
}
