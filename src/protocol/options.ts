import { describe } from './describe.ts'
import type { Kind } from './kinds.ts'
import { nearest } from './nearest.ts'

/** The options that a call takes: for each name the kind of its value. The check and the type are both made from it. */
export type Fields = Readonly<Record<string, Kind<unknown>>>

/**
 * The type of an options object. Comments on the fields are the documentation of the options.
 * With `& unknown` the compiler's messages show the options instead of the fields.
 */
export type OptionsOf<F extends Fields> = {
  [N in keyof F]?: F[N] extends Kind<infer T> ? T : never
} & unknown

/**
 * Checks the options of a call and gives them as an object of its own, without those that are undefined.
 * Throws a TypeError for an option that does not exist and for a value of another type, and a RangeError for a value
 * out of range. `place` follows the option's name in messages.
 */
export function readOptions<F extends Fields>(
  fields: F,
  options: OptionsOf<F>,
  call: string,
  place = '',
): OptionsOf<F> {
  if (!isRecord(options))
    throw new TypeError(`${call}: the options must be an object, got ${describe(options)}`)
  const read: Record<string, unknown> = {}
  // Inherited ones too: they would have no effect, and no error would say so.
  for (const name in options) {
    const value: unknown = options[name]
    const kind = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (!kind) throw unknownOption(fields, name, value, call, place)
    if (value === undefined) continue
    if (!kind.is(value)) throw new TypeError(wrongValue(kind, name, value, call, place))
    if (kind.inRange?.(value) === false) throw new RangeError(wrongValue(kind, name, value, call, place))
    read[name] = value
  }
  // Each of its values was found to be of the type that its field says.
  return read as OptionsOf<F>
}

/** An object that options can be written in: not an array, a Map, a promise. */
function isRecord(value: unknown): value is object {
  return typeof value === 'object' && Object.prototype.toString.call(value) === '[object Object]'
}

function unknownOption(fields: Fields, name: string, value: unknown, call: string, place: string): TypeError {
  const names = Object.keys(fields)
  const near = nearest(name, names)
  const shown = near !== undefined && fields[near]?.isSecret ? `of type ${typeof value}` : describe(value)
  const advice = near === undefined ? `it takes ${names.join(', ')}` : `did you mean ${near}?`
  return new TypeError(`${call}: unknown option ${describe(name)}${place} (got ${shown}); ${advice}`)
}

function wrongValue(kind: Kind<unknown>, name: string, value: unknown, call: string, place: string): string {
  return `${call}: ${name}${place} must be ${kind.must}, got ${shown(kind, value)}`
}

function shown(kind: Kind<unknown>, value: unknown): string {
  if (kind.isSecret) return value === '' ? 'an empty one' : `one of type ${typeof value}`
  const items = kind.wrongItems?.(value) ?? []
  return items.length > 0 ? `${describe(items[0])} in it` : describe(value)
}
