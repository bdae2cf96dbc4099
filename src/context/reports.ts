import type { Maps } from '../map/maps.ts'
import { askChildren, endChild, outputOfChild } from '../process/children.ts'
import { type Process, reportOf } from '../process/process.ts'
import type { ContextReport, OutputReport } from '../protocol/context-report.ts'
import { DESCRIBED } from '../protocol/messages.ts'
import type { Reporter } from '../store/store.ts'

/** What a Context says of its processes when its server asks. Children are asked then, and at no other time. */
export class Reports implements Reporter {
  readonly #processes: () => readonly Process[]
  readonly #maps: Maps

  constructor(processes: () => readonly Process[], maps: Maps) {
    this.#processes = processes
    this.#maps = maps
  }

  async report(): Promise<ContextReport> {
    const processes = this.#processes()
    const shown = processes.slice(-DESCRIBED)
    await askChildren([...shown, ...this.#maps.processes])
    return {
      processes: shown.map(reportOf),
      pools: this.#maps.describe(),
      more: processes.length - shown.length,
    }
  }

  /** Ends one of them; a worker is replaced, where there is work for it. */
  end(id: number): boolean {
    return endChild(this.#all, id)
  }

  output(id: number): OutputReport | undefined {
    return outputOfChild(this.#all, id)
  }

  get #all(): Process[] {
    return [...this.#processes(), ...this.#maps.processes]
  }
}
