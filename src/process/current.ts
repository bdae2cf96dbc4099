import { SignalException } from '../errors.ts'

/** The process that the code being run belongs to. */
export interface CurrentProcess {
  /** The option `name`, or the target's name; 'main' in the program itself. */
  readonly name: string
  /** The process id. A thread has that of its process. */
  readonly pid: number
  /** 1 at first, one more for each retry. */
  readonly attempt: number
  /**
   * Aborts when the process is asked to stop: by `stop()`, Ctrl-C, a Context that closes, or the end of its parent. A target
   * that has read it is not ended by SIGTERM: it returns by itself, or is killed after `killAfter`. In the program itself it
   * never aborts.
   */
  readonly signal: AbortSignal
  /** null in the program itself. */
  readonly parent: { readonly name: string; readonly pid: number } | null
}

/**
 * The process that the calling code runs in.
 *
 *     const { name, attempt, signal } = currentProcess()
 *     while (!signal.aborted) await step()
 */
export function currentProcess(): CurrentProcess {
  return here
}

class Current implements CurrentProcess {
  name = 'main'
  pid = process.pid
  attempt = 1
  parent: { name: string; pid: number } | null = null
  /** What has to be done at the first look at the signal, so that an end is asked for and not just done. */
  arm: (() => void) | undefined
  readonly #controller = new AbortController()
  readonly #asked = new Set<() => void>()

  get signal(): AbortSignal {
    this.arm?.()
    this.arm = undefined
    return this.#controller.signal
  }

  /** Whether somebody reads the signal. */
  get cooperates(): boolean {
    return this.parent !== null && this.arm === undefined
  }

  ask(reason: Error): void {
    for (const asked of [...this.#asked]) asked()
    this.#controller.abort(reason)
  }

  onAsked(asked: () => void): () => void {
    this.#asked.add(asked)
    return () => this.#asked.delete(asked)
  }
}

const here = new Current()

/** Calls `asked` when this process is asked to stop and reads that: its own children are to be told as well. */
export function whenAskedToStop(asked: () => void): () => void {
  return here.onAsked(asked)
}

/** Says who this process is. `arm` is called when its target begins to listen for being asked to stop. */
export function becomeProcess(
  is: { name: string; attempt: number; parent: { name: string; pid: number } },
  arm: (ask: (signal: NodeJS.Signals) => void) => void,
): { cooperates(): boolean; ask(reason: Error): void } {
  Object.assign(here, { name: is.name, attempt: is.attempt, parent: is.parent })
  here.arm = () => arm(signal => here.ask(new SignalException(signal)))
  return { cooperates: () => here.cooperates, ask: reason => here.ask(reason) }
}
