import type { Socket } from 'node:net'
import { after, cancel } from '../async/interval.ts'
import { encodeFrame } from '../protocol/frames.ts'
import { PROTOCOL, type Refusal, VERSION } from '../protocol/messages.ts'
import type { ServerLog } from './log.ts'
import type { Limits } from './options.ts'

/** Those who have connected and not said hello: no more than the limits allow, and not for long. */
export class Door {
  readonly #limits: Limits
  readonly #secret: boolean
  readonly #log: ServerLog
  readonly #waiting = new Map<Socket, NodeJS.Timeout | undefined>()

  constructor(limits: Limits, secret: boolean, log: ServerLog) {
    this.#limits = limits
    this.#secret = secret
    this.#log = log
  }

  enter(socket: Socket): void {
    const { maxHalfOpen, handshakeTimeout } = this.#limits
    if (this.#waiting.size >= maxHalfOpen) {
      const why = `${maxHalfOpen} connections have not said hello, as many as the server takes (its maxHalfOpen)`
      this.#send(this.#waiting.keys().next().value as Socket, 'crowd', why)
    }
    const late = () => this.#send(socket, 'late', `there was no hello within ${handshakeTimeout} ms`)
    this.#waiting.set(socket, after(handshakeTimeout, late)?.unref())
    socket.on('close', () => this.leave(socket))
  }

  /** It has said hello, or is gone. */
  leave(socket: Socket): void {
    cancel(this.#waiting.get(socket))
    this.#waiting.delete(socket)
  }

  #send(socket: Socket, kind: string, why: string): void {
    this.leave(socket)
    this.#log.client(kind, `ended a connection: ${why}`)
    // On a connection that is being encrypted there is no way to say it.
    if (this.#secret) socket.destroy()
    else refuse(socket, { refused: why })
  }
}

/** Tells the client why, and hangs up. */
export function refuse(socket: Socket, refusal: Refusal): void {
  socket.write(encodeFrame([PROTOCOL, VERSION, refusal]))
  socket.destroySoon()
}
