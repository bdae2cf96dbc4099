import { useStore } from '../client/use-store.ts'
import { askChildren, endChild, outputOfChild } from '../process/children.ts'
import type { Process } from '../process/process.ts'
import type { ContextReport, OutputReport } from '../protocol/context-report.ts'
import type { Reporter, Store } from '../store/store.ts'
import { describeWorker, poolReport } from './describe.ts'
import type { WorkerHandle } from './workers.ts'

/** What a `zproc worker` says of its workers when its server asks. */
export class HostReports implements Reporter {
  readonly #workers: () => WorkerHandle[]
  readonly #store: Store
  readonly #callOff: () => void

  constructor(address: string, options: Parameters<typeof useStore>[1], workers: () => WorkerHandle[]) {
    this.#workers = workers
    this.#store = useStore(address, options)
    this.#callOff = this.#store.report?.(this) ?? (() => {})
  }

  async report(): Promise<ContextReport> {
    await askChildren(this.#processes)
    const workers = this.#workers().map(worker => describeWorker(worker, null))
    return { processes: [], pools: [poolReport('host', workers, [])], more: 0 }
  }

  /** Ends a worker, which is replaced. */
  end(id: number): boolean {
    return endChild(this.#processes, id)
  }

  output(id: number): OutputReport | undefined {
    return outputOfChild(this.#processes, id)
  }

  async close(): Promise<void> {
    this.#callOff()
    await this.#store.release()
  }

  get #processes(): Process[] {
    return this.#workers().flatMap(({ process }) => process ?? [])
  }
}
