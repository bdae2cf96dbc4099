import type { Socket } from 'node:net'

/** The bytes of a server's connections: the sockets count them, and are asked when the server is. */
export class Traffic {
  readonly #open = new Set<Socket>()
  #received = 0
  #sent = 0

  add(socket: Socket): void {
    this.#open.add(socket)
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#received += socket.bytesRead
      this.#sent += socket.bytesWritten
    })
  }

  /** Since the server began. */
  get(): { received: number; sent: number } {
    let [received, sent] = [this.#received, this.#sent]
    for (const socket of this.#open) {
      received += socket.bytesRead
      sent += socket.bytesWritten
    }
    return { received, sent }
  }
}
