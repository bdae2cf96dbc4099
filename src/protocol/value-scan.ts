import { malformed } from './value-graph-read.ts'

/** Levels of objects in what msgpack may hold here: its decoder recurses. What is deeper goes as a graph. */
export const TREE_DEPTH = 500

/** The extension that stands for an encoded value in a message. */
export const PACKED = 0x50

// Levels of arrays and objects in a frame: in the deepest message, the path of a step stands at the seventh.
const FRAME_DEPTH = 16

/**
 * Throws unless these bytes, from `start` on, are one msgpack value as the codec writes them: maps with text keys, arrays,
 * primitives, and nothing that would make a decoder build anything else, recurse without end or reserve room for nothing.
 * Returns how many levels deep it is.
 */
export function scan(bytes: Uint8Array, start: number): number {
  const depth = walk(bytes, start, bytes.length, TREE_DEPTH + 1, false)
  checkEnd(bytes.length)
  return depth
}

/** The same for a message, which may hold bytes and encoded values as well. Returns whether it does. */
export function scanFrame(bytes: Uint8Array, start: number, end: number): boolean {
  holdsBytes = false
  walk(bytes, start, end, FRAME_DEPTH, true)
  checkEnd(end)
  return holdsBytes
}

/** Where the part of a message that begins at `start` ends. Throws as `scanFrame` does. */
export function endOfPart(bytes: Uint8Array, start: number): number {
  walk(bytes, start, bytes.length, FRAME_DEPTH, true)
  return ended
}

// Of the last walk: whether there were bytes or encoded values, and where it ended.
let holdsBytes = false
let ended = 0

function checkEnd(end: number): void {
  if (ended !== end) throw malformed(ended < end ? 'bytes are left over' : 'bytes are missing')
}

function walk(bytes: Uint8Array, start: number, end: number, deepest: number, inFrame: boolean): number {
  // The containers around: how many values each still misses; below zero for a map, counting keys.
  const open: number[] = []
  let missing = 1
  let at = start
  let depth = 0
  for (;;) {
    while (missing === 0) {
      if (open.length === 0) {
        ended = at
        return depth
      }
      missing = open.pop() as number
    }
    if (missing < 0) {
      at = scanKey(bytes, at)
      missing++
    } else missing--

    // What lies behind `end` may be of something else.
    if (at >= end) throw malformed('bytes are missing')
    const token = bytes[at++] as number
    let size = 0
    if (token < 0x80 || token >= 0xe0) continue
    if (token < 0xa0) {
      size = token & 0x0f
    } else if (token < 0xc0) {
      at += token & 0x1f
      continue
    } else {
      const width = widths[token - 0xc0] as number
      if (width >= 0) {
        at += width
        continue
      }
      if (token === 0xd4 && bytes[at] === 0) {
        // undefined
        if (bytes[at + 1] !== 0) throw malformed('it holds an extension')
        at += 2
        continue
      }
      if (width === TEXT) {
        at = textEnd(bytes, at - 1)
        continue
      }
      if (width !== MANY) {
        if (!inFrame) throw malformed('it holds an extension')
        holdsBytes = true
        at = packedEnd(bytes, at - 1)
        continue
      }
      const wide = token === 0xdd || token === 0xdf
      size = wide ? uint(bytes, at, 4) : uint(bytes, at, 2)
      at += wide ? 4 : 2
    }
    if (size === 0) continue
    if (size > end - at) throw malformed('bytes are missing')
    if (open.push(missing) > depth && ++depth > deepest) throw malformed('it is nested too deeply')
    missing = token < 0x90 || token >= 0xde ? -size : size
  }
}

const TEXT = -1
const MANY = -2
const NONE = -3
/** For the tokens from 0xc0 to 0xdf: how many bytes follow. */
const widths = Int8Array.from({ length: 32 }, (_, i) => {
  const token = 0xc0 + i
  if (token === 0xc0 || token === 0xc2 || token === 0xc3) return 0
  if (token === 0xca) return 4
  if (token === 0xcb) return 8
  if (token >= 0xcc && token <= 0xcf) return 1 << (token - 0xcc)
  if (token >= 0xd0 && token <= 0xd3) return 1 << (token - 0xd0)
  if (token >= 0xd9 && token <= 0xdb) return TEXT
  if (token >= 0xdc) return MANY
  return NONE
})

function scanKey(bytes: Uint8Array, at: number): number {
  const token = bytes[at] as number
  const short = token >= 0xa0 && token < 0xc0
  if (!short && !(token >= 0xd9 && token <= 0xdb)) throw malformed('a key is no text')
  const end = short ? at + 1 + (token & 0x1f) : textEnd(bytes, at)
  if (end - at > PROTO.length && isProto(bytes, end - PROTO.length)) {
    const start = short ? at + 1 : at + 1 + (1 << (token - 0xd9))
    if (end - start === PROTO.length) throw malformed('__proto__ is refused as a key')
  }
  return end
}

function textEnd(bytes: Uint8Array, at: number): number {
  const width = 1 << ((bytes[at] as number) - 0xd9)
  return at + 1 + width + uint(bytes, at + 1, width)
}

/** Where bytes or an encoded value end. */
function packedEnd(bytes: Uint8Array, at: number): number {
  const token = bytes[at] as number
  if (token >= 0xc4 && token <= 0xc6) {
    const width = 1 << (token - 0xc4)
    return at + 1 + width + uint(bytes, at + 1, width)
  }
  const width = token >= 0xc7 && token <= 0xc9 ? 1 << (token - 0xc7) : 0
  const length = width > 0 ? uint(bytes, at + 1, width) : 1 << (token - 0xd4)
  if (token === 0xc1 || bytes[at + 1 + width] !== PACKED) throw malformed('it holds an extension')
  return at + 2 + width + length
}

function uint(bytes: Uint8Array, at: number, width: number): number {
  let value = 0
  for (let i = at; i < at + width; i++) value = value * 256 + (bytes[i] ?? 0)
  return value
}

const PROTO = Buffer.from('__proto__')
function isProto(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < PROTO.length; i++) if (bytes[at + i] !== PROTO[i]) return false
  return true
}
