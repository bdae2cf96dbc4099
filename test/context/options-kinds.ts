import { constants } from 'node:os'
import fc from 'fast-check'

/** What the value of an option is to be, said without the schemas of zproc. undefined: left open. */
export type Expected = (value: unknown) => boolean | undefined

const isNumber = (value: unknown): value is number => typeof value === 'number' && !Number.isNaN(value)
const isText = (value: unknown) => typeof value === 'string' && value !== ''
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
const isFunction = (value: unknown) => typeof value === 'function'

export const flag: Expected = value => typeof value === 'boolean'
export const text: Expected = isText
/** A text of which not every one will do. */
export const address: Expected = value => (isText(value) ? undefined : false)
/** A folder: none is made for a test of options. */
export const folder: Expected = value => (isText(value) ? undefined : false)
export const durability: Expected = value => {
  if (isObject(value)) return Object.keys(value as object).join() === 'interval' ? undefined : false
  return value === 'commit' || value === 'none'
}
/** Bounds of what is kept: what they are has tests of its own. */
export const bounds: Expected = value => (isObject(value) ? undefined : false)
export const time =
  (least = 0): Expected =>
  value =>
    isNumber(value) && value >= least
export const timeToLive: Expected = value => isNumber(value) && value > 0
export const count =
  (least: number, most = Number.MAX_SAFE_INTEGER): Expected =>
  value =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most
export const limit =
  (least: number): Expected =>
  value =>
    value === Number.POSITIVE_INFINITY || count(least)(value)
export const number =
  (least: number, most = Number.POSITIVE_INFINITY): Expected =>
  value =>
    isNumber(value) && value >= least && value <= most
export const oneOf =
  (...texts: string[]): Expected =>
  value =>
    texts.includes(value as string)
export const callback: Expected = isFunction
export const logger: Expected = value =>
  typeof value === 'object' &&
  value !== null &&
  ['info', 'warn', 'error'].every(name => isFunction(Reflect.get(value, name)))
export const signal: Expected = value => value instanceof AbortSignal
export const bytes: Expected = value => value instanceof Uint8Array
/** An object, of data if it is sent somewhere. */
export const object: Expected = value =>
  isObject(value) ? (Object.getPrototypeOf(value) === Object.prototype ? true : undefined) : false
/** Arguments: an array of data. */
export const list: Expected = value =>
  Array.isArray(value) ? (value.some(item => isFunction(item)) ? undefined : true) : false
export const texts: Expected = value => Array.isArray(value) && value.every(item => typeof item === 'string')
export const failures: Expected = value =>
  Array.isArray(value) &&
  value.every(item => isFunction(item) || (typeof item === 'string' && item in constants.signals))
export const iterable: Expected = value =>
  typeof value === 'string' ||
  (typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value))
export const either =
  (a: Expected, b: Expected): Expected =>
  value =>
    a(value) || b(value)

const aborted = AbortSignal.abort(new Error('aborted before the call'))

/** Values of all kinds, the ends of ranges among them. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.double() },
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) },
  {
    weight: 6,
    arbitrary: fc.constantFrom<unknown>(
      ...[Number.NaN, Infinity, -Infinity, -0, 0.5, 1.5, 99, 100, 1023, 1024, 10_000, 10_001],
      ...[2 ** 31 - 1, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER + 1],
    ),
  },
  { weight: 2, arbitrary: fc.boolean() },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      '',
      '5',
      '5s',
      'true',
      'process',
      'thread',
      'inline',
      'commit',
      'none',
      'inherit',
      'pipe',
      'own',
      'shared',
    ),
  },
  { weight: 1, arbitrary: fc.string() },
  {
    weight: 12,
    arbitrary: fc.constantFrom<unknown>(
      ...[null, Symbol('s'), 1n, () => 1, class {}, Error, aborted, {}, { a: 1 }, new Map(), new Date(0)],
      ...[[], [1], ['a'], [Error], ['SIGTERM'], ['SIGNOPE'], [Error, 'SIGKILL'], [[1], [2]], new Set([1])],
      ...[new Uint8Array(3), Buffer.from('ab'), new Uint16Array(2), new AbortController(), Promise.resolve()],
    ),
  },
)
