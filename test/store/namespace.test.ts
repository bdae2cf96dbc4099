import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AnyState, atomic, type State } from 'zproc'
import type { Step } from '../../src/protocol/messages.ts'
import { fromWire, type Packed, toWire } from '../../src/protocol/values.ts'
import { ABSENT, type Author, change, slot, type Values } from '../../src/store/commit.ts'
import { Draft } from '../../src/store/draft.ts'
import { stateAt } from '../../src/store/earlier.ts'
import { changesFromWire } from '../../src/store/methods.ts'
import { Namespace } from '../../src/store/namespace.ts'
import { runAtomic } from '../../src/store/run-atomic.ts'
import { applySteps } from '../../src/store/steps.ts'
import { finished } from '../kit/finished.ts'
import { room as ownRoom } from '../kit/servers.ts'

const author: Author = { session: 1, state: 1, pid: 1, name: 'test' }
const at = (space: Namespace, revision: number): Values => new Map(finished(stateAt(space, revision))?.flat())
const put = (space: Namespace, key: string, value: unknown) =>
  space.commit(author, 'set', [change(key, slot(space.values, key), toWire(value, 'test'))])

test('a log keeps its newest commits, and the state at each of them', () => {
  const space = new Namespace('n', 5)
  const states: object[] = [{}]
  for (let i = 1; i <= 12; i++) {
    if (i % 4 === 0) space.commit(author, 'clear', [{ key: null, before: space.values }])
    else if (i % 5 === 0) space.commit(author, 'delete', [change('b', slot(space.values, 'b'), ABSENT)])
    else put(space, i % 2 ? 'a' : 'b', i)
    states.push(Object.fromEntries(space.values))
  }
  assert.equal(space.revision, 12)
  assert.equal(space.first, 8)
  for (let r = 7; r <= 12; r++) assert.deepEqual(Object.fromEntries(at(space, r)), states[r], `at ${r}`)
})

test('a log that was not full yet keeps everything', () => {
  const space = new Namespace('n', 100)
  assert.equal(space.first, 1)
  put(space, 'a', 1)
  put(space, 'a', 2)
  assert.equal(space.first, 1)
  assert.deepEqual(Object.fromEntries(at(space, 0)), {})
  assert.deepEqual(Object.fromEntries(at(space, 1)), { a: 1 })
})

test('a log with a bound in bytes keeps its newest commits within it, and the newest in any case', () => {
  const space = new Namespace('n', 10, { historyBytes: 2000 })
  const states: object[] = [{}]
  for (let i = 1; i <= 25; i++) {
    put(space, i % 2 ? 'a' : 'b', `${i}`.padStart(300))
    states.push(Object.fromEntries(space.values))
    assert.ok(space.first <= space.revision && space.historyBytes <= 2000)
  }
  assert.ok(space.first > 15 && space.first <= 22, `${space.first}`)
  for (let r = space.first - 1; r <= 25; r++)
    assert.deepEqual(Object.fromEntries(at(space, r)), states[r], `at ${r}`)
  put(space, 'a', 'x'.repeat(5000))
  put(space, 'a', 1)
  assert.equal(space.first, space.revision, 'it replaced a value that is larger than the bound')
  for (let i = 0; i < 30; i++) put(space, 'a', i)
  assert.equal(space.first, space.revision - 9)
})

test('a commit is identical when the state after it equals the state before', () => {
  const space = new Namespace('n', 100)
  const identical = () => space.at(space.revision).identical
  put(space, 'a', { x: [1] })
  assert.equal(identical(), false)
  put(space, 'a', { x: [1] })
  assert.equal(identical(), true)
  put(space, 'u', undefined)
  assert.equal(identical(), false)
  const whole = (entries: [string, unknown][]) =>
    space.commit(author, 'set', [
      { key: null, before: space.values },
      ...entries.map(([key, value]) => change(key, ABSENT, toWire(value, 'test'))),
    ])
  whole([
    ['u', undefined],
    ['a', { x: [1] }],
  ])
  assert.equal(identical(), true)
  whole([['a', { x: [1] }]])
  assert.equal(identical(), false)
  space.commit(author, 'update', [])
  assert.equal(identical(), true)
})

const tree = (value: object) => toWire(value, 'test') as Packed

test('steps make another value of a value, which stays what it is, whether or not anybody has read it', () => {
  for (const read of [false, true]) {
    const before = tree({ a: { list: [1, 2, 3] }, b: { kept: true } })
    const first = applySteps(before, [['put', ['a', 'list', 0], 0]])
    if (read) {
      before.shared()
      first.shared()
    }
    const undo: Step[] = []
    const after = applySteps(
      first,
      [
        ['put', ['a', 'list', 0], 9],
        ['splice', ['a', 'list'], 1, 2, [tree({ n: 1 }), [1, 1]]],
        ['put', ['a', 'new'], 'x'],
        ['remove', ['b', 'kept']],
      ],
      undo,
    )
    assert.deepEqual(after.shared(), { a: { list: [9, { n: 1 }, 2], new: 'x' }, b: {} })
    assert.deepEqual(applySteps(after, undo).shared(), { a: { list: [0, 2, 3] }, b: { kept: true } })
    assert.deepEqual(first.read(), { a: { list: [0, 2, 3] }, b: { kept: true } })
    assert.deepEqual(before.shared(), { a: { list: [1, 2, 3] }, b: { kept: true } })
    assert.deepEqual(after.read(), { a: { list: [9, { n: 1 }, 2], new: 'x' }, b: {} })
  }
})

test('steps that lead nowhere are refused, and leave nothing behind', () => {
  const wrong: Step[] = [
    ['put', ['b', 'c'], 1],
    ['put', ['n', 'c'], 1],
    ['put', ['__proto__', 'c'], 1],
    ['put', ['__proto__'], 1],
    ['put', ['list', 3], 1],
    ['put', ['list', '0'], 1],
    ['remove', ['list', 0]],
    ['remove', ['x']],
    ['splice', ['n'], 0, 0, []],
    ['splice', ['list'], 2, 2, []],
    ['splice', ['list'], -1, 1, []],
    ['splice', ['list'], 0, 2, [[1, 2]]],
    [
      'splice',
      ['list'],
      0,
      2,
      [
        [0, 2],
        [1, 1],
      ],
    ],
  ]
  for (const step of wrong) {
    const before = tree({ n: 1, list: [1, 2, 3] })
    const steps: Step[] = [['put', ['n'], 2], ['splice', ['list'], 0, 1, []], step]
    if (step[0] === 'splice') steps.splice(1, 1)
    assert.throws(() => applySteps(before, steps), TypeError)
    assert.deepEqual(before.shared(), { n: 1, list: [1, 2, 3] })
  }
})

type Edit = [
  what: 'push' | 'pop' | 'shift' | 'reverse' | 'put' | 'delete' | 'length' | 'assign' | 'move',
  at: number,
  value: unknown,
]

const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.tuple(
    fc.constantFrom<Edit[0]>('push', 'pop', 'shift', 'reverse', 'put', 'delete', 'length', 'assign', 'move'),
    fc.nat({ max: 5 }),
    // A key that is refused, by everybody, is another test's.
    // And JSON, by which the outcomes are compared, has no -0.
    fc
      .jsonValue({ maxDepth: 2 })
      .map(value => JSON.parse(JSON.stringify(value)))
      .filter(value => !JSON.stringify(value).includes('__proto__')),
  ),
  { maxLength: 12 },
)

function edit(state: AnyState, changes: Edit[]): unknown {
  state.list ??= []
  state.deep ??= { a: { list: [0] }, b: {} }
  for (const [what, at, value] of changes) {
    if (what === 'push') state.list.push(value, state.list.length)
    else if (what === 'pop') state.deep.a.list.pop()
    else if (what === 'shift') state.list.shift()
    else if (what === 'reverse') state.list.reverse()
    else if (what === 'put') state.deep.b[`k${at}`] = value
    else if (what === 'delete') delete state.deep.b[`k${at}`]
    else if (what === 'length') state.list.length = Math.min(state.list.length, at)
    else if (what === 'assign') state[`key${at}`] = { value }
    else state.deep.a.list.push({ at })
  }
  return JSON.parse(JSON.stringify(state))
}

const decoded = (values: Values) =>
  Object.fromEntries([...values].map(([key, value]) => [key, fromWire(value)]))

test('the way back through steps leads to each state that was, without its values being kept', () => {
  fc.assert(
    fc.property(fc.array(edits, { maxLength: 8 }), fc.boolean(), (all, asWire) => {
      const space = new Namespace('n', 100)
      const states: object[] = [{}]
      for (const changes of all) {
        const { revision } = space
        if (asWire) {
          const draft = new Draft(space.values, 'edit')
          edit(draft.state, changes)
          const wires = draft.changes(space.values).changes
          if (wires.length > 0) space.commit(author, 'atomic', changesFromWire(space, wires))
        } else runAtomic(space, author, edit, state => void edit(state, changes))
        if (space.revision > revision) states.push(decoded(space.values))
      }
      for (let r = 0; r <= space.revision; r++) {
        assert.deepEqual(decoded(at(space, r)), states[r])
        if (r === 0) continue
        for (const change of space.at(r).changes)
          if (change.key !== null && change.undo) assert.equal(change.before, ABSENT)
      }
    }),
    { numRuns: 300 },
  )
})

test('a long array that is appended to is kept once, not once for each commit', () => {
  const space = new Namespace('n', 100_000)
  put(
    space,
    'list',
    Array.from({ length: 100_000 }, (_, i) => i),
  )
  const push = (state: AnyState) => state.list.push(0)
  const before = process.memoryUsage().rss
  for (let i = 0; i < 500; i++) runAtomic(space, author, push, push)
  assert.ok(process.memoryUsage().rss - before < 150e6)
  assert.equal((decoded(at(space, 1)).list as unknown[]).length, 100_000)
  assert.equal((decoded(at(space, 301)).list as unknown[]).length, 100_300)
})

test('an atomic function does to the state what it does to a plain object, and watchers follow it exactly', async t => {
  const room = await ownRoom(t)
  const [state, other]: [State, State] = await room.pair(t)
  const view = await other.view()
  const run = atomic(edit)
  const runHere = atomic(async (s: AnyState, changes: Edit[]) => edit(s, changes))
  const loop = other.rawUpdates({ duplicateOkay: true })
  let plain: AnyState = {}
  let here = false
  await fc.assert(
    fc.asyncProperty(edits, async changes => {
      plain = JSON.parse(JSON.stringify(plain))
      const before = view.revision
      const expected = edit(plain, changes)
      here = !here
      assert.deepEqual(await (here ? runHere : run)(state, changes), expected)
      assert.deepEqual(await state.copy(), expected)
      await other.setDefault('list', null)
      for (let seen = before; seen < view.revision; seen++) {
        const { value } = await loop.next()
        if (seen === view.revision - 1) assert.deepEqual(value.after, expected)
      }
      assert.deepEqual(view.snapshot, expected)
    }),
    { numRuns: 200, includeErrorInReport: true },
  )
  await loop.return?.()
})
