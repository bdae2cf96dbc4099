import fc from 'fast-check'

const keys = fc.string({ unit: 'binary' }).filter(key => key !== '__proto__')

const primitives = fc.oneof(
  fc.constantFrom(
    null,
    undefined,
    true,
    false,
    Number.NaN,
    -0,
    0,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ),
  fc.integer(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
  fc.string(),
  // Lone surrogates included.
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 }).map(units => String.fromCharCode(...units)),
)

const bytes = fc.oneof(
  fc.uint8Array().map(array => Buffer.from(array)),
  fc.uint8Array().map(array => array.buffer as ArrayBuffer),
  fc.int8Array(),
  fc.uint8Array(),
  fc.uint8ClampedArray(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
)

const leaves = fc.oneof(
  { weight: 6, arbitrary: primitives },
  { weight: 1, arbitrary: bytes },
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(/a+/gi, /[^/]/u, /(?<name>x)\n/sy),
)

const { value, object } = fc.letrec<{ value: unknown; object: Record<string, unknown>; error: Error }>(
  tie => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaves,
      tie('object'),
      fc.array(tie('value'), { maxLength: 5 }),
      fc.sparseArray(tie('value'), { maxNumElements: 3, maxLength: 10, noTrailingHole: false }),
      fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map(entries => new Map(entries)),
      fc.array(tie('value'), { maxLength: 4 }).map(values => new Set(values)),
      tie('error'),
    ),
    object: fc.dictionary(keys, tie('value'), { maxKeys: 5, noNullPrototype: false }),
    error: fc
      .tuple(
        fc.constantFrom(Error, TypeError, RangeError, SyntaxError),
        fc.string(),
        fc.option(tie('value'), { nil: undefined }),
        fc.dictionary(fc.constantFrom('status', 'path', 'detail'), tie('value'), {
          maxKeys: 2,
          noNullPrototype: true,
        }),
      )
      .map(([Class, message, cause, fields]) =>
        Object.assign(cause === undefined ? new Class(message) : new Class(message, { cause }), fields),
      ),
  }),
)

/** Anything that is data. */
export const anyValue: fc.Arbitrary<unknown> = value

/** A plain object of data: what a whole state may be. */
export const anyObject: fc.Arbitrary<Record<string, unknown>> = object.map(held => ({ ...held }))
