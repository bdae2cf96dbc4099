import { crc32, deflateSync, inflateSync } from 'node:zlib'

// A film as one PNG (APNG): each frame holds the part of the picture that differs from the frame before.

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
/** Colours of a film: a pixel is the number of one, in a byte. */
const COLOURS = 256

export interface Frame {
  /** A screenshot. */
  png: Buffer
  /** How long it is shown. */
  ms: number
}

/** Of a screenshot a pixel is red, green and blue, three bytes; of a frame of the film one. */
interface Picture {
  width: number
  height: number
  pixels: Buffer
}

/** All screenshots are of one size. The film runs for ever. */
export function animated(frames: Frame[]): Buffer {
  const shots = frames.map(({ png }) => pictureOf(png))
  const palette = paletteOf(shots)
  const pictures = shots.map(shot => ({ ...shot, pixels: numbered(shot.pixels, palette) }))
  const [first] = pictures
  if (!first) throw new TypeError('a film has one frame at least')
  const { width, height } = first
  const merged = unequal(pictures, frames)
  let sequence = 0
  const parts = merged.flatMap(({ picture, before, ms }, i) => {
    const box = before ? changed(before, picture) : { x: 0, y: 0, width, height }
    const control = Buffer.alloc(26)
    for (const [at, value] of [sequence++, box.width, box.height, box.x, box.y].entries())
      control.writeUInt32BE(value, 4 * at)
    control.writeUInt16BE(ms, 20)
    control.writeUInt16BE(1000, 22)
    const data = deflateSync(filtered(picture, box), { level: 9 })
    if (i === 0) return [chunk('fcTL', control), chunk('IDAT', data)]
    const number = Buffer.alloc(4)
    number.writeUInt32BE(sequence++)
    return [chunk('fcTL', control), chunk('fdAT', Buffer.concat([number, data]))]
  })
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3, 0, 0, 0], 8)
  const count = Buffer.alloc(8)
  count.writeUInt32BE(merged.length)
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('acTL', count),
    chunk('PLTE', Buffer.from(palette.flatMap(colour => [colour >> 16, (colour >> 8) & 255, colour & 255]))),
    ...parts,
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** Frames in which nothing differs are shown for longer. */
function unequal(pictures: Picture[], frames: Frame[]) {
  const merged: { picture: Picture; before: Picture | undefined; ms: number }[] = []
  for (const [i, picture] of pictures.entries()) {
    const last = merged.at(-1)
    const { ms } = frames[i] as Frame
    if (last?.picture.pixels.equals(picture.pixels)) last.ms += ms
    else merged.push({ picture, before: last?.picture, ms })
  }
  return merged
}

/** The colours that most pixels have. */
function paletteOf(shots: Picture[]): number[] {
  const counts = new Map<number, number>()
  for (const { pixels } of shots)
    for (let at = 0; at < pixels.length; at += 3) {
      const colour = pixels.readUIntBE(at, 3)
      counts.set(colour, (counts.get(colour) ?? 0) + 1)
    }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, COLOURS)
    .map(([colour]) => colour)
}

/** Each pixel as the number of the colour that is the nearest to its own. */
function numbered(pixels: Buffer, palette: number[]): Buffer {
  const known = new Map(palette.map((colour, number) => [colour, number]))
  const out = Buffer.alloc(pixels.length / 3)
  for (let i = 0; i < out.length; i++) {
    const colour = pixels.readUIntBE(3 * i, 3)
    let number = known.get(colour)
    if (number === undefined) {
      number = nearest(colour, palette)
      known.set(colour, number)
    }
    out[i] = number
  }
  return out
}

function nearest(colour: number, palette: number[]): number {
  const apart = (other: number) =>
    [16, 8, 0].reduce((sum, shift) => sum + (((colour >> shift) & 255) - ((other >> shift) & 255)) ** 2, 0)
  let found = 0
  for (const [number, other] of palette.entries())
    if (apart(other) < apart(palette[found] as number)) found = number
  return found
}

/** The smallest rectangle outside of which two pictures are equal. */
function changed(before: Picture, { width, height, pixels }: Picture) {
  const same = (y: number) =>
    pixels.compare(before.pixels, y * width, (y + 1) * width, y * width, (y + 1) * width) === 0
  let [top, bottom] = [0, height - 1]
  while (same(top)) top++
  while (same(bottom)) bottom--
  let [left, right] = [width - 1, 0]
  for (let y = top; y <= bottom; y++)
    for (let x = 0; x < width; x++) {
      if (pixels[y * width + x] === before.pixels[y * width + x]) continue
      left = Math.min(left, x)
      right = Math.max(right, x)
    }
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 }
}

/** The rows of a part, each as it is: what numbers of colours differ by says nothing. */
function filtered(
  { width, pixels }: Picture,
  box: { x: number; y: number; width: number; height: number },
): Buffer {
  const out = Buffer.alloc(box.height * (box.width + 1))
  for (let y = 0; y < box.height; y++) {
    const from = (box.y + y) * width + box.x
    pixels.copy(out, y * (box.width + 1) + 1, from, from + box.width)
  }
  return out
}

/** What a PNG of 8 bits a channel shows, without transparency. */
function pictureOf(png: Buffer): Picture {
  const [width, height, depth, kind] = [png.readUInt32BE(16), png.readUInt32BE(20), png[24], png[25]]
  if (depth !== 8 || (kind !== 2 && kind !== 6))
    throw new TypeError(`a PNG of kind ${kind} with ${depth} bits`)
  const channels = kind === 6 ? 4 : 3
  const rows = inflateSync(Buffer.concat(chunks(png, 'IDAT')))
  const pixels = unfiltered(rows, width * channels, height, channels)
  return { width, height, pixels: channels === 3 ? pixels : opaque(pixels) }
}

function unfiltered(rows: Buffer, length: number, height: number, channels: number): Buffer {
  const out = Buffer.alloc(length * height)
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (length + 1)]
    for (let i = 0; i < length; i++) {
      const at = y * length + i
      const left = i < channels ? 0 : (out[at - channels] as number)
      const above = y === 0 ? 0 : (out[at - length] as number)
      const corner = i < channels || y === 0 ? 0 : (out[at - length - channels] as number)
      const guess = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter ?? 0] ?? 0
      out[at] = (rows[y * (length + 1) + 1 + i] as number) + guess
    }
  }
  return out
}

function paeth(left: number, above: number, corner: number): number {
  const guess = left + above - corner
  const [a, b, c] = [left, above, corner].map(value => Math.abs(guess - value)) as [number, number, number]
  return a <= b && a <= c ? left : b <= c ? above : corner
}

function opaque(pixels: Buffer): Buffer {
  const out = Buffer.alloc((pixels.length / 4) * 3)
  for (let i = 0; i < pixels.length / 4; i++) pixels.copy(out, i * 3, i * 4, i * 4 + 3)
  return out
}

function chunks(png: Buffer, wanted: string): Buffer[] {
  const found: Buffer[] = []
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at)
    if (png.toString('latin1', at + 4, at + 8) === wanted) found.push(png.subarray(at + 8, at + 8 + length))
    at += length + 12
  }
  return found
}

function chunk(name: string, data: Buffer): Buffer {
  const out = Buffer.alloc(data.length + 12)
  out.writeUInt32BE(data.length)
  out.write(name, 4, 'latin1')
  data.copy(out, 8)
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length)
  return out
}
