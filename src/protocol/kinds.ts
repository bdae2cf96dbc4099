import type { Logger } from '../async/logger.ts'
import { describe } from './describe.ts'

/** What the value of an option has to be. */
export interface Kind<T> {
  /** Completes the sentence "timeout must be …". */
  readonly must: string
  readonly is: (value: unknown) => value is T
  /** Absent: every value of the type will do. */
  inRange?(value: T): boolean
  /** The items of a wrong value that make it wrong: the first one is shown instead of the whole. */
  wrongItems?(value: unknown): unknown[]
  /** true: messages do not show the value. */
  readonly isSecret?: boolean
}

export const flag: Kind<boolean> = { must: 'true or false', is: value => typeof value === 'boolean' }

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

export const text: Kind<string> = { must: 'a string that is not empty', is: isText }

export const anyText: Kind<string> = {
  must: 'a string',
  is: (value): value is string => typeof value === 'string',
}

export const secret: Kind<string> = { ...text, isSecret: true }

const isNumber = (value: unknown): value is number => typeof value === 'number' && !Number.isNaN(value)

/** Milliseconds, `least` or more, Infinity included. */
export const time = (least = 0): Kind<number> => ({
  must: `a number of milliseconds, ${least} or more`,
  is: isNumber,
  inRange: value => value >= least,
})

/** Milliseconds, more than 0, Infinity included. */
export const positiveTime: Kind<number> = {
  must: 'a number of milliseconds, more than 0',
  is: isNumber,
  inRange: value => value > 0,
}

/** A whole number from `least` to `most`. */
export const count = (least: number, most = Number.MAX_SAFE_INTEGER): Kind<number> => ({
  must: `a whole number, ${least} ${most === Number.MAX_SAFE_INTEGER ? 'or more' : `to ${most}`}`,
  is: isNumber,
  inRange: value => Number.isInteger(value) && value >= least && value <= most,
})

/** A whole number, `least` or more, or Infinity: no limit. */
export const limit = (least: number): Kind<number> => ({
  must: `a whole number, ${least} or more, or Infinity`,
  is: isNumber,
  inRange: value => (Number.isSafeInteger(value) || value === Number.POSITIVE_INFINITY) && value >= least,
})

/** A number from `least` to `most`. */
export const number = (least: number, most = Number.POSITIVE_INFINITY): Kind<number> => ({
  must:
    most === Number.POSITIVE_INFINITY ? `a number, ${least} or more` : `a number from ${least} to ${most}`,
  is: isNumber,
  inRange: value => value >= least && value <= most,
})

export function oneOf<const T extends string>(...values: T[]): Kind<T> {
  const shown = values.map(describe)
  return {
    must: `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`,
    is: (value): value is T => values.some(one => one === value),
  }
}

export const instanceOf = <T>(made: abstract new (...args: never[]) => T, must: string): Kind<T> => ({
  must,
  is: (value): value is T => value instanceof made,
})

export const signal: Kind<AbortSignal> = instanceOf(AbortSignal, 'an AbortSignal')

/** A function; what it takes and returns is known to the compiler alone. */
export const functionOf = <F extends (...args: never[]) => unknown>(): Kind<F> => ({
  must: 'a function',
  is: (value): value is F => typeof value === 'function',
})

/** Something with the methods of a logger. */
export const logger: Kind<Logger> = {
  must: 'a logger with the methods info, warn and error (object, message)',
  is: (value): value is Logger =>
    typeof value === 'object' &&
    value !== null &&
    ['info', 'warn', 'error'].every(name => typeof Reflect.get(value, name) === 'function'),
}

/** An object that is no array; what it holds is known to the compiler alone. */
export const objectOf = <T extends object>(): Kind<T> => ({
  must: 'an object',
  is: (value): value is T => typeof value === 'object' && value !== null && !Array.isArray(value),
})

/** An array; what it holds is known to the compiler alone. */
export const listOf = <T>(): Kind<readonly T[]> => ({
  must: 'an array',
  is: (value): value is readonly T[] => Array.isArray(value),
})

/** An array whose items are checked too; `must` says what it is an array of. */
export const listOfChecked = <T>(isItem: (item: unknown) => item is T, must: string): Kind<readonly T[]> => ({
  must: `an array of ${must}`,
  is: (value): value is readonly T[] => Array.isArray(value) && value.every(isItem),
  wrongItems: value => (Array.isArray(value) ? value.filter(item => !isItem(item)) : []),
})

/** An iterable or async iterable; what it yields is known to the compiler alone. */
export const iterableOf = <T>(): Kind<Iterable<T> | AsyncIterable<T>> => ({
  must: 'an iterable',
  is: (value): value is Iterable<T> | AsyncIterable<T> =>
    typeof value === 'string' ||
    (typeof value === 'object' &&
      value !== null &&
      (Symbol.iterator in value || Symbol.asyncIterator in value)),
})

/** One of two kinds. */
export const either = <A, B>(a: Kind<A>, b: Kind<B>): Kind<A | B> => ({
  must: `${a.must}, or ${b.must}`,
  is: (value): value is A | B => a.is(value) || b.is(value),
  inRange: value =>
    a.is(value) ? a.inRange?.(value) !== false : !b.is(value) || b.inRange?.(value) !== false,
})
