import { addExtension, Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr'
import { Packed } from './values.ts'

const HEADER = 4

// A value that is already encoded goes into a message as it is.
addExtension({
  Class: Packed,
  type: 0x50,
  pack: (value: Packed) => value.bytes as Buffer,
  unpack: (bytes: Uint8Array) => new Packed(bytes),
})

const packr = new Packr({ useRecords: false, moreTypes: false })
const unpackr = new Unpackr({ useRecords: false, moreTypes: false, int64AsType: 'number' })

/** Plain msgpack of messages or parts of messages; `Packed` values in it are copied, not encoded again. */
export const encode = (value: unknown): Uint8Array => packr.pack(value)
export const decode = (bytes: Uint8Array): unknown => unpackr.unpack(bytes)

/** A frame: the length of what follows (4 bytes, big-endian), then one msgpack value. */
export function encodeFrame(value: unknown): Buffer {
  const frame = packr.pack(value, RESERVE_START_SPACE + HEADER) as Buffer
  frame.writeUInt32BE(frame.length - HEADER, 0)
  return frame
}

/** Cuts a stream of bytes into frames. A frame that is announced as longer than `limit` throws at once. */
export class FrameReader {
  readonly #limit: number
  #parts: Uint8Array[] = []
  #held = 0
  #needed = HEADER

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Calls `frame` with the bytes of each frame that `chunk` completes. */
  read(chunk: Buffer, frame: (bytes: Uint8Array) => void): void {
    let bytes = chunk
    if (this.#held > 0) {
      this.#parts.push(chunk)
      this.#held += chunk.length
      if (this.#held < this.#needed) return
      bytes = Buffer.concat(this.#parts, this.#held)
      this.#parts = []
      this.#held = 0
    }
    let at = 0
    this.#needed = HEADER
    while (bytes.length - at >= HEADER) {
      const length = bytes.readUInt32BE(at)
      if (length > this.#limit)
        throw new RangeError(`a frame of ${length} bytes is announced; the limit is ${this.#limit} bytes`)
      if (bytes.length - at - HEADER < length) {
        this.#needed = HEADER + length
        break
      }
      frame(bytes.subarray(at + HEADER, at + HEADER + length))
      at += HEADER + length
    }
    if (at < bytes.length) {
      this.#parts.push(bytes.subarray(at))
      this.#held = bytes.length - at
    }
  }
}
