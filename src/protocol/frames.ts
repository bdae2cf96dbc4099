import { addExtension, Packr, Unpackr } from 'msgpackr/pack'
import { pack, packLarge } from './pack.ts'
import { malformed } from './value-graph-read.ts'
import { endOfPart, PACKED, scanFrame } from './value-scan.ts'
import { Packed } from './values.ts'

const HEADER = 4
/** The longest first frame, of either side. */
export const HELLO_BYTES = 64 << 10
// Chunks below this size are gathered, that many bytes at a time: by itself each costs far more than it holds.
const SMALL = 1024
const GATHERED = 8192

// A value that is already encoded goes into a message as it is.
addExtension({
  Class: Packed,
  type: PACKED,
  pack: (value: Packed) => value.bytes as Buffer,
  unpack: (bytes: Uint8Array) => new Packed(bytes),
})

const packr = new Packr({ useRecords: false, moreTypes: false })
const unpackr = new Unpackr({ useRecords: false, moreTypes: false, int64AsType: 'number' })

/** Plain msgpack of messages or parts of messages; `Packed` values in it are copied, not encoded again. */
export const encode = (value: unknown): Uint8Array => pack(packr, value, 0)

/** Throws for anybody's bytes that are none: msgpack could say much more than messages do. */
export function decode(bytes: Uint8Array): unknown {
  scanFrame(bytes, 0, bytes.length)
  return unpackr.unpack(bytes)
}

/** As `decode`, of the value that begins at `start`; and where it ends. */
export function decodePart(bytes: Uint8Array, start: number): [value: unknown, end: number] {
  const end = endOfPart(bytes, start)
  if (end > bytes.length) throw malformed('bytes are missing')
  within.start = start
  within.end = end
  return [unpackr.unpack(bytes, within), end]
}

// One object for all: at the turn of a single message each thing that is made new shows.
const within = { start: 0, end: 0 }

/** As `decode`, of bytes that are only lent: of what it holds, nothing is a view of them. */
export function decodeLent(bytes: Uint8Array, start: number, end: number): unknown {
  if (scanFrame(bytes, start, end)) return unpackr.unpack(Buffer.from(bytes.subarray(start, end)))
  within.start = start
  within.end = end
  return unpackr.unpack(bytes, within)
}

/** A frame: the length of what follows (4 bytes, big-endian), then one msgpack value; `bytes`: about how large it will be. */
export function encodeFrame(value: unknown, bytes = 0): Buffer {
  const frame = bytes < SMALL ? pack(packr, value, HEADER) : packLarge(value, HEADER)
  frame.writeUInt32BE(frame.length - HEADER, 0)
  return frame
}

// What msgpack may add to a number, a text or bytes at most, and what a character takes at most.
const PART = 10
const CHARACTER = 3

/** How many bytes a message takes in a frame at most: counted, not encoded. Both ends count alike. */
export function weigh(message: readonly unknown[]): number {
  let sum = PART
  for (let i = 0; i < message.length; i++) {
    const part = message[i]
    sum += PART
    if (typeof part === 'string') sum += CHARACTER * part.length
    else if (typeof part === 'object' && part !== null) sum += weighObject(part)
  }
  return sum
}

function weighObject(part: object): number {
  if (Array.isArray(part)) return part.length === 0 ? PART : weigh(part)
  if (part instanceof Packed) return part.bytes.length
  return part instanceof Uint8Array ? part.length : 0
}

const NOTHING = new Uint8Array()

/** Called with bytes that hold a frame, from `start` up to `end`. They are lent: once it returns, others take their place. */
export type OnFrame = (bytes: Uint8Array, start: number, end: number) => void

/** Cuts a stream of bytes into frames. A frame that is announced as longer than `limit` throws at once. */
export class FrameReader {
  limit: number
  #gathered = 0
  #parts: Uint8Array[] = []
  #held = 0
  #needed = HEADER

  constructor(limit: number) {
    this.limit = limit
  }

  /** Calls `frame` for each frame that the first `length` bytes of `chunk` complete. What is kept of them is copied. */
  read(chunk: Buffer, frame: OnFrame, length = chunk.length): void {
    let bytes = chunk
    let end = length
    if (this.#held > 0) {
      this.#keep(chunk, 0, length)
      if (this.#held < this.#needed) return
      end = this.#held
      bytes = Buffer.concat(this.#parts, end)
      this.#parts = []
      this.#held = 0
      this.#gathered = 0
    }
    let at = 0
    this.#needed = HEADER
    while (end - at >= HEADER) {
      const size = bytes.readUInt32BE(at)
      if (size > this.limit)
        throw new RangeError(`a frame of ${size} bytes is announced; the limit is ${this.limit} bytes`)
      if (end - at - HEADER < size) {
        this.#needed = HEADER + size
        break
      }
      at += HEADER + size
      frame(bytes, at - size, at)
    }
    if (at < end) this.#keep(bytes, at, end)
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const part = bytes.subarray(start, end)
    this.#held += part.length
    if (part.length >= SMALL) {
      this.#gathered = 0
      this.#parts.push(Buffer.from(part))
      return
    }
    const last = this.#parts.length - 1
    const room = this.#gathered > 0 ? new Uint8Array((this.#parts[last] as Uint8Array).buffer) : NOTHING
    if (this.#gathered + part.length <= room.length) {
      room.set(part, this.#gathered)
      this.#gathered += part.length
      this.#parts[last] = room.subarray(0, this.#gathered)
    } else {
      const fresh = new Uint8Array(GATHERED)
      fresh.set(part)
      this.#gathered = part.length
      this.#parts.push(fresh.subarray(0, part.length))
    }
  }
}
