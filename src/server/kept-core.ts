import { sleep } from '../async/interval.ts'
import type { StorageError } from '../errors.ts'
import type { Doing } from '../lifeline/watchdog.ts'
import { Core } from './core.ts'
import type { ServerLog } from './log.ts'
import type { KeepOptions, Limits } from './options.ts'
import type { Session } from './session.ts'

// Milliseconds between two tries to open a log whose disk failed.
const REOPEN = 1000

/**
 * The core of a server. With a data folder it is replaced when its log can be written no more: what was shown is on disk,
 * so a new core that begins with what is there goes on as the same server.
 */
export class KeptCore {
  readonly #limits: Limits
  readonly #doing: Doing | undefined
  readonly #log: ServerLog
  #core: Core<Session>
  #opening: Promise<void> | undefined
  #ended = false

  static async open(
    limits: Limits,
    doing: Doing | undefined,
    keep: KeepOptions | undefined,
    log: ServerLog,
  ): Promise<KeptCore> {
    const kept = new KeptCore(limits, doing, log)
    if (keep) kept.#core = await kept.#open(keep)
    return kept
  }

  private constructor(limits: Limits, doing: Doing | undefined, log: ServerLog) {
    this.#limits = limits
    this.#doing = doing
    this.#log = log
    this.#core = new Core(limits, doing, log)
  }

  get now(): Core<Session> {
    return this.#core
  }

  /** Calls `act` with the core: at once, or when it is open again. */
  use(act: (core: Core<Session>) => void): void {
    if (this.#opening) void this.#opening.then(() => act(this.#core))
    else act(this.#core)
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.#opening
    await end(this.#core)
  }

  async #open(keep: KeepOptions): Promise<Core<Session>> {
    const core = new Core<Session>(this.#limits, this.#doing, this.#log)
    await core.open(keep, {
      repaired: line => this.#log.line(line),
      failed: error => this.#lost(error, keep),
    })
    return core
  }

  #lost(error: StorageError, keep: KeepOptions): void {
    this.#log.line(`${error.message}; the server goes on with what is on disk`)
    this.#opening ??= this.#reopen(keep).finally(() => {
      this.#opening = undefined
    })
  }

  async #reopen(keep: KeepOptions): Promise<void> {
    const { home, address, started, traffic } = this.#core
    await end(this.#core)
    for (; !this.#ended; await sleep(REOPEN)) {
      try {
        this.#core = await this.#open(keep)
        Object.assign(this.#core, { home, address, started, traffic })
        return
      } catch (error) {
        this.#log.line(`${(error as Error).message}; it is tried again in ${REOPEN} ms`)
      }
    }
  }
}

async function end(core: Core<Session>): Promise<void> {
  await core.keeper?.close()
  // A session on a log that is kept goes on with the next core.
  for (const session of [...core.sessions.values()]) core.keeper ? session.leaveOpen() : session.end()
  core.end()
}
