/** Who waits until all requests up to a certain one are over; requests are numbered as they begin. */
export class Settling {
  #waiting: { last: number; done(): void }[] = []

  /** Resolves when request `last`, and all before it, are over. `pending`: those that are not, in order. */
  over(last: number, pending: Map<number, unknown>): Promise<void> {
    return new Promise(done => {
      this.#waiting.push({ last, done })
      this.look(pending)
    })
  }

  /** Something may be over. */
  look(pending: Map<number, unknown>): void {
    if (this.#waiting.length === 0) return
    const oldest = pending.keys().next().value ?? Number.POSITIVE_INFINITY
    this.#waiting = this.#waiting.filter(({ last, done }) => {
      if (oldest > last) done()
      return oldest <= last
    })
  }
}
