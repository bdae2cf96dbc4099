import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AnyState,
  MissedUpdatesError,
  type RawUpdate,
  type Snapshot,
  type State,
  TimeoutError,
} from 'zproc'
import { contract, forgettingContract } from '../kit/servers.ts'
import { assertPending, take } from '../kit/watching.ts'

contract('changes', room => {
  test('getWhenChange gives the state at the first update by somebody else', async t => {
    const [state, other] = await room.pair(t)
    const watching = state.getWhenChange()
    await assertPending(watching, state)
    await other.set('x', 1)
    await other.set('x', 2)
    assert.deepEqual(await watching, { x: 1 })
    assert.deepEqual(await state.getWhenChange(), { x: 2 })
  })

  test('getWhenChange of some keys passes over the others', async t => {
    const [state, other] = await room.pair(t)
    await other.set('z', 1)
    await other.set('y', 2)
    await other.update({ y: 2, z: 3, x: 4 })
    assert.deepEqual(await state.getWhenChange('x', 'w'), { x: 4, y: 2, z: 3 })
  })

  test('getWhenChange with exclude passes over the keys that are named', async t => {
    const [state, other] = await room.pair(t)
    await other.set('x', 1)
    await other.update({ x: 2, y: 3 })
    await other.update({ x: 4, z: 5, y: 3 })
    assert.deepEqual(await state.getWhenChange('x', 'y', { exclude: true }), { x: 4, y: 3, z: 5 })
  })

  test('a key changes when it comes, goes, or is replaced together with the whole state', async t => {
    const [state, other] = await room.pair(t)
    const seen: Snapshot<object>[] = []
    await other.set('x', undefined)
    await other.delete('x')
    await other.set({ x: 1, y: 1 })
    await other.set({ x: 1, y: 2 })
    await other.clear()
    await other.setDefault('x', 5)
    await other.pop('x')
    await other.set('x', 6)
    await other.popItem()
    for (let i = 0; i < 8; i++) seen.push(await state.getWhenChange('x'))
    assert.deepEqual(seen, [{ x: undefined }, {}, { x: 1, y: 1 }, {}, { x: 5 }, {}, { x: 6 }, {}])
  })

  test("a change is never triggered by the watching State's own writes", async t => {
    const [state, other] = await room.pair(t)
    const watching = [state.getWhenChange(), state.getWhenChange('x'), state.getRawUpdate()]
    const iterators = [state.whenChange(), state.whenChange('x'), state.rawUpdates()]
    const nexts = iterators.map(iterator => iterator.next())
    await state.set('x', 1)
    await state.update({ x: 2 })
    await state.clear()
    for (const one of [...watching, ...nexts]) await assertPending(one, state)
    await other.set('x', 3)
    assert.deepEqual(await watching[0], { x: 3 })
    assert.deepEqual(await watching[1], { x: 3 })
    assert.equal(((await watching[2]) as RawUpdate<object>).by.method, 'set')
    for (const next of nexts) assert.equal((await next).done, false)
    for (const iterator of iterators) await iterator.return?.()
  })

  test('another State of the same process is somebody else', async t => {
    const state = room.state(t)
    const fork = await room.beside(t, state)
    await state.set('x', 1)
    assert.deepEqual(await fork.getWhenChange(), { x: 1 })
    await fork.set('x', 2)
    assert.deepEqual(await state.getWhenChange(), { x: 2 })
  })

  test('updates that leave everything equal are passed over unless duplicateOkay', async t => {
    const [state, other] = await room.pair(t)
    await other.set('x', { a: [1] })
    await state.getWhenChange()
    const all = state.fork()
    t.after(() => all.close())
    await all.size()
    await other.set('x', { a: [1] })
    await other.update({})
    await other.set('x', { a: [2] })
    assert.deepEqual(await state.getWhenChange(), { x: { a: [2] } })
    assert.deepEqual(await all.getWhenChange('x', { duplicateOkay: true }), { x: { a: [1] } })
    assert.deepEqual(await all.getWhenChange({ duplicateOkay: true }), { x: { a: [1] } })
    assert.deepEqual(await all.getWhenChange('x', { duplicateOkay: true }), { x: { a: [2] } })
  })

  test('a key that was written but is equal has not changed, whatever else the update did', async t => {
    const [state, other] = await room.pairAt(t, { x: 1, y: 1 })
    await other.update({ x: 1, y: 2 })
    await other.update({ x: 1, y: 3 })
    await other.update({ x: 2, y: 3 })
    const duplicates = state.fork()
    assert.deepEqual(await state.getWhenChange('x'), { x: 2, y: 3 })
    await duplicates.close()
  })

  test('reading is no update', async t => {
    const [state, other] = await room.pairAt(t, { x: 1 })
    const watching = state.getWhenChange({ duplicateOkay: true })
    await other.get('x')
    await other.copy()
    await other.delete('missing')
    await other.pop('missing', 0)
    await other.setDefault('x', 2)
    await assertPending(watching, state)
    await other.set('x', 1)
    assert.deepEqual(await watching, { x: 1 })
  })

  test('buffered watching gives every update once and in order, however late it is asked', async t => {
    const [state, other] = await room.pair(t)
    await state.size()
    const sets = Array.from({ length: 3000 }, (_, i) => other.set('n', i))
    const early: number[] = []
    for (let i = 0; i < 1000; i++) early.push((await state.getWhenChange('n')).n)
    await Promise.all(sets)
    const late: number[] = []
    for await (const { n } of state.whenChange('n')) {
      late.push(n)
      if (n === 2999) break
    }
    assert.deepEqual(
      [...early, ...late],
      Array.from({ length: 3000 }, (_, i) => i),
    )
  })

  test('a State that is made later starts at the revision it finds', async t => {
    const [other] = await room.pair(t)
    await other.set('x', 1)
    const state = await room.beside(t, other)
    await other.set('x', 2)
    assert.deepEqual(await state.getWhenChange(), { x: 2 })
  })

  test('live watching starts from now', async t => {
    const [state, other] = await room.pair(t)
    await state.size()
    await other.set('x', 1)
    await other.set('x', 2)
    const watching = state.getWhenChange({ live: true })
    const raw = state.getRawUpdate({ live: true })
    await assertPending(watching, state)
    await assertPending(raw, state)
    await other.set('x', 3)
    assert.deepEqual(await watching, { x: 3 })
    assert.deepEqual((await raw).after, { x: 3 })
    // The State has been handed that: buffered watching goes on behind it.
    const buffered = state.getWhenChange()
    await assertPending(buffered, state)
    await other.set('x', 4)
    assert.deepEqual(await buffered, { x: 4 })
  })

  test('a live loop gives the newest state, in one step for all that came while its body ran', async t => {
    const [state, other] = await room.pair(t)
    const iterators = [
      state.whenChange('n', { live: true }),
      state.whenChange({ live: true }),
      state.rawUpdates({ live: true }),
    ]
    const shown = (step: { value: AnyState }) => step.value.after ?? step.value
    const firsts = iterators.map(iterator => iterator.next())
    for (const first of firsts) await assertPending(first, state)
    await other.set('n', 0)
    for (const first of firsts) assert.deepEqual(shown(await first), { n: 0 })
    for (let round = 1; round <= 20; round++) {
      for (let i = 0; i < round; i++) await other.set('n', round * 100 - i)
      await other.set('n', round)
      for (const iterator of iterators) assert.deepEqual(shown(await iterator.next()), { n: round })
    }
    const lasts = iterators.map(iterator => iterator.next())
    for (const last of lasts) await assertPending(last, state)
    for (const iterator of iterators) await iterator.return?.()
  })

  test('a live loop of some keys steps for those alone, and then gives the newest state', async t => {
    const [state, other] = await room.pair(t)
    const iterator = state.whenChange('n', { live: true })
    const first = iterator.next()
    await assertPending(first, state)
    await other.set('n', 1)
    await first
    await other.set('m', 1)
    await other.set('n', 1)
    const next = iterator.next()
    await assertPending(next, state)
    await other.set('n', 2)
    await next
    await other.set('n', 3)
    await other.set('m', 2)
    assert.deepEqual((await iterator.next()).value, { n: 3, m: 2 })
    await iterator.return?.()
  })

  test('a live loop ends at the last update however large the ones before are', async t => {
    const [state, other] = await room.pair(t)
    for (const iterator of [state.whenChange({ live: true }), state.whenAvailable('n', { live: true })]) {
      const first = iterator.next()
      await state.ping()
      await other.set('n', -1)
      await first
      let shown = -1
      const pad = 'x'.repeat(20_000)
      const writes = Promise.all(
        Array.from({ length: 200 }, (_, n) => other.update({ n, pad: `${n}${pad}` })),
      )
      for (let steps = 0; shown < 199; steps++) {
        assert.ok(steps <= 200)
        shown = ((await iterator.next()).value as AnyState).n
      }
      await writes
      await iterator.return?.()
    }
  })

  test("with own: true a State's own writes are changes too", async t => {
    const [state, other] = await room.pair(t)
    await state.set('n', 1)
    await other.set('n', 2)
    await state.set('n', 3)
    assert.deepEqual(await state.getWhenChange('n', { own: true }), { n: 1 })
    assert.equal((await state.getRawUpdate({ own: true })).revision, 2)
    assert.deepEqual((await take(state.whenChange({ own: true }), 1))[0], { n: 3 })
    const live = state.whenChange({ own: true, live: true })
    const first = live.next()
    await assertPending(first, state)
    await state.set('n', 4)
    await other.set('n', 5)
    await state.set('n', 6)
    assert.deepEqual((await first).value, { n: 4 })
    assert.deepEqual((await live.next()).value, { n: 6 })
    await live.return?.()
  })

  test('goLive drops what is waiting', async t => {
    const [state, other] = await room.pair(t)
    await other.set('n', 1)
    assert.deepEqual(await state.getWhenChange(), { n: 1 })
    for (let n = 2; n < 50; n++) await other.set('n', n)
    state.goLive()
    await state.size()
    await other.set('n', 50)
    assert.deepEqual(await state.getWhenChange(), { n: 50 })
  })

  test('goLive before anything was watched drops what came since the State began', async t => {
    const [state, other] = await room.pair(t)
    await state.size()
    await other.set('n', 1)
    state.goLive()
    await state.size()
    await other.set('n', 2)
    assert.deepEqual(await state.getWhenChange(), { n: 2 })
  })

  test('goLive reaches a watcher that is only just beginning', async t => {
    const [state, other] = await room.pair(t)
    await state.size()
    await other.set('n', 1)
    const iterator = state.whenChange()
    const next = iterator.next()
    state.goLive()
    state.goLive()
    await state.size()
    await other.set('n', 2)
    assert.deepEqual((await next).value, { n: 2 })
    const late = iterator.next()
    for (let i = 0; i < 5; i++) state.goLive()
    await state.size()
    await other.set('n', 3)
    assert.deepEqual((await late).value, { n: 3 })
    await iterator.return?.()
  })

  test('goLive among calls in flight loses nothing that comes after it', async t => {
    const state = room.state(t)
    const other = await room.beside(t, state)
    await other.set('n', 0)
    assert.deepEqual(await state.getWhenChange(), { n: 0 })
    for (let round = 1; round < 200; round++) {
      const before = [other.set('n', -round), other.set(`k${round}`, -round)]
      state.goLive()
      const calls = [other.set('n', round), other.set('m', round), other.delete(`k${round}`)]
      assert.deepEqual(await state.getWhenChange(), {
        n: round,
        [`k${round}`]: -round,
        ...(round > 1 && { m: round - 1 }),
      })
      assert.deepEqual(await state.getWhenChange(), { n: round, [`k${round}`]: -round, m: round })
      assert.deepEqual(await state.getWhenChange(), { n: round, m: round })
      await Promise.all([...before, ...calls])
    }
  })

  test('goLive inside a loop takes the loop to now, and one-shot watchers with it', async t => {
    const [state, other] = await room.pair(t)
    await state.size()
    for (let n = 1; n < 50; n++) await other.set('n', n)
    const iterator = state.whenChange('n')
    assert.deepEqual((await iterator.next()).value, { n: 1 })
    state.goLive()
    await state.size()
    const one = state.getWhenChange('n')
    const next = iterator.next()
    await assertPending(one, state)
    await assertPending(next, state)
    await other.set('n', 50)
    assert.deepEqual((await next).value, { n: 50 })
    assert.deepEqual(await one, { n: 50 })
    await iterator.return?.()
  })

  test('goLive leaves live watching as it is, and conditions are tested where it goes', async t => {
    const [state, other] = await room.pairAt(t, { n: 0 })
    await other.set('n', 1)
    await other.set('n', 2)
    state.goLive()
    assert.deepEqual(await state.getWhenEqual('n', 2), { n: 2 })
  })

  test('getRawUpdate tells what an update did and who made it', async t => {
    const [state, other] = await room.pair(t)
    const began = Date.now()
    await other.set({ x: 1 })
    await other.update({ x: 1 })
    await other.update({ y: { z: 2 } })
    const first = await state.getRawUpdate()
    assert.deepEqual(first.before, {})
    assert.deepEqual(first.after, { x: 1 })
    assert.equal(first.identical, false)
    assert.equal(first.revision, 1)
    assert.equal(first.by.pid, process.pid)
    assert.equal(first.by.name, 'main')
    assert.equal(first.by.method, 'set')
    assert.ok(first.by.time >= began - 5 && first.by.time <= Date.now() + 5)
    const third = await state.getRawUpdate()
    assert.deepEqual([third.revision, third.before, third.after], [3, { x: 1 }, { x: 1, y: { z: 2 } }])
    assert.equal(third.by.method, 'update')
  })

  test('getRawUpdate gives identical updates with duplicateOkay', async t => {
    const [state, other] = await room.pair(t)
    await other.set('x', 1)
    await other.set('x', 1)
    const updates = [
      await state.getRawUpdate({ duplicateOkay: true }),
      await state.getRawUpdate({ duplicateOkay: true }),
    ]
    assert.deepEqual(
      updates.map(({ identical, revision }) => [identical, revision]),
      [
        [false, 1],
        [true, 2],
      ],
    )
    assert.deepEqual(updates[1]?.before, updates[1]?.after)
  })

  test('rawUpdates chain: each begins where the one before ended', async t => {
    const [state, other] = await room.pair(t)
    await state.size()
    const calls: Promise<unknown>[] = []
    for (let i = 0; i < 300; i++) {
      calls.push(other.set(`k${i % 7}`, { i }))
      if (i % 3 === 0) calls.push(other.delete(`k${i % 5}`))
      if (i % 50 === 0) calls.push(other.clear())
      if (i % 40 === 0) calls.push(other.set({ whole: i }))
    }
    await Promise.all(calls)
    const last = await other.copy()
    let revision = 0
    let before: object = {}
    for await (const update of state.rawUpdates({ duplicateOkay: true })) {
      assert.equal(update.revision, ++revision)
      assert.deepEqual(update.before, before)
      before = update.after
      if (JSON.stringify(before) === JSON.stringify(last)) break
    }
    assert.deepEqual(before, last)
  })

  test('a watcher of changes can time out and be aborted', async t => {
    const state = room.state(t)
    await assert.rejects(state.getWhenChange('x', { timeout: 10 }), (error: Error) => {
      assert.ok(error instanceof TimeoutError)
      assert.match(error.message, /^state\.getWhenChange: nothing came within 10 ms/)
      return true
    })
    await assert.rejects(state.getRawUpdate({ timeout: 10 }), /state\.getRawUpdate/)
    await assert.rejects(state.whenChange({ timeout: 10 }).next(), /state\.whenChange/)
    await assert.rejects(state.rawUpdates({ timeout: 10, live: true }).next(), /state\.rawUpdates/)
    const reason = new Error('enough')
    const { signal } = { signal: AbortSignal.abort(reason) }
    for (const one of [
      state.getWhenChange({ signal }),
      state.getRawUpdate({ signal }),
      state.whenChange({ signal }).next(),
    ])
      await assert.rejects(one, error => error === reason)
  })

  test('wrong arguments of getWhenChange are shown', async t => {
    const state = room.state(t)
    const wrong = (value: unknown) => value as never
    await assert.rejects(state.getWhenChange(wrong(5)), {
      name: 'TypeError',
      message: /state\.getWhenChange.*got 5/,
    })
    await assert.rejects(state.getWhenChange('x', wrong(null)), { name: 'TypeError', message: /got null/ })
    await assert.rejects(state.getWhenChange(wrong(['x'])), {
      name: 'TypeError',
      message: /got an array of 1/,
    })
    await assert.rejects(state.getWhenChange('x', { exclude: wrong('yes') }), {
      name: 'TypeError',
      message: /exclude .*yes/,
    })
    assert.throws(() => state.whenChange('x', { exclude: wrong(0) }), {
      name: 'TypeError',
      message: /exclude .*got 0/,
    })
  })

  test('two loops of one State do not take from each other', async t => {
    const [state, other] = await room.pair(t)
    await state.size()
    const loops = [state.whenChange('n'), state.whenChange('n')]
    const nexts = loops.map(loop => take(loop, 20))
    for (let n = 0; n < 20; n++) await other.set('n', n)
    for (const seen of await Promise.all(nexts))
      assert.deepEqual(
        seen,
        Array.from({ length: 20 }, (_, n) => ({ n })),
      )
    for (const loop of loops) await loop.return?.()
  })

  test('a loop goes on where the one before was left', async t => {
    const [state, other] = await room.pair(t)
    await state.size()
    for (let n = 0; n < 6; n++) await other.set('n', n)
    const seen: number[] = []
    for (let i = 0; i < 3; i++)
      for await (const { n } of state.whenChange('n')) {
        seen.push(n)
        if (seen.length % 2 === 0) break
      }
    assert.deepEqual(seen, [0, 1, 2, 3, 4, 5])
  })

  test('a step of a loop that is pending ends when the loop is left', async t => {
    const state = room.state(t)
    for (const live of [false, true]) {
      const iterator = state.whenChange({ live })
      const next = iterator.next()
      const after = iterator.next()
      await assertPending(next, state)
      assert.deepEqual(await iterator.return?.(), { done: true, value: undefined })
      assert.deepEqual(await next, { done: true, value: undefined })
      assert.deepEqual(await after, { done: true, value: undefined })
    }
  })

  test('calls of next that overlap take their turns', async t => {
    const [state, other] = await room.pair(t)
    const iterator = state.whenChange('n')
    const nexts = [iterator.next(), iterator.next(), iterator.next()]
    await state.size()
    for (let n = 0; n < 3; n++) await other.set('n', n)
    assert.deepEqual(
      (await Promise.all(nexts)).map(({ value }) => value.n),
      [0, 1, 2],
    )
    await iterator.return?.()
  })

  test('snapshots are deeply frozen, and equal parts of states need not be', async t => {
    const [state, other] = await room.pair(t)
    await other.set({
      list: [{ a: 1 }],
      map: new Map([['k', { b: 1 }]]),
      set: new Set([1]),
      date: new Date(0),
    })
    const snapshot = await state.getWhenChange()
    assert.throws(() => Object.assign(snapshot, { x: 1 }), TypeError)
    assert.throws(() => snapshot.list.push(1), TypeError)
    assert.throws(() => Object.assign(snapshot.list[0], { a: 2 }), TypeError)
    assert.throws(() => snapshot.map.set('k', 2), TypeError)
    assert.throws(() => snapshot.map.clear(), TypeError)
    assert.throws(() => Object.assign(snapshot.map.get('k'), { b: 2 }), TypeError)
    assert.throws(() => snapshot.set.add(2), TypeError)
    assert.throws(() => snapshot.date.setTime(5), TypeError)
    assert.equal(Object.getPrototypeOf(snapshot), Object.prototype)
  })

  test('a hundred States each see every update in order', async t => {
    const [writer] = await room.pair(t)
    const watchers: State[] = []
    for (let i = 0; i < 100; i++) watchers.push(await room.beside(t, writer))
    const seen = watchers.map(async watcher => {
      const revisions: number[] = []
      for await (const { revision } of watcher.rawUpdates()) if (revisions.push(revision) === 200) break
      return revisions
    })
    for (let i = 0; i < 200; i++) await writer.set('n', i)
    const expected = Array.from({ length: 200 }, (_, i) => i + 1)
    for (const revisions of await Promise.all(seen)) assert.deepEqual(revisions, expected)
  })
})

forgettingContract('a log that is not kept for ever', home => {
  for (const size of [1, 1000]) {
    test(`updates of ${size} bytes that are no longer kept are MissedUpdatesError, and all others are seen`, async t => {
      const room = await home.set(t, { historyLimit: 50 })
      const [state, other] = await room.pair(t)
      await other.set('n', [0])
      assert.deepEqual(await state.getWhenChange(), { n: [0] })
      // Revision 1 was seen; the reader stands ready and is sent what fits into its window.
      for (let n = 1; n <= 1000; n++) await other.set('n', [n, 'x'.repeat(size)])
      const seen: number[] = [1]
      const missed: MissedUpdatesError[] = []
      while (seen.at(-1) !== 1001) {
        try {
          seen.push((await state.getRawUpdate()).revision)
        } catch (error) {
          assert.ok(error instanceof MissedUpdatesError)
          assert.equal(error.code, 'ZPROC_MISSED_UPDATES')
          missed.push(error)
          for (let r = error.from; r <= error.to; r++) seen.push(r)
        }
      }
      // Seen or told of, without gap or overlap.
      assert.deepEqual(
        seen,
        Array.from({ length: 1001 }, (_, i) => i + 1),
      )
      assert.equal(missed.length, size === 1 ? 0 : 1)
    })
  }

  test('a State that has not watched yet has missed nothing: it begins at the oldest kept revision', async t => {
    const room = await home.set(t, { historyLimit: 10 })
    const [state, other] = await room.pair(t)
    await state.size()
    for (let n = 1; n <= 25; n++) await other.set('n', n)
    for (let n = 16; n <= 25; n++) assert.deepEqual(await state.getWhenChange(), { n })
    const late = await room.beside(t, state)
    for (let n = 26; n <= 50; n++) await other.set('n', n)
    assert.deepEqual(
      (await take(late.whenChange(), 10)).map(({ n }) => n),
      [41, 42, 43, 44, 45, 46, 47, 48, 49, 50],
    )
    // Now it has watched.
    for (let n = 51; n <= 75; n++) await other.set('n', n)
    const loop = late.whenChange()
    await assert.rejects(loop.next(), { name: 'MissedUpdatesError', from: 51, to: 65 })
    assert.equal((await loop.next()).done, true)
    assert.deepEqual(await late.getWhenChange(), { n: 66 })
  })

  test("a State's own writes are never missed", async t => {
    const room = await home.set(t, { historyLimit: 10 })
    const [state, other] = await room.pair(t)
    // Before it has watched, and after; more than is sent ahead.
    const pad = 'x'.repeat(50_000)
    for (let round = 0; round < 3; round++) {
      for (let n = 1; n <= 25; n++) await state.set('own', `${n}${pad}`)
      await other.set('n', round)
      assert.equal((await state.getWhenChange()).n, round)
    }
    // Among those of others they are no gap of their own.
    for (let n = 1; n <= 8; n++) await state.set('own', `${n}${pad}`)
    await other.set('n', 'one')
    for (let n = 1; n <= 25; n++) await state.set('own', -n)
    await assert.rejects(state.getWhenChange({ timeout: 1000 }), {
      name: 'MissedUpdatesError',
      from: 87,
      to: 102,
    })
    await other.set('n', 'last')
    assert.equal((await state.getWhenChange()).n, 'last')
  })

  test('what is missed before the state that a condition is tested on first is no gap for it', async t => {
    const room = await home.set(t, { historyLimit: 10 })
    const [state, other] = await room.pair(t)
    await other.set('n', 0)
    await state.getWhenChange()
    // More than is sent ahead, and then a write of its own.
    const pad = 'x'.repeat(50_000)
    for (let n = 1; n <= 25; n++) await other.set('n', `${n}${pad}`)
    const changed = state.getWhenChange('n')
    changed.catch(() => {})
    await state.set('mine', 1)
    assert.equal((await state.getWhenEqual('mine', 1)).n, `25${pad}`)
    assert.ok((await changed).n.endsWith(pad))
    for (let n = 1; n <= 25; n++) await other.set('n', `${n}${pad}`)
    await state.set('mine', 2)
    assert.equal((await state.getWhenEqual('mine', 2)).n, `25${pad}`)
    // The State is behind the gap.
    const next = state.getWhenChange()
    await assertPending(next, state)
    await other.set('n', 'last')
    assert.equal((await next).n, 'last')
  })

  test('a watcher that is called off takes no MissedUpdatesError with it: the next one gets it', async t => {
    const room = await home.set(t, { historyLimit: 10 })
    const [state, other] = await room.pair(t)
    await other.set('n', 0)
    const missing = state.fork()
    t.after(() => missing.close())
    await missing.size()
    await other.set('n', 'seen')
    await missing.getWhenChange()
    for (const from of [3, 28]) {
      for (let n = 1; n <= 25; n++) await other.set('n', 'x'.repeat(200_000) + n)
      const called = new AbortController()
      const watching = missing.getWhenEqual('n', 'never', { signal: called.signal })
      watching.catch(() => {})
      called.abort()
      await assert.rejects(watching, { name: 'AbortError' })
      await missing.size()
      const revisions: number[] = []
      while (revisions.at(-1) !== from + 24)
        try {
          revisions.push((await missing.getRawUpdate()).revision)
        } catch (error) {
          assert.ok(error instanceof MissedUpdatesError)
          for (let r = error.from; r <= error.to; r++) revisions.push(r)
        }
      assert.deepEqual(
        revisions,
        Array.from({ length: 25 }, (_, i) => from + i),
      )
    }
  })

  test('goLive leaves a gap behind without an error', async t => {
    const room = await home.set(t, { historyLimit: 10 })
    const [state, other] = await room.pair(t)
    await other.set('n', 0)
    await state.getWhenChange()
    for (let n = 1; n <= 500; n++) await other.set('n', 'x'.repeat(2000) + n)
    state.goLive()
    await state.size()
    await other.set('n', 'now')
    assert.deepEqual(await state.getWhenChange(), { n: 'now' })
  })

  test('live watching never gets MissedUpdatesError', async t => {
    const room = await home.set(t, { historyLimit: 5 })
    const [state, other] = await room.pair(t)
    const iterator = state.whenChange({ live: true })
    const first = iterator.next()
    await assertPending(first, state)
    await other.set('n', 'first')
    assert.equal((await first).done, false)
    for (let round = 0; round < 3; round++) {
      for (let n = 1; n <= 300; n++) await other.set('n', 'x'.repeat(2000) + n)
      await other.set('n', round)
      assert.deepEqual((await iterator.next()).value, { n: round })
    }
    await iterator.return?.()
  })
})
