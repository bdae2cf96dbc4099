import { after, cancel, wallClock } from '../async/interval.ts'

/** A client's part in a lock: that it has it, or waits for it. */
export interface Part {
  readonly session: number
  readonly pid: number
  /** What it does, or waits to do. */
  readonly call: string
  /** Milliseconds since 1970. */
  readonly since: number
}

/** A part that begins now. */
export const partOf = (session: number, pid: number, call: string): Part => ({
  session,
  pid,
  call,
  since: wallClock(),
})

/** The right to be a namespace's only writer for a while. Writers wait in line while a client has it. */
export class Exclusive {
  #holder: { part: Part; end: () => void; timer: NodeJS.Timeout | undefined } | undefined
  #line: { write: () => void; part: Part | undefined }[] = []
  readonly #free: () => void

  /** `free` is called when a hold has ended and nothing waits. */
  constructor(free: () => void = () => {}) {
    this.#free = free
  }

  get held(): boolean {
    return this.#holder !== undefined
  }

  /** The client that has it. */
  get holder(): Part | undefined {
    return this.#holder?.part
  }

  /** The clients' calls that wait, in order. */
  get waiting(): Part[] {
    return this.#line.flatMap(({ part }) => part ?? [])
  }

  /** Runs `write` now, or when all that came before is done. `part`: the client whose call it is, if it is one. */
  enter(write: () => void, part?: Part): void {
    if (this.#holder) this.#line.push({ write, part })
    else write()
  }

  /** Takes the hold, from within `enter`. `ended` is called if it is taken away after `ms`. */
  take(part: Part, ms: number, ended: () => void): () => void {
    const holder = {
      part,
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
    while (i < line.length && !this.#holder) line[i++]?.write()
    this.#line = line.slice(i).concat(this.#line === line ? [] : this.#line)
    if (!this.#holder) this.#free()
  }
}
