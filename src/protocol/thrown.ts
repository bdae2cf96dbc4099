import { describe } from './describe.ts'

/** Whatever was thrown, in a line: `RangeError: too many`. Nothing that it is, or does, makes this throw. */
export function wordsOf(thrown: unknown): string {
  try {
    if (typeof thrown !== 'object' && typeof thrown !== 'function') return String(thrown)
    if (!(thrown instanceof Error)) return describe(thrown)
    const { name, message } = thrown
    return `${textOf(name)}: ${textOf(message)}`
  } catch {
    return 'an object that cannot be read'
  }
}

const textOf = (part: unknown): string => (typeof part === 'string' ? part : describe(part))
