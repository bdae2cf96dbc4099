import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import fc from 'fast-check'
import * as own from '../../src/errors.ts'
import { errorFromWire, errorToWire } from '../../src/protocol/values.ts'
import { anyValue, assertSame } from '../kit/values.ts'

const sent = (error: unknown): unknown => errorFromWire(errorToWire(error))

class Oops extends Error {
  readonly at = new Date(0)
  retry = () => 1
  #secret = 'x'
  reveal(): string {
    return this.#secret
  }
}
class HttpError extends TypeError {
  override name = 'HttpError'
  readonly status: number
  constructor(status: number) {
    super(`status ${status}`)
    this.status = status
  }
}
class Late extends own.TimeoutError {}

test('an error of a built-in class travels as it is, its stack included', () => {
  for (const One of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]) {
    const error = new One('it went wrong', { cause: new Error('why') })
    const back = sent(error)
    assert.ok(back instanceof One)
    assert.equal(back.stack, error.stack)
    assertSame(back, error)
  }
})

test("zproc's own errors travel as themselves: class, code and fields", () => {
  const errors = [
    new own.TimeoutError('late'),
    new own.KeyError('no such key', { key: 'k' }),
    new own.ConnectionError('gone', { outcome: 'unknown', cause: new Error('reset') }),
    new own.ProcessWaitError('failed', -15, undefined, { cause: new RangeError('there') }),
    new own.RemoteException(new Error('inside')),
    new own.SignalException('SIGTERM'),
    new own.ProcessExit(3),
    new own.MissedUpdatesError(3, 9),
    new own.WorkerCrashError('crashed', [1, 2]),
  ]
  const classes = Object.entries(own).filter(([, one]) => typeof one === 'function')
  assert.deepEqual(own.ownErrors, Object.fromEntries(classes))
  for (const error of errors) {
    const back = sent(error)
    assert.ok(back instanceof error.constructor && back instanceof own.ZprocError)
    assert.equal(back.code, error.code)
    assertSame(back, error)
  }
})

test("an error of a user's class keeps name, message, stack, cause and data, of the nearest class that is known", () => {
  const oops = new Oops('broken', { cause: new HttpError(500) })
  const back = sent(oops) as Oops
  assert.ok(back instanceof Error)
  assert.equal(back.constructor.name, 'Oops')
  assert.equal(back.name, 'Oops')
  assert.equal(back.message, 'broken')
  assert.equal(back.stack, oops.stack)
  assert.deepEqual({ ...back }, { at: new Date(0) })
  const cause = back.cause as HttpError
  assert.ok(cause instanceof TypeError)
  assert.deepEqual([cause.name, cause.message, cause.status], ['HttpError', 'status 500', 500])
  assert.equal(cause.constructor.name, 'HttpError')

  const late = sent(new Late('late')) as Late
  assert.ok(late instanceof own.TimeoutError)
  assert.deepEqual([late.code, late.name, late.constructor.name], ['ZPROC_TIMEOUT', 'Late', 'Late'])
})

test('two errors of one class are of one class when they come back', () => {
  assert.equal((sent(new Oops('a')) as Oops).constructor, (sent(new Oops('b')) as Oops).constructor)
})

test("a user's class that has the name of one of zproc's is not taken for it", () => {
  const TimeoutError = class extends Error {}
  Object.defineProperty(TimeoutError, 'name', { value: 'TimeoutError' })
  const back = sent(new TimeoutError('mine')) as Error
  assert.ok(!(back instanceof own.TimeoutError))
  assert.equal(back.name, 'TimeoutError')
})

test('errors of the platform travel: of the file system, of an abort', () => {
  let missing: unknown
  try {
    readFileSync('/no/such/file')
  } catch (error) {
    missing = error
  }
  assertSame(sent(missing), missing)
  const aborted = sent(AbortSignal.abort().reason) as Error
  assert.ok(aborted instanceof Error)
  assert.deepEqual([aborted.name, aborted.message], ['AbortError', 'This operation was aborted'])
  assert.match(String(aborted.stack), /AbortError/)
})

test('what is no data in an error stays behind', () => {
  const error = Object.assign(new Error('x'), {
    socket: new WeakMap(),
    handlers: [print, 1],
    byName: new Map<unknown, unknown>([
      ['a', print],
      ['b', 2],
    ]),
    all: new Set([print, 3]),
    [Symbol('s')]: 1,
    ok: true,
  })
  Object.defineProperty(error, 'broken', {
    enumerable: true,
    get() {
      throw new Error('no')
    },
  })
  const back = sent(error) as Error
  assert.deepEqual(
    { ...back },
    { handlers: [undefined, 1], byName: new Map([['b', 2]]), all: new Set([3]), ok: true },
  )
})

function print(): void {}

test('an error that is its own cause travels', () => {
  const error = new Oops('loop')
  error.cause = { error }
  const back = sent(error) as Oops & { cause: { error: unknown } }
  assert.ok(back.cause.error === back)
})

test('whatever is thrown travels; what is no data comes as its description', () => {
  for (const thrown of [undefined, null, 0, -0, 'text', 10n, { code: 1 }, [1, new Date(0)]])
    assertSame(sent(thrown), thrown)
  assert.equal(sent(print), 'a function')
  assert.equal(sent(Symbol('x')), 'a symbol')
  assert.equal(sent(new WeakMap()), 'an instance of WeakMap')
  assert.deepEqual(sent({ status: 404, handler: print }), { status: 404 })
  fc.assert(
    fc.property(anyValue, value => assertSame(sent(value), value)),
    { numRuns: 300 },
  )
})

test('an error that cannot even be looked at travels as something', () => {
  const hostile = new Proxy(new Error('x'), {
    get() {
      throw new Error('no')
    },
    ownKeys() {
      throw new Error('no')
    },
  })
  assert.equal(typeof sent(hostile), 'string')
  class Computed extends Error {
    override get message(): string {
      throw new Error('no')
    }
  }
  assert.equal((sent(new Computed()) as Error).name, 'Computed')
})

test('the name of a class is only a name', () => {
  for (const name of ['__proto__', 'constructor', '', '<x>"', 'a'.repeat(10_000)]) {
    const One = class extends Error {}
    Object.defineProperty(One, 'name', { value: name })
    const back = sent(new One('x')) as Error
    assert.equal(back.message, 'x')
    assert.ok(back instanceof Error)
  }
  assert.equal(Object.getPrototypeOf(new Error('x')), Error.prototype)
})
