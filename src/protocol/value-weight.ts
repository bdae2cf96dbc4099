// Bytes of memory, measured on Node 20 to 24 (64 bits): of an object or array without its fields, of each field, of a string
// without its characters, of a number that is no small integer, and of an entry of a Map or Set.
const OBJECT = 32
const SLOT = 8
const TEXT = 20
const DOUBLE = 16
const ENTRY = 36

/** About how many bytes of memory a text takes. */
export const weightOfText = (text: string): number => TEXT + text.length

/** About how many bytes of memory decoded data takes; what is in it more than once counts each time. */
export function weightOf(root: unknown): number {
  const found: unknown[] = [root]
  const seen = new Set<object>()
  let weight = 0
  while (found.length > 0) {
    const value = found.pop()
    if (typeof value === 'string') weight += weightOfText(value)
    else if (typeof value === 'number')
      weight += Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? 0 : DOUBLE
    else if (typeof value === 'object' && value !== null && !seen.has(value)) {
      seen.add(value)
      weight += OBJECT
      if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) weight += value.byteLength
      else if (Array.isArray(value)) {
        weight += SLOT * value.length
        for (const part of value) found.push(part)
      } else if (value instanceof Map || value instanceof Set) {
        weight += ENTRY * value.size
        for (const [key, part] of value.entries()) found.push(key, part)
      } else
        for (const key in value) {
          weight += SLOT
          found.push((value as Record<string, unknown>)[key])
        }
    }
  }
  return weight
}
