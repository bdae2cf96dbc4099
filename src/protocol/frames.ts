import { addExtension, Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr/pack'
import { PACKED, scan } from './value-scan.ts'
import { Packed } from './values.ts'

const HEADER = 4
/** The longest first frame, of either side. */
export const HELLO_BYTES = 64 << 10
// Levels of arrays and objects in a frame: in the deepest message, the path of a step stands at the seventh.
const FRAME_DEPTH = 16
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
export const encode = (value: unknown): Uint8Array => packr.pack(value)

/** Throws for anybody's bytes that are none: msgpack could say much more than messages do. */
export function decode(bytes: Uint8Array): unknown {
  scan(bytes, 0, FRAME_DEPTH, true)
  return unpackr.unpack(bytes)
}

/** A frame: the length of what follows (4 bytes, big-endian), then one msgpack value. */
export function encodeFrame(value: unknown): Buffer {
  const frame = packr.pack(value, RESERVE_START_SPACE + HEADER) as Buffer
  frame.writeUInt32BE(frame.length - HEADER, 0)
  return frame
}

const NOTHING = new Uint8Array()

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

  /** Calls `frame` with the bytes of each frame that `chunk` completes. */
  read(chunk: Buffer, frame: (bytes: Uint8Array) => void): void {
    let bytes = chunk
    if (this.#held > 0) {
      this.#keep(chunk)
      if (this.#held < this.#needed) return
      bytes = Buffer.concat(this.#parts, this.#held)
      this.#parts = []
      this.#held = 0
      this.#gathered = 0
    }
    let at = 0
    this.#needed = HEADER
    while (bytes.length - at >= HEADER) {
      const length = bytes.readUInt32BE(at)
      if (length > this.limit)
        throw new RangeError(`a frame of ${length} bytes is announced; the limit is ${this.limit} bytes`)
      if (bytes.length - at - HEADER < length) {
        this.#needed = HEADER + length
        break
      }
      frame(bytes.subarray(at + HEADER, at + HEADER + length))
      at += HEADER + length
    }
    if (at < bytes.length) this.#keep(bytes.subarray(at))
  }

  #keep(chunk: Uint8Array): void {
    this.#held += chunk.length
    if (chunk.length >= SMALL) {
      this.#gathered = 0
      this.#parts.push(chunk)
      return
    }
    const last = this.#parts.length - 1
    const room = this.#gathered > 0 ? new Uint8Array((this.#parts[last] as Uint8Array).buffer) : NOTHING
    if (this.#gathered + chunk.length <= room.length) {
      room.set(chunk, this.#gathered)
      this.#gathered += chunk.length
      this.#parts[last] = room.subarray(0, this.#gathered)
    } else {
      const fresh = new Uint8Array(GATHERED)
      fresh.set(chunk)
      this.#gathered = chunk.length
      this.#parts.push(fresh.subarray(0, chunk.length))
    }
  }
}
