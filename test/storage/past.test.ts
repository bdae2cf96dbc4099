// Going back to what is on disk only, with segments so small that there are many checkpoints. ROUNDS=n sets how many commits
// there are, SEED=n the seed.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type AnyState, atomic, type ServerOptions, State } from 'zproc'
import { serverSettings } from '../../src/server/options.ts'
import { serve } from '../../src/server/start.ts'
import { random } from '../history/random.ts'
import { all } from '../kit/all.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 3000)
const SEED = Number(process.env.SEED ?? 1)

/** A server whose log has a checkpoint after each four segments, and keeps ten commits in memory. */
async function smallLog(t: TestContext, options: ServerOptions = {}, segmentBytes = 16_384) {
  const folder = mkdtempSync(join(tmpdir(), 'zproc-past-'))
  const data = join(folder, 'data')
  const address = `ipc://${join(folder, 'socket')}`
  const settings = serverSettings({ backend: 'inline', data, historyLimit: 10, ...options }, 'test')
  const keep = { ...settings.keep!, segmentBytes }
  const start = () => serve(address, { ...settings, keep }, {})
  let server = await start()
  t.after(async () => {
    await server.stop()
    rmSync(folder, { recursive: true })
  })
  return {
    state: <S extends object = AnyState>(namespace?: string) => {
      const state = new State<S>(address, namespace === undefined ? {} : { namespace })
      t.after(() => state.close())
      return state
    },
    restart: async () => {
      await server.stop()
      server = await start()
    },
    files: (ending: string) => readdirSync(data).filter(file => file.endsWith(ending)),
    // A file may be gone, or have another name, once it was listed.
    bytes: () =>
      readdirSync(data).reduce(
        (sum, file) => sum + (statSync(join(data, file), { throwIfNoEntry: false })?.size ?? 0),
        0,
      ),
  }
}

const push = atomic((state: AnyState, key: string, item: unknown) => {
  if (!Array.isArray(state[key]) || state[key].length > 50) state[key] = []
  state[key].push(item)
})

const change = atomic((state: AnyState, i: number, key: string) => {
  state[key] = { i, text: 'x'.repeat(i % 200) }
  return { ...state }
})

test(`of ${ROUNDS} commits each is found on disk, with the state there, also after a restart (seed ${SEED})`, async t => {
  const home = await smallLog(t, { keep: { revisions: Number.POSITIVE_INFINITY } }, 2048)
  const [state, noise] = [home.state(), home.state('noise')]
  const choices = random(SEED)
  const states: AnyState[] = [{}]
  for (let i = 0; i < ROUNDS; i++) {
    const key = `k${choices.below(20)}`
    const kind = choices.below(100)
    if (kind === 0) await state.clear()
    else if (kind < 5) await state.set({ [key]: i })
    else if (kind < 10 && (await state.has(key))) await state.delete(key)
    else if (kind < 50) await push(state, key, { i, at: key })
    else await change(state, i, key)
    states.push(await state.copy())
    if (choices.chance(0.1)) await noise.set('n', 'y'.repeat(choices.below(500)))
    if (i === ROUNDS >> 1) await home.restart()
  }
  // Checkpoints are made by the way: as many commits as it takes for some of them.
  while (home.files('.snapshot').length < 3) await noise.set('n', 'y'.repeat(400))
  for (let n = 0; n < 200; n++) {
    const revision = choices.below(states.length)
    assert.deepEqual(await state.at(revision), states[revision], `revision ${revision}`)
  }
  const updates = await all(state.history())
  assert.equal(updates.length, ROUNDS)
  for (const [i, { revision, before, after }] of updates.entries()) {
    assert.equal(revision, i + 1)
    assert.deepEqual(before, states[i])
    assert.deepEqual(after, states[i + 1])
  }
  const [from, to] = [ROUNDS / 3, ROUNDS / 3 + 300]
  const backwards = await all(state.history({ from, to, reverse: true }))
  assert.deepEqual(backwards, updates.slice(from - 1, to).reverse())
  let next = from
  for await (const { revision, after } of state.rawUpdates({ from, own: true, duplicateOkay: true })) {
    assert.equal(revision, ++next)
    assert.deepEqual(after, states[revision])
    if (revision === ROUNDS) break
  }
  const view = await state.view({ from })
  assert.deepEqual(view.snapshot, states[from])
  await state.set('end', 1)
  assert.deepEqual(view.snapshot, { ...states[ROUNDS], end: 1 })
  const [, { by }] = updates.slice(from - 2) as [unknown, (typeof updates)[0]]
  const there = updates.findLast(update => update.by.time <= by.time)!
  assert.deepEqual(await state.at(new Date(by.time)), there.after)
  assert.deepEqual(await state.at(new Date(0)), {})
})

test('a watcher that is behind by more than memory keeps is served from disk, and misses nothing', async t => {
  const home = await smallLog(t, { keep: { revisions: Number.POSITIVE_INFINITY } })
  const [state, other] = [home.state(), home.state()]
  await other.size()
  const loop = other.rawUpdates()
  const seen: number[] = []
  const filler = 'x'.repeat(1000)
  for (let n = 1; n <= 200; n++) await state.set({ n, filler })
  for await (const { revision, after } of loop) {
    assert.equal(after.n, revision)
    seen.push(revision)
    // More comes while it reads.
    if (revision % 50 === 0 && revision <= 600)
      await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          state.set({ n: 200 + (revision / 50 - 1) * 40 + i + 1, filler }),
        ),
      )
    if (revision === 680) break
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 680 }, (_, i) => i + 1),
  )
})

test('a namespace that was forgotten and came again is found at either time', async t => {
  const home = await smallLog(t, { keep: { revisions: Number.POSITIVE_INFINITY } })
  const noise = home.state()
  for (let round = 0; round < 3; round++) {
    const state = home.state('comes and goes')
    for (let n = 0; n < 20; n++) await state.set('n', [round, n])
    await state.clear()
    await state.close()
    for (let n = 0; n < 200; n++) await noise.set('filler', 'x'.repeat(1000) + n)
    await home.restart()
  }
  const state = home.state('comes and goes')
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(await state.at(21 * round + 1), { n: [round, 0] })
    assert.deepEqual(await state.at(21 * round + 20), { n: [round, 19] })
    assert.deepEqual(await state.at(21 * (round + 1)), {})
  }
  assert.equal((await all(state.history())).length, 63)
})

for (const keep of [{ revisions: 500 }, { bytes: 400_000 }] as const)
  test(`keep: ${JSON.stringify(keep)} bounds the folder, and what is beyond is missed by name`, async t => {
    const home = await smallLog(t, { keep })
    const state = home.state()
    let n = 0
    const commit = () => state.set({ n: ++n, filler: 'x'.repeat(500) })
    while (n < 3000) await commit()
    // Snapshots are made meanwhile: how far they are behind depends on the machine.
    while (n < 30_000 && home.bytes() >= 1_000_000) await commit()
    assert.ok(home.bytes() < 1_000_000, `${home.bytes()} bytes`)
    // No snapshot is under way then.
    await home.restart()
    const [oldest] = await all(state.history({ to: n }))
    const first = oldest!.revision
    assert.ok(first > 1)
    if ('revisions' in keep) assert.ok(first <= n - 500, `${first}`)
    assert.equal((await state.at(first)).n, first)
    assert.equal((await state.at(first - 1)).n, first - 1)
    const missed = { code: 'ZPROC_MISSED_UPDATES', to: first - 1 }
    await assert.rejects(state.at(first - 2), missed)
    await assert.rejects(all(state.history({ from: 1 })), missed)
    await assert.rejects(all(state.rawUpdates({ from: 0, own: true })), missed)
    await assert.rejects(state.at(new Date(0)), missed)
  })

test('keep names what it takes', () => {
  for (const keep of [{ revision: 1 }, { bytes: '1' }, [], 7])
    assert.throws(() => serverSettings({ keep } as never, 'startServer'), {
      name: 'TypeError',
      message: /startServer: keep must be an object/,
    })
  assert.throws(() => serverSettings({ keep: { bytes: 0 } }, 'startServer'), { name: 'RangeError' })
})

test('a state that is sent in many parts is whole, from memory and from disk', async t => {
  const home = await smallLog(t, { keep: { revisions: Number.POSITIVE_INFINITY } })
  const state = home.state()
  const list = Array.from({ length: 5000 }, (_, i) => ({ i }))
  const all: AnyState = Object.fromEntries(
    Array.from({ length: 3000 }, (_, i) => [`k${i}`, i % 3 ? i : { text: 'x'.repeat(i % 300) }]),
  )
  await state.set({ ...all, list })
  for (let i = 0; i < 5; i++) await push(state, 'list', i)
  assert.deepEqual(await state.at(1), { ...all, list })
  for (let i = 0; i < 20; i++) await state.set('k1', -i)
  assert.deepEqual(await state.at(1), { ...all, list })
  await home.restart()
  assert.deepEqual(await state.at(1), { ...all, list })
  assert.deepEqual((await state.at(0)) as AnyState, {})
})
