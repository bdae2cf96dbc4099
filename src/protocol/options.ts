import { describe } from './describe.ts'

/** Options come last, as an object: anything else in their place is a TypeError that shows it. */
export function checkOptions(options: unknown, call: string): asserts options is object {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`${call}: the options must be an object, got ${describe(options)}`)
}
