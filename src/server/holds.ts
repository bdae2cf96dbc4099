import { AtomicTimeoutError } from '../errors.ts'
import { quote } from '../protocol/describe.ts'
import { type Grant, type ServerMessage, Tell } from '../protocol/messages.ts'
import type { Core, Room } from './core.ts'
import { partOf } from './hold.ts'

/** The namespaces that one client holds: it alone writes there. */
export class Holds {
  readonly #core: Core
  readonly #session: { readonly number: number; readonly pid: number }
  readonly #tell: (message: ServerMessage) => void
  readonly #holds = new Map<number, { room: Room; end: () => void }>()

  constructor(
    core: Core,
    session: { readonly number: number; readonly pid: number },
    tell: (message: ServerMessage) => void,
  ) {
    this.#core = core
    this.#session = session
    this.#tell = tell
  }

  /** Takes one, from within the room's `enter`; for no longer than `atomicTimeout`. */
  take(room: Room, label: string): Grant {
    const { exclusive, space } = room
    const { atomicTimeout } = this.#core.limits
    const { number, pid } = this.#session
    const call = printable(label)
    const hold = this.#core.nextHold()
    const end = exclusive.take(partOf(number, pid, call), atomicTimeout, () => {
      this.#holds.delete(hold)
      this.#core.operator.client(
        `hold ${pid}`,
        `${call} of process ${pid} held its namespace for ${atomicTimeout} ms`,
      )
      this.#tell([Tell.holdEnded, hold, atomicTimeout])
    })
    this.#holds.set(hold, { room, end })
    return [hold, space.revision, [...space.values]]
  }

  /** Ends one of this room, after the `last` that is done in it. Throws when its time was up. */
  release(hold: number, room: Room, last: () => void): void {
    const held = this.#holds.get(hold)
    if (held && held.room !== room)
      throw new TypeError('a hold of one namespace cannot be released in another')
    if (!held)
      throw new AtomicTimeoutError(
        `the hold had ended after ${this.#core.limits.atomicTimeout} ms; nothing was changed`,
      )
    this.#holds.delete(hold)
    try {
      last()
    } finally {
      held.end()
    }
  }

  close(): void {
    for (const { end } of this.#holds.values()) end()
    this.#holds.clear()
  }
}

/** What a client calls something, as one short line. */
const printable = (text: string): string => quote(text).slice(1, -1)
