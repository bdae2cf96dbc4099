import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, atomic, TimeoutError } from 'zproc'
import { contract } from '../kit/servers.ts'
import { assertPending, conditions, loop, once, take } from '../kit/watching.ts'

contract('conditions', room => {
  for (const condition of conditions) {
    const { once: name, loop: loopName, holds, fails } = condition
    const [yes, yes2, yes3] = holds as [object, object, object]
    const [no, no2, no3] = fails as [object, object, object]

    test('a test that returns a promise is refused: it would always count as true', async t => {
      const state = room.state(t)
      await assert.rejects(
        state.getWhen(async () => false),
        { name: 'TypeError', message: /state\.getWhen: the test returned a promise/ },
      )
      await assert.rejects(state.when(async () => false).next(), {
        message: /state\.when: the test returned/,
      })
    })

    test(`${name} resolves at once when the state meets it already`, async t => {
      const [other] = await room.pair(t)
      await other.set(yes)
      const state = await room.beside(t, other)
      assert.deepEqual(await once(state, condition), yes)
      // Nothing has been consumed: it still holds.
      assert.deepEqual(await once(state, condition), yes)
    })

    test(`${name} waits for the first update that meets it`, async t => {
      const [state, other] = await room.pairAt(t, no)
      const watching = once(state, condition)
      for (const fail of [no2, no3]) await other.set(fail)
      await assertPending(watching, state)
      await other.set(yes)
      await other.set(no)
      assert.deepEqual(await watching, yes)
    })

    test(`${name} sees an update that was over before it was asked for`, async t => {
      const [state, other] = await room.pairAt(t, no)
      await other.set(yes)
      await other.set(no2)
      assert.deepEqual(await once(state, condition), yes)
    })

    test(`${name} with live looks at the state as it is now`, async t => {
      const [state, other] = await room.pairAt(t, no)
      await other.set(yes)
      await other.set(no2)
      const watching = once(state, condition, { live: true })
      await assertPending(watching, state)
      await other.set(yes2)
      assert.deepEqual(await watching, yes2)
      assert.deepEqual(await once(state, condition, { live: true }), yes2)
    })

    test(`${name} is met by a write of its own State as well`, async t => {
      const [state] = await room.pairAt(t, no)
      const watching = once(state, condition)
      await state.set(no2)
      await assertPending(watching, state)
      await state.set(yes)
      assert.deepEqual(await watching, yes)
    })

    test(`${name} rejects with TimeoutError when its time is up`, async t => {
      const [state] = await room.pairAt(t, no)
      for (const live of [false, true])
        await assert.rejects(once(state, condition, { timeout: 20, live }), (error: Error) => {
          assert.ok(error instanceof TimeoutError)
          const keys = typeof condition.args[0] === 'string' ? "key 'x', " : ''
          assert.equal(
            error.message,
            `state.${name}: nothing came within 20 ms (${keys}namespace '${state.namespace}' at ${state.serverAddress})`,
          )
          assert.match(error.stack ?? '', /at (async )?TestContext\.<anonymous>.*conditions\.test\.ts/)
          return true
        })
    })

    test(`${name} rejects with the reason of its signal`, async t => {
      const [state] = await room.pairAt(t, no)
      const reason = new Error('enough')
      const abort = new AbortController()
      const watching = once(state, condition, { signal: abort.signal })
      abort.abort(reason)
      await assert.rejects(watching, error => error === reason)
      await assert.rejects(once(state, condition, { signal: abort.signal }), error => error === reason)
      await assert.rejects(once(state, condition, { signal: AbortSignal.abort() }), { name: 'AbortError' })
    })

    test(`${loopName} gives the state at once if it meets it, then each later update that does`, async t => {
      const [own, other] = await room.pairAt(t, yes)
      const iterator = loop(own, condition)
      assert.deepEqual(await take(iterator, 1), [yes])
      const next = iterator.next()
      await assertPending(next, own)
      for (const update of [no, yes2, no2, yes3, no3]) await other.set(update)
      assert.deepEqual((await next).value, yes2)
      assert.deepEqual(await take(iterator, 1), [yes3])
      const last = iterator.next()
      await assertPending(last, own)
      await other.set(yes)
      assert.deepEqual((await last).value, yes)
      await iterator.return?.()
    })

    test(`${loopName} is not triggered by its own State's writes`, async t => {
      const [own, other] = await room.pairAt(t, no)
      const iterator = loop(own, condition)
      const next = iterator.next()
      await own.set(yes)
      await own.set(no2)
      await assertPending(next, own)
      await other.set(yes2)
      assert.deepEqual((await next).value, yes2)
      await iterator.return?.()
    })

    test(`${loopName} counts updates that leave things equal only with duplicateOkay`, async t => {
      const [own, other] = await room.pairAt(t, no)
      const all = loop(own, condition, { duplicateOkay: true })
      const distinct = loop(await room.beside(t, own), condition)
      const nexts = [all.next(), distinct.next()]
      for (const update of [yes, yes, yes2]) await other.set(update)
      assert.deepEqual(
        (await Promise.all(nexts)).map(({ value }) => value),
        [yes, yes],
      )
      assert.deepEqual(await take(all, 2), [yes, yes2])
      assert.deepEqual(await take(distinct, 1), [yes2])
      await all.return?.()
      await distinct.return?.()
    })

    test(`${loopName} misses nothing that another watcher of its State has seen already`, async t => {
      const [state, other] = await room.pairAt(t, no)
      const [ahead, behind] = [loop(state, condition), loop(state, condition)]
      const firsts = [take(ahead, 1), take(behind, 1)]
      for (const held of [yes, yes2, yes3]) await other.set(held)
      await Promise.all(firsts)
      assert.deepEqual(await take(ahead, 2), [yes2, yes3])
      assert.deepEqual(await take(behind, 2), [yes2, yes3])
      for (const iterator of [ahead, behind]) await iterator.return?.()
    })

    test(`${loopName} with live gives the newest state, once for all that came while its body ran`, async t => {
      const [state, other] = await room.pairAt(t, no)
      const iterator = loop(state, condition, { live: true })
      const next = iterator.next()
      await assertPending(next, state)
      await other.set(yes)
      assert.deepEqual((await next).value, yes)
      for (const update of [yes2, no, no2]) await other.set(update)
      const late = iterator.next()
      await assertPending(late, state)
      await other.set(yes3)
      assert.deepEqual((await late).value, yes3)
      for (const update of [yes, no, yes2]) await other.set(update)
      assert.deepEqual(await take(iterator, 1), [yes2])
      const last = iterator.next()
      await assertPending(last, state)
      await iterator.return?.()
      assert.deepEqual(await last, { done: true, value: undefined })
    })

    test(`${loopName} ends with TimeoutError when a step takes too long`, async t => {
      const [state] = await room.pairAt(t, no)
      const iterator = loop(state, condition, { timeout: 20, live: true })
      await assert.rejects(iterator.next(), {
        name: 'TimeoutError',
        message: new RegExp(`state\\.${loopName}`),
      })
      assert.deepEqual(await iterator.next(), { done: true, value: undefined })
    })

    test(`${loopName} ends with the reason of its signal`, async t => {
      const [state] = await room.pairAt(t, no)
      const abort = new AbortController()
      const iterator = loop(state, condition, { signal: abort.signal, live: true })
      const next = iterator.next()
      await assertPending(next, state)
      abort.abort(new Error('enough'))
      await assert.rejects(next, /enough/)
    })
  }

  test('a condition is tested on the state as this State last saw it, not on the newest', async t => {
    const [other] = await room.pair(t)
    await other.set('n', 1)
    const state = await room.beside(t, other)
    await other.set('n', 2)
    await other.set('n', 3)
    assert.deepEqual(await state.getWhen(() => true), { n: 1 })
    assert.deepEqual(await state.getWhenEqual('n', 2), { n: 2 })
    // 3 was not seen yet; 1 and 2 are past.
    assert.deepEqual(await state.getWhenNotEqual('n', 7), { n: 2 })
    assert.deepEqual(await state.getWhenNotEqual('n', 2), { n: 3 })
  })

  test('an error of the test function is what the watcher rejects with', async t => {
    const state = room.state(t)
    const mistake = new RangeError('mistake')
    await assert.rejects(
      state.getWhen(() => {
        throw mistake
      }),
      error => error === mistake,
    )
    await assert.rejects(
      state
        .when(() => {
          throw mistake
        })
        .next(),
      error => error === mistake,
    )
    await state.set('x', 1)
    assert.deepEqual(await state.getWhenEqual('x', 1), { x: 1 })
  })

  test('a condition need not know the key that it waits for', async t => {
    const state = room.state(t)
    assert.deepEqual(await state.getWhenNone('x'), {})
    assert.deepEqual(await state.getWhenEqual('x', undefined), {})
    assert.deepEqual(await state.getWhenNotEqual('x', 1), {})
  })

  test('wrong arguments are shown', async t => {
    const state = room.state(t)
    const wrong = (value: unknown) => value as never
    await assert.rejects(state.getWhen(wrong('x')), {
      name: 'TypeError',
      message: /state\.getWhen: the test must be a function.*got .x/,
    })
    await assert.rejects(
      state.getWhenEqual(
        'f',
        wrong(() => 1),
      ),
      { name: 'TypeError', message: /f is a function/ },
    )
    await assert.rejects(state.getWhenNone('x', { timeout: wrong('5') }), {
      name: 'TypeError',
      message: /state\.getWhenNone: timeout .*got '5'/,
    })
    await assert.rejects(state.getWhenNone('x', { timeout: -1 }), { name: 'RangeError', message: /got -1/ })
    await assert.rejects(state.getWhenNone('x', { timeout: Number.NaN }), TypeError)
    await assert.rejects(state.getWhenNone('x', { live: wrong(1) }), {
      name: 'TypeError',
      message: /live .*got 1/,
    })
    await assert.rejects(state.getWhenNone('x', { duplicateOkay: wrong('yes') }), {
      name: 'TypeError',
      message: /duplicateOkay .*yes/,
    })
    await assert.rejects(state.getWhenNone('x', { signal: wrong({}) }), {
      name: 'TypeError',
      message: /signal must be an AbortSignal/,
    })
    await assert.rejects(state.getWhenNone('x', wrong(null)), {
      name: 'TypeError',
      message: /options must be an object, got null/,
    })
    assert.throws(() => state.whenNone('x', { timeout: -1 }), RangeError)
    assert.throws(() => state.when(wrong(1)), TypeError)
  })

  test('Infinity is a timeout: none', async t => {
    const [state, other] = await room.pair(t)
    const watching = state.getWhenEqual('x', 1, { timeout: Number.POSITIVE_INFINITY })
    await assertPending(watching, state)
    await other.set('x', 1)
    assert.deepEqual(await watching, { x: 1 })
  })

  test('when a State is closed its loops end quietly, and what else waits rejects with ClosedError', async t => {
    const [, other] = await room.pair(t)
    const state = other.fork()
    const loops = [
      state.whenEqual('x', 1),
      state.whenEqual('x', 1, { live: true }),
      state.whenChange(),
      state.whenChange('x', { live: true }),
      state.rawUpdates({ live: true }),
    ]
    const steps = loops.map(loop => loop.next())
    const once = [
      state.getWhenEqual('x', 1),
      state.getWhenEqual('x', 1, { live: true }),
      state.getWhenChange('x'),
      state.getRawUpdate(),
    ]
    for (const one of [...once, ...steps]) one.catch(() => {})
    for (const one of [...once, ...steps]) await assertPending(one, other)
    await state.close()
    for (const step of steps) assert.deepEqual(await step, { done: true, value: undefined })
    for (const loop of loops) assert.deepEqual(await loop.next(), { done: true, value: undefined })
    const closed = { name: 'ClosedError', code: 'ZPROC_CLOSED', message: /closed/ }
    for (const one of once) await assert.rejects(one, closed)
    await assert.rejects(state.getWhenEqual('x', 1), closed)
  })

  test('a loop whose body closes its State ends quietly', async t => {
    const [, other] = await room.pair(t)
    await other.set('x', 1)
    for (const live of [false, true]) {
      const state = await room.beside(t, other)
      const seen: unknown[] = []
      for await (const snapshot of state.whenEqual('x', 1, { live })) {
        seen.push(snapshot)
        await state.close()
      }
      assert.deepEqual(seen, [{ x: 1 }])
    }
  })

  test('a condition is never tested on a state without an acknowledged write of its State', async t => {
    const [other] = await room.pair(t)
    for (const live of [false, true]) {
      const state = await room.beside(t, other)
      const key = `mine, live: ${live}`
      await other.set('foreign', live)
      await state.set(key, 1)
      await assert.rejects(state.getWhenNone(key, { timeout: 20, live }), { name: 'TimeoutError' })
      assert.equal((await state.getWhenNotNone(key, { live }))[key], 1)
      assert.equal((await state.getWhen(() => true, { live }))[key], 1)
      assert.equal(
        (
          await take(
            state.when(() => true, { live }),
            1,
          )
        )[0]?.[key],
        1,
      )
      await state.set(key, 2)
      assert.equal((await state.getWhenAvailable(key, { live }))[key], 2)
    }
  })

  test('a call that changes nothing is no write: conditions go on where they were', async t => {
    const [state, other] = await room.pairAt(t, { x: 1, kept: 1 })
    await other.set('x', 2)
    await other.set('x', 3)
    assert.equal(await state.setDefault('kept', 5), 1)
    assert.equal(await state.delete('missing'), false)
    await atomic((s: AnyState) => s.kept)(state)
    await atomic(async (s: AnyState) => s.kept)(state)
    assert.deepEqual(await state.getWhen(s => s.x > 1), { x: 2, kept: 1 })
  })

  test('a one-shot watcher takes nothing from the others of its State', async t => {
    const [state, other] = await room.pairAt(t, { n: 0 })
    const waiting = state.getWhenEqual('n', 'never')
    waiting.catch(() => {})
    for (let n = 1; n <= 5; n++) await other.set('n', n)
    await state.ping()
    for (let n = 1; n <= 5; n++) assert.deepEqual(await state.getWhenChange('n'), { n })
    for (let n = 6; n <= 9; n++) await other.set('n', n)
    await assert.rejects(state.getWhenEqual('n', 'never', { timeout: 20 }), { name: 'TimeoutError' })
    for (let n = 6; n <= 9; n++) assert.deepEqual(await state.getWhenChange('n'), { n })
    await state.set('n', 'never')
    assert.deepEqual(await waiting, { n: 'never' })
  })
})
