import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoff } from 'zproc'
import type { Failure } from '../../src/process/attempt.ts'
import { RetryPolicy } from '../../src/process/retry.ts'

const failure = (
  classes: string[],
  signal?: NodeJS.Signals,
  reason: Failure['reason'] = 'error',
): Failure => ({
  reason,
  error: undefined,
  classes,
  signal,
  words: '',
})

test('nothing is retried unless it is listed', () => {
  assert.equal(new RetryPolicy({}).next(failure(['Error'])), undefined)
  assert.equal(new RetryPolicy({ retryFor: [TypeError] }).next(failure(['RangeError', 'Error'])), undefined)
  assert.equal(new RetryPolicy({ retryFor: [TypeError] }).next(failure(['TypeError', 'Error'])), 5000)
  assert.equal(new RetryPolicy({ retryFor: [Error] }).next(failure([], 'SIGTERM', 'signal')), undefined)
  assert.equal(new RetryPolicy({ retryFor: ['SIGTERM'] }).next(failure([], 'SIGTERM', 'signal')), 5000)
})

test('retries are counted, and restarts within a time', () => {
  const counted = new RetryPolicy({ retryFor: [Error], maxRetries: 2, retryDelay: 1 })
  assert.deepEqual(
    [1, 2, 3].map(() => counted.next(failure(['Error']))),
    [1, 1, undefined],
  )

  let now = 0
  const budget = new RetryPolicy({ retryFor: [Error], maxRestarts: 2, within: 100, retryDelay: 1 }, () => now)
  const next = () => budget.next(failure(['Error']))
  assert.deepEqual([next(), next(), next()], [1, 1, undefined])
  now = 101
  assert.equal(next(), 1)
})

test('backoff grows up to its limit, and leaves part of it to chance', t => {
  const plain = backoff({ base: 10, factor: 3, max: 100, jitter: 0 })
  assert.deepEqual([1, 2, 3, 4].map(plain), [10, 30, 90, 100])
  t.mock.method(Math, 'random', () => 1)
  assert.equal(backoff({ base: 10, jitter: 0.25 })(2), 15)
  assert.throws(() => backoff({ base: -1 }), {
    message: 'backoff: base must be a number of milliseconds, 0 or more, got -1',
  })
  assert.throws(() => backoff({ jitter: 2 }), {
    message: 'backoff: jitter must be a number from 0 to 1, got 2',
  })
})
