import { type Packr, RESERVE_START_SPACE } from 'msgpackr/pack'

// A codec's buffer above this size is not used again.
const LARGE = 0x40000

/** Msgpack of a value, behind `header` bytes of room. It shares its memory with little else, and never a large buffer. */
export function pack(packr: Packr, value: unknown, header: number): Buffer {
  try {
    const bytes: Buffer = packr.pack(value, RESERVE_START_SPACE + header)
    if (bytes.buffer.byteLength <= LARGE) return bytes
    // The buffer grew by a multiple of what was needed: all that is encoded next would keep it.
    renew(packr)
    return bytes.buffer.byteLength > 2 * bytes.length ? own(bytes) : bytes
  } catch (error) {
    // It may have grown before this failed.
    renew(packr)
    throw error
  }
}

const renew = (packr: Packr): void => packr.useBuffer(Buffer.allocUnsafeSlow(8192))

function own(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
