import { deferred } from '../async/deferred.ts'
import { withoutPassword } from '../async/shown.ts'
import { processes, trace } from '../tracing/channels.ts'
import type { ProcessTrace } from '../tracing/messages.ts'

type Told = Pick<ProcessTrace, 'name' | 'namespace' | 'serverAddress' | 'pid' | 'exitCode'>

/** A process as the subscribers of its channel see it, from its start to its end. */
export class TracedProcess {
  readonly #message: ProcessTrace
  readonly #process: Told
  readonly #over = deferred<void>()

  /** `begin` starts it. */
  constructor(process: Told, backend: 'process' | 'thread', begin: () => void) {
    const { name, namespace, serverAddress } = process
    this.#process = process
    this.#message = {
      name,
      namespace,
      serverAddress: withoutPassword(serverAddress),
      backend,
      pid: undefined,
      attempt: 1,
      exitCode: null,
    }
    const whole = trace(processes, this.#message, () => {
      begin()
      this.look(1)
      return this.#over.promise
    })
    // It is the channel's: the process reports its failure itself.
    whole.catch(() => {})
  }

  /** Another attempt has begun, or the last one has ended. */
  look(attempt: number): void {
    const { pid, exitCode } = this.#process
    Object.assign(this.#message, { pid, exitCode, attempt })
  }

  /** The process is over. `failure`: why, if it failed by itself. */
  end(failure: { error: unknown } | undefined): void {
    if (failure) this.#over.reject(failure.error)
    else this.#over.resolve()
  }
}
