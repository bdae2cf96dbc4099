import { Socket } from 'node:net'
import { deserialize, serialize } from 'node:v8'
import { soon } from '../async/interval.ts'
import { independent } from '../async/ticks.ts'

// Before each message: how many bytes it has, and whose it is.
const HEADER = 5
const ZPROCS = 0
const USERS = 1

export interface LineEvents<Heard> {
  /** A message of zproc's own. */
  heard?(message: Heard): void
  /** A message between the target and the code that started it. */
  usersMessage?(message: unknown): void
}

/**
 * The connection between a process and a child that it started: file 3 of the child. It is zproc's alone, so nothing that
 * the child's code does with `process.send`, `process.disconnect` or Node's own channel can be taken for an answer, or
 * lose one. Messages of the user's travel on it under a mark of their own.
 */
export class Line<Sent, Heard> {
  /** Resolves when the other end is gone and all that it said was handed out. */
  readonly closed: Promise<void>
  /** What arrived made no sense: the other end wrote into the file by itself. */
  broken = false
  readonly #socket: Socket | undefined
  readonly #events: LineEvents<Heard>
  #parts: Buffer[] = []
  #held = 0
  #needed = HEADER

  /** Without a socket it is closed from the start: the child could not be made. */
  constructor(socket: Socket | undefined, events: LineEvents<Heard>) {
    this.#socket = socket
    this.#events = events
    this.closed = new Promise(resolve => {
      if (!socket) return resolve()
      independent(socket).once('close', () => resolve())
    })
    // A peer that is gone is what `closed` says.
    socket?.on('error', () => {})
    socket?.on('data', chunk => this.#take(chunk))
  }

  get isOpen(): boolean {
    return this.#socket?.writable === true
  }

  /** `sent` is called when the message has left, or never will. */
  send(message: Sent, sent?: () => void): void {
    this.#write(ZPROCS, serialize(message), sent)
  }

  /** Throws the DataCloneError of a message that cannot be sent. */
  sendUsers(message: unknown, sent?: () => void): void {
    // V8 writes some objects that it cannot read, such as an error that is its own cause: that throws here.
    const bytes = serialize(message)
    if (typeof message === 'object' && message !== null) deserialize(bytes)
    this.#write(USERS, bytes, sent)
  }

  /** Whether it keeps this process alive. A new one does. */
  keepAlive(alive: boolean): void {
    if (alive) this.#socket?.ref()
    else this.#socket?.unref()
  }

  close(): void {
    this.#socket?.destroy()
  }

  #write(kind: number, bytes: Buffer, sent?: () => void): void {
    const socket = this.#socket
    if (!socket?.writable) {
      if (sent) soon(sent)
      return
    }
    const header = Buffer.allocUnsafe(HEADER)
    header.writeUInt32BE(bytes.length, 0)
    header[HEADER - 1] = kind
    socket.cork()
    socket.write(header)
    socket.write(bytes, () => sent?.())
    socket.uncork()
  }

  #take(chunk: Buffer): void {
    this.#parts.push(chunk)
    this.#held += chunk.length
    if (this.#held < this.#needed) return
    const bytes = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts, this.#held)
    let at = 0
    this.#needed = HEADER
    while (bytes.length - at >= HEADER) {
      const kind = bytes[at + HEADER - 1] as number
      // Before its length is believed: what others wrote must not be waited for.
      if (kind !== ZPROCS && kind !== USERS) return this.#break()
      const end = at + HEADER + bytes.readUInt32BE(at)
      if (end > bytes.length) {
        this.#needed = end - at
        break
      }
      this.#hear(kind, bytes.subarray(at + HEADER, end))
      if (this.broken) return
      at = end
    }
    this.#parts = at < bytes.length ? [bytes.subarray(at)] : []
    this.#held = bytes.length - at
  }

  #break(): void {
    this.broken = true
    this.#parts = []
    this.close()
  }

  #hear(kind: number, bytes: Buffer): void {
    let message: unknown
    try {
      message = deserialize(bytes)
    } catch {
      return this.#break()
    }
    if (kind === USERS) this.#events.usersMessage?.(message)
    // Written by `send` of the same version at the other end.
    else this.#events.heard?.(message as Heard)
  }
}

/** The child's end of the line to its owner. */
export const lineToOwner = <Sent, Heard>(events: LineEvents<Heard>): Line<Sent, Heard> =>
  new Line(new Socket({ fd: 3 }), events)
