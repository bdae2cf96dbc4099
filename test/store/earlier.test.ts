// Earlier states that are put together in pieces, while the namespace is written between them. RUNS=n sets how many.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { inPieces } from '../../src/async/pieces.ts'
import { decode, encode } from '../../src/protocol/frames.ts'
import { encodeList } from '../../src/protocol/list-pieces.ts'
import { fromWire, toWire } from '../../src/protocol/values.ts'
import { ABSENT, type Author, change, slot } from '../../src/store/commit.ts'
import { stateAt } from '../../src/store/earlier.ts'
import { Namespace } from '../../src/store/namespace.ts'
import { runAtomic } from '../../src/store/run-atomic.ts'
import { finished } from '../kit/finished.ts'

const numRuns = Number(process.env.RUNS ?? 25)
const author: Author = { session: 1, state: 1, pid: 1, name: 'test' }
// More than are dealt with in a piece.
const KEYS = 700
const COMMITS = 600

type Edit = [kind: 'put' | 'delete' | 'push' | 'shift' | 'clear', key: number]
const edit = (clears: number, kinds: Edit[0][]): fc.Arbitrary<Edit> =>
  fc.tuple(
    fc.oneof(
      { weight: 300, arbitrary: fc.constantFrom(...kinds) },
      { weight: clears, arbitrary: fc.constant<Edit[0]>('clear') },
    ),
    // Some keys are changed again and again.
    fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: KEYS })),
  )

type State = Record<string, unknown>
const list = (state: State, key: string): unknown[] => {
  if (!Array.isArray(state[key])) state[key] = []
  return state[key] as unknown[]
}

function make(space: Namespace, [kind, at]: Edit, n: number): void {
  const key = `k${at}`
  if (kind === 'put') space.commit(author, 'set', [change(key, slot(space.values, key), n)])
  else if (kind === 'clear') space.commit(author, 'clear', [{ key: null, before: space.values }])
  else if (kind === 'delete') {
    const before = slot(space.values, key)
    if (before !== ABSENT) space.commit(author, 'delete', [change(key, before, ABSENT)])
  } else {
    const act =
      kind === 'push'
        ? (state: State) => void list(state, key).push(n)
        : (state: State) => void list(state, key).shift()
    runAtomic(space, author, act, state => act(state as State))
  }
}

function filled(): Namespace {
  const space = new Namespace('n', COMMITS)
  for (let i = 0; i < KEYS; i++) {
    const key = `k${i}`
    space.commit(author, 'set', [change(key, slot(space.values, key), toWire([i], 'test', key))])
  }
  return space
}

const content = (values: Iterable<[string, unknown]>): State =>
  Object.fromEntries([...values].map(([key, value]) => [key, fromWire(value as never)]))

test('an earlier state is the one that there was, whatever is written while it is put together', () => {
  let done = 0
  let gone = 0
  fc.assert(
    fc.property(
      // Without steps it is left less often.
      fc.constantFrom<Edit[0][]>(['put', 'delete', 'push', 'shift'], ['put', 'delete']).chain(kinds =>
        fc.tuple(
          fc.array(edit(1, kinds), { minLength: COMMITS, maxLength: COMMITS, size: 'max' }),
          fc.array(fc.array(edit(20, kinds), { maxLength: 40, size: 'max' }), {
            minLength: 1,
            maxLength: 8,
          }),
        ),
      ),
      fc.integer({ min: 0, max: COMMITS }),
      ([before, between], back) => {
        const space = filled()
        const states = new Map<number, State>()
        let n = 0
        const act = (edits: Edit[]) => {
          for (const each of edits) {
            make(space, each, n++)
            states.set(space.revision, content(space.values))
          }
        }
        act(before.slice(0, -50))
        const last = space.revision
        const revision = Math.max(space.first, last - back)
        const expected = states.get(revision)
        if (!expected) return
        let pauses = 0
        const found = finished(stateAt(space, revision), () =>
          act(between[pauses++ % between.length] as Edit[]),
        )?.flat()
        if (found) {
          done++
          assert.deepEqual(content(found), expected)
        } else {
          gone++
          assert.ok(revision + 1 < space.first, 'it is still kept')
        }
      },
    ),
    { numRuns },
  )
  assert.ok(done > numRuns / 2, `${done} states were found, ${gone} were dropped meanwhile`)
})

test('what is no longer kept when it is its turn gives nothing', () => {
  const space = new Namespace('n', 300)
  const put = (n: number) => space.commit(author, 'set', [change('a', slot(space.values, 'a'), n)])
  for (let n = 0; n < 300; n++) put(n)
  assert.deepEqual(content(finished(stateAt(space, 10))?.flat() ?? []), { a: 9 })
  const dropped = finished(stateAt(space, 10), () => {
    for (let n = 0; n < 300; n++) put(n)
  })
  assert.equal(dropped, undefined)
})

test('a list is the same encoded in pieces', () => {
  for (const length of [0, 1, 15, 16, 255, 256, 257, 70_000]) {
    const items = Array.from({ length }, (_, i) => [`k${i}`, i])
    assert.deepEqual(decode(finished(encodeList(items, encode)) ?? encode(0)), items)
  }
})

test('works take turns, and what throws rejects', async () => {
  const order: string[] = []
  function* work(name: string): Generator<void, string> {
    for (let i = 0; i < 3; i++) {
      order.push(name)
      const until = performance.now() + 3
      while (performance.now() < until);
      yield
    }
    if (name === 'c') throw new RangeError('it is over')
    return name
  }
  const [a, b, c] = await Promise.allSettled(['a', 'b', 'c'].map(name => inPieces(work(name))))
  assert.deepEqual(
    [a, b],
    [
      { status: 'fulfilled', value: 'a' },
      { status: 'fulfilled', value: 'b' },
    ],
  )
  assert.equal((c as PromiseRejectedResult).reason.message, 'it is over')
  // The first begins before the others are there.
  assert.equal(order.join(''), 'aabcabcbc')
})
