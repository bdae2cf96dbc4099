import type { Socket } from 'node:net'
import { decode, encodeFrame, FrameReader } from '../protocol/frames.ts'

// A frame is closed once it holds about this much, so that one turn's batch never becomes one giant frame.
const FRAME_BYTES = 1 << 20

export interface ChannelEvents {
  /** One decoded frame: an array of messages, unless the peer sends something else. */
  frame(value: unknown): void
  /** All frames that arrived together were handed out, and there is something to send: calls `flush` when it is to leave. */
  heard?(flush: () => void): void
  /** The bytes waiting in the socket have been written out. */
  drain?(): void
  /** Called once, last. `error` says why, if there is a reason other than "it ended". */
  closed(error: Error | undefined): void
}

/** A socket that carries messages: what is sent within one turn of the event loop leaves in one write. */
export class Channel {
  readonly socket: Socket
  readonly #reader: FrameReader
  #batch: unknown[] = []
  #bytes = 0
  #queued = 0
  #frames: Buffer[] = []
  #scheduled = false
  #hearing = false
  readonly #endOfTurn: (flush: () => void) => void
  #error: Error | undefined
  /** Called at the end of a turn, before the turn's messages leave: what is sent in it still joins them. */
  beforeFlush: (() => void) | undefined

  /** `endOfTurn` calls what it is given when a turn's messages are there: a server hears all connections first. */
  constructor(
    socket: Socket,
    limit: number,
    events: ChannelEvents,
    endOfTurn: (flush: () => void) => void = setImmediate,
  ) {
    this.#endOfTurn = endOfTurn
    this.socket = socket
    this.#reader = new FrameReader(limit)
    const onFrame = (bytes: Uint8Array) => events.frame(decode(bytes))
    socket.on('data', (chunk: Buffer) => {
      try {
        this.#hearing = true
        this.#reader.read(chunk, onFrame)
      } catch (error) {
        this.destroy(error as Error)
      }
      this.#hearing = false
      if (this.#scheduled) (events.heard ?? this.#endOfTurn)(this.flush)
    })
    socket.on('drain', () => events.drain?.())
    socket.on('error', error => {
      this.#error ??= error
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => events.closed(this.#error))
    if ('setNoDelay' in socket) socket.setNoDelay(true)
  }

  /** Bytes that the peer has not taken yet. */
  get pending(): number {
    return this.socket.writableLength + this.#queued
  }

  /** Bytes of this turn that leave at its end. */
  get queued(): number {
    return this.#queued
  }

  /** The longest frame that is taken. */
  set limit(bytes: number) {
    this.#reader.limit = bytes
  }

  /** Whether something is to leave at the end of this turn. */
  get scheduled(): boolean {
    return this.#scheduled
  }

  /** Queues one message; `bytes` is about how large it is, for messages that can be large. */
  send(message: unknown, bytes = 0): void {
    if (this.#bytes > 0 && this.#bytes + bytes > FRAME_BYTES) this.#closeFrame()
    this.#batch.push(message)
    this.#bytes += bytes
    this.#queued += bytes
    this.schedule()
  }

  schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    if (!this.#hearing) this.#endOfTurn(this.flush)
  }

  readonly flush = (): void => {
    this.#scheduled = false
    this.beforeFlush?.()
    if (this.#batch.length > 0) this.#closeFrame()
    this.#queued = 0
    const frames = this.#frames
    if (frames.length === 0 || this.socket.destroyed) return
    this.#frames = []
    if (frames.length === 1) this.socket.write(frames[0] as Buffer)
    else {
      this.socket.cork()
      for (const frame of frames) this.socket.write(frame)
      this.socket.uncork()
    }
  }

  /** Sends what is queued and ends the connection. */
  end(): void {
    this.flush()
    this.socket.end()
  }

  destroy(error?: Error): void {
    this.#error ??= error
    this.socket.destroy()
  }

  #closeFrame(): void {
    const batch = this.#batch
    this.#batch = []
    this.#bytes = 0
    try {
      this.#frames.push(encodeFrame(batch))
    } catch (error) {
      // More than one buffer holds, say. Who sent it may live on.
      this.destroy(error as Error)
    }
  }
}
