import assert from 'node:assert/strict'
import { test } from 'node:test'
import FakeTimers from '@sinonjs/fake-timers'
import { after, cancel, LONGEST_DELAY, sleep } from '../../src/async/interval.ts'

test('a time of any length ends when it has passed, and Infinity never', async t => {
  const clock = FakeTimers.install({ toFake: ['setTimeout', 'clearTimeout'] })
  t.after(() => clock.uninstall())
  // Its timers are taken when it is loaded: this one takes those of the clock.
  const faked: typeof import('../../src/async/interval.ts') = await import(
    new URL('../../src/async/interval.ts?faked', import.meta.url).href
  )
  for (const ms of [1, 1000, LONGEST_DELAY, LONGEST_DELAY + 1, 2 ** 32, 1e11]) {
    let fired = 0
    faked.after(ms, () => fired++)
    clock.tick(ms - 1)
    assert.equal(fired, 0, `${ms} ms ended early`)
    clock.tick(1 + Math.ceil(ms / LONGEST_DELAY))
    assert.equal(fired, 1, `${ms} ms did not end`)
  }
  // Past what is exact: each of the timers that it takes is one that Node does not cut.
  for (const ms of [1e15, 1e20, 1e300, Number.MAX_VALUE]) {
    faked.after(ms, () => assert.fail(`${ms} ms ended`))
    clock.tick(1000)
  }
  assert.equal(
    faked.after(Number.POSITIVE_INFINITY, () => assert.fail('it ended')),
    undefined,
  )
  assert.equal(
    faked.after(undefined, () => assert.fail('it ended')),
    undefined,
  )
})

test('what replaces the timers of Node later has no effect', async t => {
  const clock = FakeTimers.install({ toNotFake: ['nextTick'] })
  t.after(() => clock.uninstall())
  await sleep(1)
  const never = after(2 ** 40, () => assert.fail('it fired'))
  await sleep(10)
  cancel(never)
})
