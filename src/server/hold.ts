import { after, cancel } from '../async/interval.ts'
/** The right to be a namespace's only writer for a while. Writers wait in line while somebody has it. */
export class Exclusive {
  #holder: { end: () => void; timer: NodeJS.Timeout | undefined } | undefined
  #line: (() => void)[] = []
  readonly #free: () => void

  /** `free` is called when a hold has ended and nobody waits. */
  constructor(free: () => void = () => {}) {
    this.#free = free
  }

  get held(): boolean {
    return this.#holder !== undefined
  }

  /** Runs `write` now, or when everybody before it is done. */
  enter(write: () => void): void {
    if (this.#holder) this.#line.push(write)
    else write()
  }

  /** Takes the hold, from within `enter`. `ended` is called if it is taken away after `ms`. */
  take(ms: number, ended: () => void): () => void {
    const holder = {
      end: () => {
        if (this.#holder !== holder) return
        cancel(holder.timer)
        this.#holder = undefined
        this.#next()
      },
      timer: after(ms, () => {
        ended()
        holder.end()
      }),
    }
    this.#holder = holder
    return holder.end
  }

  #next(): void {
    const line = this.#line
    let i = 0
    // One of them may take the hold: the rest stays in line, in order.
    while (i < line.length && !this.#holder) (line[i++] as () => void)()
    this.#line = line.slice(i).concat(this.#line === line ? [] : this.#line)
    if (!this.#holder) this.#free()
  }
}
