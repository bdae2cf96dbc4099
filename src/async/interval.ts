/** Checks a time given by the user: milliseconds, not negative. */
export function checkTime(value: unknown, call: string, name: string): asserts value is number | undefined {
  if (value === undefined || value === null) return
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new TypeError(
      `${call}: ${name} must be a number of milliseconds, got ${typeof value === 'string' ? `'${value}'` : String(value)}`,
    )
  if (value < 0) throw new RangeError(`${call}: ${name} must be 0 or more milliseconds, got ${value}`)
}

// A longer timer would fire at once: Node keeps its delay in 31 bits.
const LONGEST = 2 ** 31 - 1

/** Calls `done` after `ms`, however long that is; `Infinity` and `undefined`: never. */
export function after(ms: number | undefined, done: () => void): NodeJS.Timeout | undefined {
  return ms === undefined || ms === null || ms > LONGEST ? undefined : setTimeout(done, ms)
}
