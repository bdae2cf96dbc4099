import type { Socket } from 'node:net'
import { soon } from '../async/interval.ts'
import { decodeLent, encodeFrame, FrameReader, type OnFrame } from '../protocol/frames.ts'
import { onBeat } from './heart.ts'

// A frame is closed once it holds about this much, so that one turn's batch never becomes one giant frame.
const FRAME_BYTES = 1 << 20
/** The longest frame of several messages. */
export const BATCH = FRAME_BYTES + 16
// The peer is told what arrived after this many frames or bytes, at the latest.
const UNTOLD_FRAMES = 256
const UNTOLD_BYTES = 32 << 10
// With this many bytes that the peer has not taken, nothing is made for it that can wait.
const ROOM = 1 << 20
// Beats of silence after which a peer is taken for dead, and beats without a word after which one is said.
const SILENCE = 4
const QUIET = 2

/** What frames may have to wait for before they leave. */
export interface Gate {
  /** What a frame that is made now has to wait for. */
  readonly newest: number
  /** Up to this they may leave. */
  readonly passed: number
  /** Calls `pass` when `passed` has reached `number`. */
  wait(number: number, pass: () => void): void
}

export interface ChannelEvents {
  /** The messages of one frame, unless the peer sends something else. What it throws ends the channel. */
  frame(messages: unknown): void
  /**
   * All that arrived together was handed out. `hasAnswers`: there is something to send, and `flush` or `postpone` is to be
   * called. Absent: `endOfTurn` is.
   */
  heard?(hasAnswers: boolean): void
  /** There is room again, after `hasRoom` said that there is none. */
  drain?(): void
  /** The socket is gone, another one may take its place. `broken`: what came makes no sense, so none should. */
  lost(error: Error | undefined, broken: boolean): void
}

/**
 * Messages in both directions, in order and each once, over one socket after the other. What is sent within one turn
 * of the event loop leaves in one frame. Frames are kept until the peer has them: from time to time each side says how
 * many it has received, in a frame that is just that number; it also stands for "I am still here".
 */
export class Channel {
  /** How many frames of messages have arrived. */
  received = 0
  /** How many were made for the peer: it has all of them if it has received so many. */
  made = 0
  readonly #events: ChannelEvents
  readonly #endOfTurn: (flush: () => void) => void
  #socket: Socket | undefined
  #calm: (() => void) | undefined
  #batch: unknown[] = []
  #bytes = 0
  // The frames that the peer may not have, oldest first, and how many of them were written to a socket.
  #frames: Buffer[] = []
  #written = 0
  #underWay = 0
  #delivered = 0
  // What the peer was told of `received`, and what arrived since.
  #told = 0
  #untold = 0
  #scheduled = false
  #hearing = false
  // `hasRoom` was false, and `drain` not called since.
  #full = false
  #heard = true
  #silent = 0
  #quiet = 0
  #error: Error | undefined
  #broken = false
  #ended = false
  readonly #keeps: boolean
  readonly #gate: Gate | undefined
  // What each of the frames waits for, if there is a gate.
  readonly #waitsFor: number[] = []
  // What `flush` is called for, once the gate lets it pass.
  #awaited = 0
  /** Called at the end of a turn, before the turn's messages leave: what is sent in it still joins them. */
  beforeFlush: (() => void) | undefined

  /** A channel that has this one socket and ends with it. */
  static over(socket: Socket, events: ChannelEvents): Channel {
    const channel = new Channel(events, { keeps: false })
    channel.attach(socket, 0)
    return channel
  }

  /**
   * `keeps`: whether what was sent is kept for another socket, until the peer has it. `endOfTurn` calls what it is given
   * when a turn's messages are there: a server hears all connections first. `gate`: what frames wait for.
   */
  constructor(
    events: ChannelEvents,
    {
      keeps,
      endOfTurn = soon,
      gate,
    }: { keeps: boolean; endOfTurn?: (flush: () => void) => void; gate?: Gate | undefined },
  ) {
    this.#gate = gate
    this.#events = events
    this.#keeps = keeps
    this.#endOfTurn = endOfTurn
  }

  get socket(): Socket | undefined {
    return this.#socket
  }

  /** Whether the peer takes what it is sent: if not, `drain` is called as soon as it does. */
  hasRoom(): boolean {
    if (this.#socket !== undefined && this.#pending < ROOM) return true
    this.#full = true
    return false
  }

  // Bytes that the peer has not taken yet.
  get #pending(): number {
    return this.#bytes + this.#underWay + (this.#keeps ? 0 : (this.#socket?.writableLength ?? 0))
  }

  /** Whether a peer that has `delivered` frames can be sent all the others. */
  canResume(delivered: unknown): boolean {
    const more = Number(delivered) - this.#delivered
    return Number.isSafeInteger(delivered) && more >= 0 && more <= this.#frames.length
  }

  /**
   * Goes on over this socket, the one before is dropped. The peer has `delivered` frames: the others are sent
   * again. `read`: what was read from the socket already.
   */
  attach(socket: Socket, delivered: number, read: Read = nothingRead()): void {
    this.#acknowledge(delivered)
    const old = this.#socket
    this.#detach()
    old?.destroy()
    this.#socket = socket
    this.#error = undefined
    this.#broken = false
    this.#written = 0
    this.#told = this.received
    this.#untold = 0
    const { frame, handedOut } = this.#listen(socket, read.reader)
    this.flush()
    socket.resume()
    this.#hear(() => {
      for (const bytes of read.frames) frame(bytes, 0, bytes.length)
    })
    handedOut()
  }

  /** Drops all that is under way: what is sent next begins anew. */
  forget(): void {
    this.#batch = []
    this.#bytes = 0
    this.#frames = []
    this.#waitsFor.length = 0
    this.received = this.made = this.#told = this.#written = this.#underWay = this.#delivered = 0
  }

  /** Whether something is to leave at the end of this turn. */
  get scheduled(): boolean {
    return this.#scheduled
  }

  /** The newest message that has not left yet: it may still be added to. */
  get newest(): unknown {
    return this.#batch[this.#batch.length - 1]
  }

  /** Queues one message; `bytes`: how many it takes at most. It is encoded at the end of the turn, with others. */
  send(message: unknown, bytes = 0): void {
    this.queue(message, bytes)
    this.#schedule()
  }

  /** As `send`, where the caller sees to it that `flush` is called. */
  queue(message: unknown, bytes = 0): void {
    if (this.#bytes > 0 && this.#bytes + bytes > FRAME_BYTES) this.#closeFrame()
    this.#batch.push(message)
    this.#bytes += bytes
  }

  /** What is queued leaves when `flush` is called, or with what is sent next. */
  postpone(): void {
    this.#scheduled = false
  }

  /** Sends one message, and what was queued before it, in this turn: nothing is left to do at its end. */
  sendNow(message: unknown): void {
    this.#batch.push(message)
    this.flush()
  }

  /** Queues a frame that is encoded already, behind all that was queued before. */
  sendFrame(frame: Buffer): void {
    if (this.#batch.length > 0) this.#closeFrame()
    this.#add(frame)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    if (!this.#hearing) this.#endOfTurn(this.flush)
  }

  readonly flush = (): void => {
    this.#scheduled = false
    this.beforeFlush?.()
    const socket = this.#socket
    if (!socket || this.#ended) return
    if (this.#batch.length > 0) this.#closeFrame()
    const frames = this.#frames
    const first = this.#written
    const length = this.#gate ? this.#shown(this.#gate, first) : frames.length
    const due = this.#isDue
    if (length - first === 1 && !due) socket.write(frames[first] as Buffer)
    else if (length > first || due) {
      socket.cork()
      for (let i = first; i < length; i++) socket.write(frames[i] as Buffer)
      if (due) this.#tell(socket)
      socket.uncork()
    }
    if (length > first) this.#quiet = 0
    if (this.#keeps) this.#written = length
    else this.#drop(length)
    this.#drain()
  }

  /** The first frames are the peer's, or the socket's, now. */
  #drop(count: number): void {
    const frames = this.#frames
    if (count === 1 && frames.length === 1) this.#underWay -= (frames.pop() as Buffer).length
    else for (const frame of frames.splice(0, count)) this.#underWay -= frame.length
    if (this.#gate) this.#waitsFor.splice(0, count)
  }

  /** How many of the frames may leave: the others do when the gate lets them. */
  #shown(gate: Gate, first: number): number {
    const { passed } = gate
    let length = this.#frames.length
    while (length > first && (this.#waitsFor[length - 1] as number) > passed) length--
    const next = this.#waitsFor[length]
    if (next !== undefined && next !== this.#awaited) {
      this.#awaited = next
      gate.wait(next, this.flush)
    }
    return length
  }

  #drain(): void {
    if (!this.#full || this.#ended || this.#socket === undefined || this.#pending >= ROOM) return
    this.#full = false
    this.#events.drain?.()
  }

  /** Sends what is queued and nothing more. */
  end(): void {
    this.flush()
    this.#ended = true
    this.#socket?.end()
  }

  /** Ends the socket. */
  destroy(error?: Error): void {
    this.#error ??= error
    this.#socket?.destroy()
  }

  // Whether the peer should be told what arrived.
  get #isDue(): boolean {
    return this.#keeps && (this.received - this.#told >= UNTOLD_FRAMES || this.#untold >= UNTOLD_BYTES)
  }

  #listen(socket: Socket, reader: FrameReader) {
    const frame: OnFrame = (bytes, start, end) => {
      if (this.#ended) return
      const value = decodeLent(bytes, start, end)
      if (typeof value === 'number') return this.#acknowledge(value)
      this.received++
      this.#untold += end - start
      this.#events.frame(value)
    }
    const handedOut = () => {
      // What was postponed leaves with whatever is heard next, also where that asks for no answer.
      this.#scheduled ||= this.#isDue || this.#batch.length > 0
      if (this.#events.heard) this.#events.heard(this.#scheduled)
      else if (this.#scheduled) this.#endOfTurn(this.flush)
    }
    socket.on('data', (chunk: Buffer, length?: number) => {
      if (socket !== this.#socket || this.#ended) return
      this.#heard = true
      this.#hear(() => reader.read(chunk, frame, length))
      handedOut()
    })
    if (!this.#keeps) socket.on('drain', () => this.#drain())
    socket.on('error', error => {
      if (socket === this.#socket) this.#error ??= error
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      if (socket !== this.#socket) return
      this.#detach()
      this.#events.lost(this.#error, this.#broken)
    })
    socket.setNoDelay(true)
    // A local socket ends when its peer does: silence there is a peer that is busy.
    if (this.#keeps && socket.remoteAddress !== undefined) this.#calm = onBeat(() => this.#beat(socket))
    return { frame, handedOut }
  }

  /** What is sent meanwhile waits until all is heard that came with it. What makes no sense ends the connection. */
  #hear(read: () => void): void {
    this.#hearing = true
    try {
      read()
    } catch (error) {
      this.#broken = true
      this.destroy(error as Error)
    }
    this.#hearing = false
  }

  #beat(socket: Socket): void {
    // Beats are counted, not milliseconds: a process that was busy itself has not listened.
    this.#silent = this.#heard ? 0 : this.#silent + 1
    this.#heard = false
    if (this.#silent >= SILENCE)
      return this.destroy(new Error('the other end has not been heard of for seconds'))
    if (this.#ended) return
    if (!this.#keeps) return
    if (++this.#quiet >= QUIET || this.received !== this.#told) this.#tell(socket)
  }

  #tell(socket: Socket): void {
    this.#told = this.received
    this.#untold = 0
    this.#quiet = 0
    socket.write(encodeFrame(this.received))
  }

  #acknowledge(delivered: number): void {
    if (!this.canResume(delivered))
      throw new RangeError(
        `${delivered} frames are said to have arrived, of ${this.#delivered} and ${this.#frames.length}`,
      )
    const count = delivered - this.#delivered
    if (count === 0) return
    this.#drop(count)
    this.#written -= count
    this.#delivered = delivered
    this.#drain()
  }

  #detach(): void {
    this.#calm?.()
    this.#calm = undefined
    this.#heard = true
    this.#silent = 0
    this.#quiet = 0
    if (!this.#socket) return
    this.#socket = undefined
    // What was queued in this turn may as well have left: it counts as such.
    if (this.#batch.length > 0) this.#closeFrame()
    this.#written = this.#frames.length
  }

  #closeFrame(): void {
    const batch = this.#batch
    const bytes = this.#bytes
    this.#batch = []
    this.#bytes = 0
    try {
      this.#add(encodeFrame(batch, bytes))
    } catch (error) {
      // What cannot be encoded would never arrive: this ends the session, and not the process that sent it.
      this.#broken = true
      this.destroy(error as Error)
    }
  }

  #add(frame: Buffer): void {
    this.made++
    this.#frames.push(frame)
    if (this.#gate) this.#waitsFor.push(this.#gate.newest)
    this.#underWay += frame.length
  }
}

/** What was read from a socket before a channel has it: whole frames, and the reader that may hold part of one. */
export interface Read {
  reader: FrameReader
  frames: Uint8Array[]
}

const nothingRead = (): Read => ({ reader: new FrameReader(2 ** 32), frames: [] })
