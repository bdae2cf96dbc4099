// Programs from a seed, against a model: what the inspector says of the state, now and at each revision, is what the writers did.
// ZPROC_INSPECT_RUNS: how many programs, by default 12.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AnyState, atomic } from 'zproc'
import type { CommitShown, Found, LogRow, TreeRow, TreeWindow } from '../../src/inspect/messages.ts'
import { lineOf } from '../../src/inspect/shown.ts'
import { until } from '../kit/until.ts'
import { type Inspected, inspected } from './kit.ts'

const numRuns = Number(process.env.ZPROC_INSPECT_RUNS ?? 12)
const key = fc.constantFrom('a', 'b', 'Ab', 'order 10', 'order 9', '')
const value = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(0, -0, 1, Number.NaN, true, null, undefined, '', 'text', 5n, new Date(0), /x/g),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('x', 'y', 'z'), tie('value'), { maxKeys: 3 }),
    fc.uniqueArray(fc.integer({ max: 5, min: 0 }), { maxLength: 3 }).map(list => new Set(list)),
    fc
      .dictionary(fc.constantFrom('p', 'q'), tie('value'), { maxKeys: 2 })
      .map(map => new Map(Object.entries(map))),
  ),
})).value

type Step =
  | { do: 'set'; key: string; value: unknown }
  | { do: 'delete'; key: string }
  | { do: 'clear' }
  | { do: 'update'; object: AnyState }
  | { do: 'push'; key: string; value: number }
  | { do: 'deep'; key: string; value: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('set' as const), key, value }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('update' as const),
      object: fc.dictionary(key, value, { maxKeys: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('push' as const), key, value: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('deep' as const), key, value: fc.nat(9) }) },
)

const push = atomic((state: AnyState, name: string, item: number) => {
  if (Array.isArray(state[name])) state[name].push(item)
  else state[name] = [item]
})
const deep = atomic((state: AnyState, name: string, item: number) => {
  const value = state[name]
  if (value && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    value.x = { y: item }
  else state[name] = { x: { y: item } }
})

async function act({ state }: Inspected, one: Step): Promise<unknown> {
  switch (one.do) {
    case 'set':
      return state.set(one.key, one.value)
    case 'delete':
      return state.delete(one.key)
    case 'clear':
      return state.clear()
    case 'update':
      return state.update(one.object)
    case 'push':
      return push(state, one.key, one.value)
    case 'deep':
      return deep(state, one.key, one.value)
  }
}

test('the tree, the log and the differences are those of the states that the writers made', async t => {
  const room = await inspected(t)
  const { state, call } = room
  const history: AnyState[] = [await state.copy()]
  const tree = (revision: number | null, given: object = {}) =>
    call<TreeWindow>('tree', {
      namespace: 'default',
      revision,
      from: 0,
      count: 500,
      filter: '',
      order: 'put',
      open: [],
      ...given,
    })
  let revision = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.infiniteStream(fc.nat(1000)),
      async (steps, dice) => {
        const pick = (limit: number): number => (dice.next().value as number) % limit
        for (const one of steps) {
          await act(room, one)
          if ((await newestOf(room)) === revision) continue
          revision++
          history[revision] = await state.copy()
          // The stream of commits comes on its own. What was asked before is not what is so now.
          const byTime = await until(async () => {
            const window = await tree(null, { order: 'changed' })
            return window.revision >= revision ? window : undefined
          })
          const written = byTime.rows.map(row => row.revision)
          assert.deepEqual(
            written,
            written.toSorted((a, b) => b - a),
          )
          const [newest] = await call<LogRow[]>('log', { namespace: 'default', from: revision, to: revision })
          assert.ok(newest)
          assert.equal(newest.revision, revision)
          assert.equal(newest.pid, process.pid)
        }
        for (const at of [null, 1 + pick(Math.max(1, revision)), 1 + pick(Math.max(1, revision))]) {
          if (at !== null && at > revision) continue
          const then = history[at ?? revision]!
          const { rows, total, keys } = await tree(at)
          const lines = rows.map(row => [row.label, row.text])
          const expected = Object.entries(then).map(lineOfEntry)
          // Of an earlier state the server does not promise the order of the keys, as it does of the newest.
          assert.deepEqual(at === null ? lines : lines.sort(), at === null ? expected : expected.sort())
          assert.deepEqual([total, keys], [rows.length, rows.length])
          await windows(rows, given => tree(at, given), pick)
          await opened(then, rows, given => tree(at, given))
          if (at !== null) await differences(room, history, at)
        }
        await searched(room, revision, pick)
      },
    ),
    { numRuns, interruptAfterTimeLimit: 60_000 },
  )
})

/** The newest revision, as the server says it. */
async function newestOf({ state }: Inspected): Promise<number> {
  for await (const { revision } of state.history({ reverse: true })) return revision
  return 0
}

const lineOfEntry = ([name, one]: [string, unknown]) => [name, lineOf(one)]

/** A window is the part of all lines that it says; a filter leaves those out that it names, an order only orders. */
async function windows(
  all: TreeRow[],
  tree: (given: object) => Promise<TreeWindow>,
  pick: (limit: number) => number,
): Promise<void> {
  const [from, count] = [pick(all.length + 2), pick(6)]
  assert.deepEqual((await tree({ from, count })).rows, all.slice(from, from + count))
  const filtered = await tree({ filter: 'A' })
  assert.deepEqual(
    filtered.rows,
    all.filter(row => row.label.toLowerCase().includes('a')),
  )
  const byName = await tree({ order: 'name' })
  const names = all.map(row => row.label)
  const collator = new Intl.Collator('en', { numeric: true })
  assert.deepEqual(
    byName.rows.map(row => row.label),
    names.sort(collator.compare),
  )
  const byTime = (await tree({ order: 'changed' })).rows.map(row => row.revision)
  assert.deepEqual(
    byTime,
    [...byTime].sort((a, b) => b - a),
  )
}

/** What is open has a line for each of its parts, wherever the window begins. */
async function opened(then: AnyState, rows: TreeRow[], tree: (given: object) => Promise<TreeWindow>) {
  const expected: unknown[] = []
  const open: { key: string; path: (string | number)[] }[] = []
  const lines = (name: string, path: (string | number)[], label: string, one: unknown): void => {
    const parts = partsOf(one)
    expected.push([name, path, label, lineOf(one), parts !== undefined])
    if (!parts) return
    open.push({ key: name, path })
    for (const [at, partLabel, part] of parts) lines(name, [...path, at], partLabel, part)
  }
  for (const row of rows) lines(row.key, [], row.key, then[row.key])
  const shown = await tree({ open: open.reverse() })
  assert.deepEqual(
    shown.rows.map(row => [row.key, row.path, row.label, row.text, row.isOpen]),
    expected,
  )
  assert.equal(shown.total, expected.length)
  const [from, count] = [Math.floor(expected.length / 3), 5]
  const part = await tree({ open, from, count })
  assert.deepEqual(part.rows, shown.rows.slice(from, from + count))
}

function partsOf(one: unknown): [string | number, string, unknown][] | undefined {
  if (Array.isArray(one)) return one.map((part, i) => [i, `${i}`, part])
  if (one instanceof Set) return [...one].map((part, i) => [i, `${i}`, part])
  if (one instanceof Map) return [...one].map(([name, part], i) => [i, `${name} =>`, part])
  if (one === null || typeof one !== 'object' || one instanceof Date || one instanceof RegExp)
    return undefined
  return Object.entries(one).map(([name, part]) => [name, name, part])
}

/** The differences of a commit lead from the state before it to the state after. */
async function differences({ call }: Inspected, history: AnyState[], revision: number): Promise<void> {
  const { diffs, isCut } = await call<CommitShown>('commit', { namespace: 'default', revision })
  assert.equal(isCut, false)
  const [before, after] = [history[revision - 1]!, history[revision]!]
  const changed = new Set([...Object.keys(before), ...Object.keys(after)])
  for (const name of changed) {
    const mine = diffs.filter(diff => diff.key === name)
    if (same(before, after, name)) assert.deepEqual(mine, [], name)
    else assert.ok(mine.length > 0, `${name} differs at ${revision}`)
    for (const { path, before: was, after: is } of mine) {
      assert.equal(was, told(before, name, path))
      assert.equal(is, told(after, name, path))
    }
  }
}

const same = (before: AnyState, after: AnyState, name: string): boolean => {
  if (Object.hasOwn(before, name) !== Object.hasOwn(after, name)) return false
  try {
    assert.deepStrictEqual(before[name], after[name])
    return true
  } catch {
    return false
  }
}

/** The part at a path, in a line; null: it is not there. */
function told(state: AnyState, name: string, path: string): string | null {
  let at: unknown = state
  for (const part of [name, ...path.split(/[.[\]]+/).filter(Boolean)]) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return null
    at = (at as Record<string, unknown>)[part]
  }
  return lineOf(at, 1000)
}

/** A search finds what looking at every line finds. */
async function searched(
  { call }: Inspected,
  revision: number,
  pick: (limit: number) => number,
): Promise<void> {
  const all: LogRow[] = []
  for (let from = 1; from <= revision; from += 100)
    all.push(
      ...(await call<LogRow[]>('log', { namespace: 'default', from, to: Math.min(from + 99, revision) })),
    )
  const wanted = {
    key: pick(2) ? 'a' : '',
    method: pick(2) ? 'set' : '',
    process: pick(2) ? `${process.pid}` : '',
  }
  const found: LogRow[] = []
  let before: number | null = null
  for (;;) {
    const page: Found = await call<Found>('search', { namespace: 'default', ...wanted, before, until: 0 })
    found.push(...page.rows)
    before = page.reached
    if (page.reached <= page.oldest) break
  }
  const fitting = all.filter(
    row =>
      row.method.includes(wanted.method) &&
      row.changes.some(change => change.key.toLowerCase().includes(wanted.key)),
  )
  assert.deepEqual(
    found.map(row => row.revision),
    (wanted.key === '' ? all.filter(row => row.method.includes(wanted.method)) : fitting)
      .map(row => row.revision)
      .reverse(),
  )
}

test('a search finds a key that the line of its commit does not tell, and the line says how many changes it leaves out', async t => {
  const { state, call } = await inspected(t)
  const long = `${'x'.repeat(200)} end`
  await state.set('other', 1)
  await state.update(Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`key ${i}`, i])))
  await state.set(long, 1)
  const fill = atomic((draft: AnyState) => {
    draft.other = {}
    draft['last of all'] = 1
  })
  await fill(state)
  const several = atomic((draft: AnyState) => {
    for (const part of ['a', 'b', 'c', 'd', 'e', 'f']) draft.other[part] = 1
    draft['last of all'] = 2
  })
  await several(state)
  const revisions = async (key: string) => {
    const asked = { namespace: 'default', key, process: '', method: '', before: null, until: 0 }
    return (await call<Found>('search', asked)).rows.map(({ revision }) => revision)
  }
  assert.deepEqual(await revisions('KEY 9'), [2])
  assert.deepEqual(await revisions(' end'), [3])
  assert.deepEqual(await revisions('last of'), [5, 4])
  assert.deepEqual(await revisions('other'), [5, 4, 1])
  assert.deepEqual(await revisions('nowhere'), [])
  const rows = await call<LogRow[]>('log', { namespace: 'default', from: 1, to: 5 })
  // What is changed inside a value counts one each.
  assert.deepEqual(
    rows.map(({ changes, more }) => [changes.length, more]),
    [
      [1, 0],
      [4, 6],
      [1, 0],
      [2, 0],
      [4, 3],
    ],
  )
})
