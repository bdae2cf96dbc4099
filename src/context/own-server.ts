import type { InspectOptionsStylized } from 'node:util'
import { deferred } from '../async/deferred.ts'
import { SHOWN, shown } from '../async/shown.ts'
import type { HungServer } from '../protocol/hung.ts'
import type { ServerSettings } from '../server/options.ts'
import { type InnerServer, type Server, serve } from '../server/start.ts'
import type { Settings } from './options.ts'

/** The server that a Context starts for itself: there at once, listening a moment later. It keeps nothing alive. */
export class OwnServer implements Server {
  readonly address: string
  readonly #ready: Promise<Server>
  #server: Server | undefined
  #hung = deferred<void>()

  constructor(address: string, settings: Settings, onHung: (hung: HungServer) => void) {
    this.address = address
    const server: ServerSettings = {
      ...settings.server,
      onHung: hung => {
        this.#hung.resolve()
        onHung(hung)
        settings.server.onHung?.(hung)
      },
    }
    const inner: InnerServer = {
      tied: settings.cleanup,
      picked: true,
      onGoesOn: () => {
        this.#hung = deferred()
      },
    }
    this.#ready = serve(address, server, inner).then(server => {
      this.#server = server
      server.unref()
      return server
    })
    this.#ready.catch(() => {})
  }

  get ready(): Promise<Server> {
    return this.#ready
  }

  /** Resolves when it is stuck: whoever waits for its answers may wait for ever. */
  get hung(): Promise<void> {
    return this.#hung.promise
  }

  /** Rejects when it could not be started. */
  get exited(): Server['exited'] {
    return this.#ready.then(server => server.exited)
  }

  /** NaN until it listens: as 0, `process.kill` would signal the program's own process group. */
  get pid(): number {
    return this.#server?.pid ?? Number.NaN
  }

  async stop(): Promise<void> {
    const server = await this.#ready.catch(() => undefined)
    await server?.stop()
  }

  async metrics(): Promise<string> {
    return (await this.#ready).metrics()
  }

  ref(): void {
    this.#server?.ref()
  }

  unref(): void {
    this.#server?.unref()
  }

  /** @internal */
  [SHOWN](depth: number, options: InspectOptionsStylized): string {
    return shown('Server', { address: this.address, pid: this.pid || undefined }, depth, options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
