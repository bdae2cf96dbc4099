// Going back in the log: `at`, `history`, `from`. ROUNDS=n sets how many commits the generated history has, SEED=n the seed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, atomic, type RawUpdate, type State } from 'zproc'
import { random } from '../history/random.ts'
import { all } from '../kit/all.ts'
import { contract, forgettingContract } from '../kit/servers.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 300)
const SEED = Number(process.env.SEED ?? 1)

const push = atomic((state: AnyState, key: string, item: unknown) => {
  state[key] ??= []
  if (Array.isArray(state[key])) state[key].push(item)
  else state[key] = [item]
})

/** Makes commits by chance; gives the state after each of them, by revision. */
async function makeHistory(state: State, rounds: number, seed: number): Promise<AnyState[]> {
  const choices = random(seed)
  const states: AnyState[] = [await state.copy()]
  for (let i = 0; i < rounds; i++) {
    const key = `k${choices.below(6)}`
    const kind = choices.below(20)
    if (kind === 0) await state.clear()
    else if (kind === 1) await state.set({ [key]: i, x: { y: [i] } })
    else if (kind < 5) await state.set(key, { i, list: [i, { deep: i }] })
    else if (kind < 8) await state.update({ [key]: i, other: i % 3 })
    else if (kind < 10 && (await state.has(key))) await state.delete(key)
    else await push(state, key, i)
    states.push(await state.copy())
  }
  return states
}

contract('going back', room => {
  test(`at each of ${ROUNDS} revisions the state is what it was (seed ${SEED})`, async t => {
    const state = room.state(t)
    const states = await makeHistory(state, ROUNDS, SEED)
    const choices = random(SEED, 1)
    for (let n = 0; n < ROUNDS; n++) {
      const revision = choices.below(states.length)
      assert.deepEqual(await state.at(revision), states[revision], `revision ${revision}`)
    }
  })

  test('history gives every commit once, with the states around it, in either direction', async t => {
    const state = room.state(t)
    const states = await makeHistory(state, ROUNDS, SEED + 1)
    const last = states.length - 1
    const updates = await all(state.history())
    assert.deepEqual(
      updates.map(({ revision }) => revision),
      Array.from({ length: last }, (_, i) => i + 1),
    )
    for (const { revision, before, after, identical, by } of updates) {
      assert.deepEqual(after, states[revision])
      assert.deepEqual(before, states[revision - 1])
      assert.equal(typeof identical, 'boolean')
      assert.equal(by.pid, process.pid)
    }
    assert.deepEqual(await all(state.history({ reverse: true })), [...updates].reverse())
    const choices = random(SEED, 2)
    for (let i = 0; i < 20; i++) {
      const from = 1 + choices.below(last)
      const to = from + choices.below(last - from + 1)
      const key = `k${choices.below(6)}`
      const wrote = ({ before, after }: RawUpdate<AnyState>) =>
        JSON.stringify(before[key]) !== JSON.stringify(after[key])
      const part = updates.slice(from - 1, to)
      assert.deepEqual(await all(state.history({ from, to })), part)
      assert.deepEqual(await all(state.history({ from, to, reverse: true })), [...part].reverse())
      // Every commit of these changes what it writes, but for puts of the same number.
      const ofKey = await all(state.history({ from, to, key }))
      assert.deepEqual(ofKey.filter(wrote), part.filter(wrote))
      assert.deepEqual(await all(state.history({ from, to, key, reverse: true })), ofKey.reverse())
    }
  })

  test('a loop and a view with from begin at that revision', async t => {
    const state = room.state(t)
    const states = await makeHistory(state, 50, SEED + 2)
    const other = await room.beside(t, state)
    const from = 20
    const seen: number[] = []
    for await (const { revision, after } of other.rawUpdates({ from, duplicateOkay: true })) {
      assert.deepEqual(after, states[revision])
      seen.push(revision)
      if (revision === 50) break
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 30 }, (_, i) => from + 1 + i),
    )
    for await (const snapshot of other.when(() => true, { from })) {
      assert.deepEqual(snapshot, states[from])
      break
    }
    using view = await state.view({ from })
    assert.equal(view.revision, from)
    assert.deepEqual(view.snapshot, states[from])
    await state.set('end', 1)
    assert.deepEqual(view.snapshot, { ...states[50], end: 1 })
  })

  test('at a time it is the state that was committed last by then', async t => {
    const state = room.state(t)
    assert.deepEqual(await state.at(new Date()), {})
    const times: number[] = []
    for (let n = 1; n <= 5; n++) {
      await state.set('n', n)
      const [update] = await all(state.history({ from: n, to: n }))
      times.push(update!.by.time)
      while (Date.now() <= update!.by.time) await new Promise(setImmediate)
    }
    for (const [i, time] of times.entries()) {
      assert.deepEqual(await state.at(new Date(time)), { n: i + 1 })
      assert.deepEqual(await state.at(new Date(time - 1)), i === 0 ? {} : { n: i })
    }
    assert.deepEqual(await state.at(new Date(Date.now() + 1e6)), { n: 5 })
  })

  test('what is to come, and arguments that are wrong, are refused by name', async t => {
    const state = room.state(t)
    await state.set('n', 1)
    await assert.rejects(state.at(2), {
      name: 'RangeError',
      message: 'state.at: revision 2 is not there yet: the newest is 1',
    })
    await assert.rejects(state.at(-1), { name: 'RangeError', message: /state\.at: .* got -1/ })
    await assert.rejects(state.at('1' as never), { name: 'TypeError', message: /state\.at: .* got '1'/ })
    await assert.rejects(state.at(new Date(Number.NaN)), { name: 'RangeError' })
    assert.throws(() => state.history({ from: 2, to: 1 }), { name: 'RangeError', message: /state\.history/ })
    assert.throws(() => state.history({ form: 2 } as never), {
      name: 'TypeError',
      message: /did you mean from/,
    })
    assert.throws(() => state.rawUpdates({ from: 1, live: true }), { name: 'TypeError', message: /live/ })
    assert.deepEqual(await all(state.history({ from: 2 })), [])
    await assert.rejects(all(state.rawUpdates({ from: 2 })), { name: 'RangeError', message: /not there yet/ })
    await assert.rejects(state.view({ from: 2 }), { message: /not there yet/ })
  })

  test('a history that is read when its State is closed ends quietly', async t => {
    const state = room.state(t)
    for (let n = 0; n < 600; n++) void state.set('n', n)
    await state.size()
    const own = state.fork()
    const seen: number[] = []
    for await (const { revision } of own.history()) {
      seen.push(revision)
      if (revision === 10) await own.close()
    }
    assert.ok(seen.length >= 10 && seen.length < 600, `${seen.length}`)
  })
})

forgettingContract('going back further than is kept', room => {
  test('at, history and from name what is missed', async t => {
    const short = await room.set(t, { historyLimit: 5 })
    const state = short.state(t)
    for (let n = 1; n <= 20; n++) await state.set('n', n)
    assert.deepEqual(await state.at(15), { n: 15 })
    const missed = { code: 'ZPROC_MISSED_UPDATES', to: 15 }
    await assert.rejects(all(state.history({ from: 3 })), missed)
    await assert.rejects(all(state.history({ from: 3, reverse: true })), missed)
    await assert.rejects(all(state.rawUpdates({ from: 3 })), missed)
    await assert.rejects(state.view({ from: 3 }), missed)
    await assert.rejects(state.at(new Date(0)), missed)
    assert.deepEqual(
      (await all(state.history())).map(({ revision }) => revision),
      [16, 17, 18, 19, 20],
    )
  })
})
