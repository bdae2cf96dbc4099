import { Packr, RESERVE_START_SPACE } from 'msgpackr/pack'

// msgpackr has one buffer for all its Packrs, in which one value is encoded behind the other. Only this file replaces it.
const SIZE = 8192
// A buffer above this size is not used again.
const LARGE = 0x40000
// The buffer that large values are encoded into, when it has been left at this size or below.
const SCRATCH = 4 << 20

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

const large = new Packr({ useRecords: false, moreTypes: false })
let scratch: Buffer | undefined
// The newest buffer that msgpackr was given for what is small.
let small: Buffer | undefined

/** As `pack`, for what takes a kilobyte or more: encoded in a buffer of its own kind, and copied. */
export function packLarge(value: unknown, header: number): Buffer {
  scratch ??= Buffer.allocUnsafeSlow(1 << 20)
  const unused = large.position === 0 ? small : undefined
  large.useBuffer(scratch)
  try {
    const bytes: Buffer = large.pack(value, RESERVE_START_SPACE + header)
    const { buffer } = bytes
    if (buffer.byteLength > scratch.length && buffer.byteLength <= SCRATCH) scratch = Buffer.from(buffer)
    return buffer.byteLength > SCRATCH && buffer.byteLength <= 2 * bytes.length ? bytes : own(bytes)
  } finally {
    // Nothing else is ever encoded into the scratch buffer: it would be overwritten while it is still in use.
    if (unused) large.useBuffer(unused)
    else renew(large)
  }
}

function renew(packr: Packr): void {
  small = Buffer.allocUnsafeSlow(SIZE)
  packr.useBuffer(small)
}

function own(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
