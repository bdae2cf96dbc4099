import { microtask } from '../async/interval.ts'
import type { Job } from './job.ts'

/** The jobs of a pool that have work or results under way, oldest first. A Set that each single call fills and empties costs more. */
export class JobList implements Iterable<Job> {
  readonly #jobs: Job[] = []
  #added: Job[] = []
  readonly #begin: (job: Job) => void

  /** `begin` is called for each job that was given to `addSoon`. */
  constructor(begin: (job: Job) => void) {
    this.#begin = begin
  }

  get size(): number {
    return this.#jobs.length
  }

  /** A copy: jobs come and go while one of them is dealt with. */
  [Symbol.iterator](): Iterator<Job> {
    return this.size === 1 ? this.#jobs.values() : [...this.#jobs].values()
  }

  add(job: Job): void {
    if (!this.#jobs.includes(job)) this.#jobs.push(job)
  }

  remove(job: Job): void {
    const at = this.#jobs.indexOf(job)
    if (at >= 0) this.#jobs.splice(at, 1)
  }

  /** At the end of this turn: what is added until then begins together. */
  addSoon(job: Job): void {
    if (this.#added.length === 0) microtask(this.#beginAll)
    if (!this.#added.includes(job)) this.#added.push(job)
  }

  readonly #beginAll = (): void => {
    const added = this.#added
    this.#added = []
    for (const job of added) if (!job.isOver) this.#begin(job)
  }
}
