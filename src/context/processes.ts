import { ConnectionError } from '../errors.ts'
import type { MakeWorker } from '../map/local.ts'
import type { Target, WatchAssignment } from '../process/assignment.ts'
import { type ProcessOptions, readProcessOptions } from '../process/options.ts'
import { type InnerProcessOptions, Process } from '../process/process.ts'
import { Spares } from '../process/spares.ts'
import { derivedKey } from '../transport/key.ts'
import type { Events } from './events.ts'
import type { Settings } from './options.ts'

const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
const contextModule = new URL(`../context/context${ending}`, import.meta.url).href
const workerModule = new URL(`../map/worker${ending}`, import.meta.url)

/** A Context's processes, those of its calls and workers of its maps included: what they have in common. */
export class Processes {
  /** Those that were asked for by name, in order. */
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
    const key = secretKey === undefined ? undefined : derivedKey(secretKey)
    this.#spares = new Spares(settings.spares, { address, namespace, secretKey, key, connectTimeout })
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
    if (this.#closed) throw new ConnectionError(`${call}: this Context is closed`)
    const own = readProcessOptions(options, call)
    const { defaults, wait } = this.#settings
    const inner = {
      ...this.#inner(call),
      watch: watch?.(),
      hold: () => wait || this.#events.awaited,
    }
    const started = new Process(target, this.#address, { ...defaults, ...own }, inner)
    this.list.push(started)
    return started
  }

  /** A worker for maps: the pool has it run its tasks, and replaces it. */
  worker(path: string, worker: number, ended: Parameters<MakeWorker>[2]): Process {
    const options: ProcessOptions = {
      ...this.#settings.defaults,
      // What the defaults say of targets is not said of this one.
      args: [path, worker],
      kwargs: undefined,
      stateful: true,
      passContext: false,
      retryFor: undefined,
      start: true,
      name: `worker ${worker}`,
    }
    const inner: InnerProcessOptions = {
      ...this.#inner('ctx.processMap'),
      observe: event => {
        this.#events.add(event)
        if (event.type === 'exited') ended(event)
      },
    }
    return new Process(workerModule, this.#address, options, inner)
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
      observe: event => this.#events.add(event),
    }
  }
}
