import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linesOf } from './printed.ts'
import { runExample } from './run.ts'

test('31-friend-and-attacker.ts lets the friend in and nobody else', async () => {
  const { code, stdout, stderr } = await runExample('31-friend-and-attacker.ts', {})
  assert.equal(code, 0, stdout + stderr)
  assert.deepEqual(linesOf(stdout), [
    'a friend reads: 5 gold',
    'an attacker without a key: it was started with a secretKey and none was given here',
    'an attacker who guesses: the secretKey given here is not the one that it was started with',
    'at home there is still 5 gold',
  ])
  assert.match(stderr, /^zproc server: refused a client that gave no secret key$/m)
  assert.match(stderr, /^zproc server: refused a client: it does not hold the secret key/m)
  for (const key of ['muchsecret', 'letmein']) assert.ok(!stderr.includes(key))
})
