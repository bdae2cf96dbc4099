import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, atomic } from 'zproc'
import { contract } from '../kit/servers.ts'
import { assertPending } from '../kit/watching.ts'

contract('view', room => {
  test('a view holds the state as it is when it is made', async t => {
    const state = room.state(t)
    await state.set({ x: 1, y: { z: 2 } })
    const view = await state.view()
    assert.equal(view.get('x'), 1)
    assert.deepEqual(view.get('y'), { z: 2 })
    assert.equal(view.get('missing'), undefined)
    assert.deepEqual(view.snapshot, { x: 1, y: { z: 2 } })
    assert.equal(view.revision, 1)
  })

  test('a view holds a write of its State as soon as that write is acknowledged', async t => {
    const state = room.state(t)
    const view = await state.view()
    const change = atomic((s: AnyState) => {
      s.a = { list: [1] }
    })
    const slowly = atomic(async (s: AnyState) => {
      s.b = s.a.list.length
    })
    for (let i = 0; i < 100; i++) {
      await state.set('x', i)
      assert.equal(view.get('x'), i)
    }
    await state.update({ y: 1 })
    assert.equal(view.get('y'), 1)
    await change(state)
    assert.deepEqual(view.get('a'), { list: [1] })
    await slowly(state)
    assert.equal(view.get('b'), 1)
    await state.delete('y')
    assert.equal(view.get('y'), undefined)
    assert.equal(await state.pop('x'), 99)
    assert.deepEqual(view.snapshot, { a: { list: [1] }, b: 1 })
    await state.clear()
    assert.deepEqual(view.snapshot, {})
    assert.equal(await state.setDefault('d', 5), 5)
    assert.equal(view.get('d'), 5)
  })

  test('a view is kept current with the writes of others and never goes back', async t => {
    const [state, other] = await room.pair(t)
    const view = await state.view()
    const writes = Promise.all(Array.from({ length: 2000 }, (_, n) => other.set('n', n)))
    let last = -1
    let revision = 0
    while (view.get('n') !== 1999) {
      await state.size()
      const n = view.get('n') ?? -1
      assert.ok(n >= last && view.revision >= revision)
      assert.equal(view.revision, n + 1)
      last = n
      revision = view.revision
    }
    await writes
  })

  test('what a view gives is frozen, and the same object while nothing changes', async t => {
    const state = room.state(t)
    await state.set('x', { list: [1] })
    const view = await state.view()
    const { snapshot } = view
    assert.equal(view.snapshot, snapshot)
    assert.equal(view.get('x'), view.get('x'))
    assert.throws(() => view.get('x').list.push(2), TypeError)
    assert.throws(() => Object.assign(snapshot, { y: 1 }), TypeError)
    await state.set('y', 2)
    assert.deepEqual(snapshot, { x: { list: [1] } })
    assert.equal(view.get('x'), snapshot.x)
  })

  test('a closed view stays where it is and delays nothing', async t => {
    const state = room.state(t)
    const view = await state.view()
    const other = await state.view()
    await state.set('x', 1)
    view.close()
    view.close()
    await state.set('x', 2)
    assert.equal(view.get('x'), 1)
    assert.equal(other.get('x'), 2)
  })

  test('a State that is closed makes no views', async t => {
    const state = room.state(t)
    await state.close()
    await assert.rejects(state.view(), { name: 'ClosedError' })
  })

  test('a view survives more updates than the server keeps', async t => {
    const { pair } = await room.set(t, { historyLimit: 5 })
    const [state, other] = await pair(t)
    const view = await state.view()
    const big = 'x'.repeat(5000)
    await Promise.all(Array.from({ length: 1000 }, (_, n) => other.set('n', { n, big })))
    await state.set('own', 1)
    assert.equal(view.get('own'), 1)
    assert.equal(view.get('n').n, 999)
    assert.equal(view.revision, 1001)
  })

  test('changes of a view give the newest snapshot, once for all that came meanwhile, and end with the view', async t => {
    const [state, other] = await room.pair(t)
    const view = await state.view()
    assert.equal(view.connected, true)
    const changes = view.changes()
    const first = changes.next()
    await assertPending(first, state)
    await other.set('n', 0)
    assert.deepEqual((await first).value, { n: 0 })
    for (let round = 1; round <= 10; round++) {
      for (let n = 0; n <= round; n++) await other.set('n', n)
      // Of its own writes it is known that the view holds them.
      await state.set('own', round)
      assert.deepEqual((await changes.next()).value, { n: round, own: round })
    }
    await other.set('n', 10)
    const last = changes.next()
    await assertPending(last, state)
    view.close()
    assert.deepEqual(await last, { done: true, value: undefined })
    assert.deepEqual(await changes.next(), { done: true, value: undefined })
    assert.deepEqual(await view.changes().next(), { done: true, value: undefined })
    assert.equal(view.connected, false)
    assert.deepEqual(view.snapshot, { n: 10, own: 10 })
  })

  test('changes of a view end with its State, and with their loop', async t => {
    const state = await room.beside(t, room.state(t))
    const view = await state.view()
    const [left, open] = [view.changes(), view.changes()]
    const steps = [left.next(), open.next()]
    await left.return?.()
    assert.deepEqual(await steps[0], { done: true, value: undefined })
    await assertPending(steps[1] as Promise<unknown>, state)
    await state.close()
    assert.deepEqual(await steps[1], { done: true, value: undefined })
  })
})
