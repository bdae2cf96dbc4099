// Runs that are kept, at most: where own writes and those of others alternate, the oldest are forgotten.
const RUNS = 1000

/** The revisions that a State was acknowledged as writes of its own. */
export class OwnWrites {
  /** The newest of them; 0: there is none. */
  last = 0
  // Runs of revisions without a gap, in order.
  readonly #runs: { first: number; last: number }[] = []

  add(revision: number): void {
    if (revision <= this.last) return
    const newest = this.#runs[this.#runs.length - 1]
    if (newest && newest.last + 1 === revision) newest.last = revision
    else if (this.#runs.push({ first: revision, last: revision }) > RUNS) this.#runs.shift()
    this.last = revision
  }

  /** The first revision, from `revision` on, that is not known to be one of them. */
  after(revision: number): number {
    const run = this.#runs.find(({ first, last }) => first <= revision && revision <= last)
    return run ? run.last + 1 : revision
  }

  /** Whether all revisions from `from` to `to` are known to be among them. */
  covers(from: number, to: number): boolean {
    return this.after(from) > to
  }

  /** The State goes on at another log. */
  clear(): void {
    this.last = 0
    this.#runs.length = 0
  }
}
