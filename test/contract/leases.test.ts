import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, atomic } from 'zproc'
import { contract } from '../kit/servers.ts'
import { take } from '../kit/watching.ts'

// From now on: the keys are not there either at the revision at which the States begin.
const live = { live: true }

contract('claims and times to live', room => {
  test('a key goes when its time is up, in one commit of the method expire that its writer sees too', async t => {
    const [state, other] = await room.pair(t)
    const [own, others] = [state.rawUpdates(), other.rawUpdates()]
    const begun = performance.now()
    await state.set('short', { deep: [1] }, { ttl: 150 })
    assert.equal(await state.setDefault('long', 1, { ttl: 60_000 }), 1)
    const [expired = assert.fail()] = await take(own, 1)
    assert.ok(performance.now() - begun >= 149, 'not before its time')
    const { before, after, by, identical } = expired
    assert.deepEqual(before, { short: { deep: [1] }, long: 1 })
    assert.deepEqual([after, by.method, by.pid, identical], [{ long: 1 }, 'expire', process.pid, false])
    assert.deepEqual(
      (await take(others, 3)).map(update => [update.by.method, update.revision]),
      [
        ['set', expired.revision - 2],
        ['setDefault', expired.revision - 1],
        ['expire', expired.revision],
      ],
    )
    await Promise.all([own.return?.(), others.return?.()])
  })

  test('to put a key anew ends its time or begins another; an atomic function leaves it the rest', async t => {
    const [state, other] = await room.pair(t)
    const ttl = 1500
    for (const key of [
      'set',
      'update',
      'atomic',
      'assigned',
      'held',
      'deleted',
      'popped',
      'there',
      'untouched',
    ])
      await state.set(key, [1], { ttl })
    await state.set('longer', 1, { ttl })
    await other.set('longer', 2, { ttl: 60_000 })
    await other.set('set', 2)
    await other.update({ update: 2 })
    await atomic((s: AnyState) => {
      s.atomic.push(2)
      s.assigned = 2
    })(other)
    await atomic(async (s: AnyState) => {
      s.held = 2
    })(other)
    await other.delete('deleted')
    await other.set('deleted', 2)
    await other.pop('popped')
    assert.equal(await other.setDefault('popped', 2), 2)
    assert.deepEqual(await other.setDefault('there', 2, { ttl: 60_000 }), [1])
    const gone = ['atomic', 'assigned', 'held', 'there', 'untouched']
    await state.getWhen(s => gone.every(key => !(key in s)), live)
    assert.deepEqual(await other.copy(), { longer: 2, set: 2, update: 2, deleted: 2, popped: 2 })
  })

  test('a state that is replaced or cleared has no times left', async t => {
    const [state, other] = await room.pair(t)
    await state.set('a', 1, { ttl: 100 })
    await other.set({ a: 2, b: 2 })
    await state.set('c', 1, { ttl: 100 })
    await other.clear()
    await other.set('c', 2)
    await state.set('end', 1, { ttl: 200 })
    await state.getWhen(s => s.c === 2 && !('end' in s), live)
    assert.deepEqual(await other.copy(), { c: 2 })
  })

  test('a claim is given to the first, and all get the value of the one that has it', async t => {
    const [state, other] = await room.pair(t)
    const states = [state, other, await room.beside(t, state), await room.beside(t, other)]
    const claims = await Promise.all(states.map((one, i) => one.setDefault('leader', i, { ephemeral: true })))
    assert.equal(new Set(claims).size, 1)
    const [leader = assert.fail()] = claims
    assert.equal(await state.get('leader'), leader)
  })

  test('a claim ends with the session of the one that has it, and then the next one gets it', async t => {
    const [state, other] = await room.pair(t)
    assert.equal(await other.setDefault('lock', 'first', { ephemeral: true }), 'first')
    assert.equal(await state.setDefault('lock', 'second', { ephemeral: true }), 'first')
    await other.close()
    await state.getWhenNone('lock', live)
    assert.equal(await state.setDefault('lock', 'second', { ephemeral: true }), 'second')
    assert.equal((await state.lease('lock'))?.ephemeral, true)
  })

  test('what a key is tied to, and until when, can be asked', async t => {
    const [state, other] = await room.pair(t)
    assert.equal(await state.lease('missing'), null)
    await state.set('plain', 1)
    assert.equal(await state.lease('plain'), null)
    const { pid } = process
    await state.set('tied', 1, { ephemeral: true })
    const tied = await other.lease('tied')
    assert.deepEqual(tied, { by: { pid, name: tied?.by.name }, ephemeral: true, expires: null })
    await state.set('both', 1, { ephemeral: true, ttl: 60_000 })
    const { by, ephemeral, expires } = (await other.lease('both')) ?? assert.fail()
    assert.deepEqual([by.pid, ephemeral], [pid, true])
    const left = (expires?.getTime() ?? 0) - Date.now()
    assert.ok(left > 50_000 && left <= 60_001, `${left} ms are left`)
    await state.set('both', 1)
    assert.equal(await other.lease('both'), null)
    await state.set('ends', 1, { ttl: Number.POSITIVE_INFINITY })
    assert.equal(await other.lease('ends'), null)
  })

  test('a key that is ephemeral and has a time to live goes with whichever ends first', async t => {
    const [state, other] = await room.pair(t)
    await other.set('session', 1, { ephemeral: true, ttl: 60_000 })
    await other.set('time', 1, { ephemeral: true, ttl: 50 })
    assert.deepEqual(await state.getWhen(s => 'session' in s && !('time' in s), live), { session: 1 })
    await other.close()
    await state.getWhenNone('session', live)
  })

  test('while an async atomic function has the namespace, no key goes', async t => {
    const [state, other] = await room.pair(t)
    await state.set('short', 1, { ttl: 100 })
    const seen = await atomic(async (s: AnyState) => {
      await new Promise(resolve => setTimeout(resolve, 300))
      s.seen = s.short
      return s.short
    })(other)
    assert.equal(seen, 1)
    assert.deepEqual(await state.getWhenNone('short', live), { seen: 1 })
  })

  test('a lease that makes no sense is refused at the call', async t => {
    const state = room.state(t)
    for (const ttl of [0, -5])
      for (const call of [state.set('a', 1, { ttl }), state.setDefault('a', 1, { ttl })])
        await assert.rejects(call, {
          name: 'RangeError',
          message: /ttl must be a number of milliseconds, more than 0, got/,
        })
    for (const ttl of [Number.NaN, '5', null])
      await assert.rejects(state.set('a', 1, { ttl: ttl as never }), {
        name: 'TypeError',
        message: /ttl must be/,
      })
    await assert.rejects(state.setDefault('a', 1, { ephemeral: 1 as never }), {
      name: 'TypeError',
      message: /state\.setDefault: ephemeral must be true or false, got 1/,
    })
    assert.deepEqual(await state.copy(), {})
  })
})
