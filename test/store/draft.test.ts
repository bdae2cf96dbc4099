import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyState } from 'zproc'
import { fromWire, toWire } from '../../src/protocol/values.ts'
import { type Author, change, slot, type Values } from '../../src/store/commit.ts'
import { Draft } from '../../src/store/draft.ts'
import { Namespace } from '../../src/store/namespace.ts'
import { runAtomic } from '../../src/store/run-atomic.ts'
import { costs } from '../kit/cost.ts'
import { checkPrograms } from './draft-fuzz.ts'

const author: Author = { session: 1, state: 1, pid: 1, name: 'test' }

function holding(state: object): Namespace {
  const space = new Namespace('n', 1000)
  for (const [key, value] of Object.entries(state))
    space.commit(author, 'set', [change(key, slot(space.values, key), toWire(value, 'test'))])
  return space
}

const atomically = (space: Namespace, fn: (state: AnyState) => unknown): unknown =>
  fromWire(runAtomic(space, author, fn, fn))

test('programs have the same outcome, state, log and history on a draft as on a plain object', () => {
  checkPrograms(200, 0)
})

test('a queue of 100,000 items is pushed and shifted at the cost of one of 100', () => {
  const rounds = 100
  const queue = (length: number) => {
    const items = Array.from({ length }, (_, id) => ({ id, text: 'some text' }))
    const space = holding({ jobs: { queue: items, done: 0 } })
    const turn = (state: AnyState) => {
      state.jobs.queue.push({ id: 1, text: 'some text' })
      state.jobs.done++
      return state.jobs.queue.shift()
    }
    return () => {
      for (let i = 0; i < rounds; i++) atomically(space, turn)
    }
  }
  const { short, long } = costs(9, { short: queue(100), long: queue(100_000) })
  assert.ok(long < 3 * short, `${long / short} times the cost`)
})

test('what is written to a long list is what is said of it', () => {
  const items = Array.from({ length: 1000 }, (_, n) => ({ n }))
  const space = holding({ list: items })
  const said = (fn: (list: { n: number }[]) => unknown) => {
    atomically(space, ({ list }) => void fn(list))
    return space.at(space.revision).changes.map(change => change.key !== null && change.steps)
  }
  assert.deepEqual(
    said(list => list.splice(500, 1)),
    [[['splice', [], 500, 1, []]]],
  )
  assert.deepEqual(
    said(list => list.shift()),
    [[['splice', [], 0, 1, []]]],
  )
  assert.deepEqual(
    said(list => list.pop()),
    [[['splice', [], 997, 1, []]]],
  )
  assert.deepEqual(
    said(list => list.push(list.shift() as { n: number }) && list.pop()),
    [[['splice', [], 0, 1, []]]],
  )
  assert.deepEqual(
    said(list => (list[5] as { n: number }).n++),
    [[['put', [5, 'n'], 8]]],
  )
  assert.deepEqual(
    said(list => {
      list.splice(2, 1)
      list.splice(900, 1)
    }),
    [[['splice', [], 2, 900, [[3, 898]]]]],
  )
  const [[[, , , , sorted] = []] = []] = said(list => list.reverse()) as unknown[][][]
  assert.equal((sorted as unknown[]).length, 994)
})

test('what was read can be asked of what a draft is given, and the keys that are not read are not asked for', () => {
  const values: Values = new Map(Object.entries({ a: 1, b: 2, c: 3, d: 4 }))
  const asked: string[] = []
  const observed = {
    get: (key: string) => {
      asked.push(key)
      return values.get(key)
    },
    has: (key: string) => {
      asked.push(`has ${key}`)
      return values.has(key)
    },
    keys: () => {
      asked.push('keys')
      return values.keys()
    },
  }
  const draft = new Draft(observed, 'test')
  const state: AnyState = draft.state
  state.b = state.a
  state.d = 5
  assert.equal('c' in state, true)
  draft.changes(values)
  assert.deepEqual(asked, ['a', 'has c'])
})

test('what a part cannot be is refused with its path, and what to do', () => {
  const refusals: [(state: AnyState) => unknown, RegExp][] = [
    [s => Object.freeze(s.a.x), /^atomic function .*: a\.x cannot be frozen or sealed: freeze a copy/],
    [s => Object.seal(s.a.list[0]), /: a\.list\[0\] cannot be frozen or sealed/],
    [
      s => {
        s.a.x[Symbol('s')] = 1
      },
      /: a\.x cannot have a symbol as a key: Symbol\(s\); use text/,
    ],
    [
      s => {
        s.a.list[Symbol('s')] = 1
      },
      /: a\.list cannot have a symbol as a key/,
    ],
    [
      s => {
        s.a.x.y = { [Symbol('s')]: 1 }
      },
      /: a\.x\.y has a symbol as a key/,
    ],
    [
      s => {
        Reflect.set(s.a.x, '__proto__', {})
      },
      /: a\.x cannot have '__proto__' as a key/,
    ],
    [s => Object.setPrototypeOf(s.a.x, null), /: a\.x is a plain object, and stays one/],
    [s => Object.setPrototypeOf(s.a.list, null), /: a\.list is an array, and stays one/],
    [s => Object.defineProperty(s.a.x, 'k', { get: () => 1 }), /: a\.x\.k can only be a plain field/],
    [s => Object.defineProperty(s.a.x, 'k', { value: 1 }), /: a\.x\.k can only be a plain field/],
    [s => structuredClone(s.a.x), /: a\.x is a part of the state, which cannot be cloned .*: give a copy/],
    [
      s => {
        s.a.list[0].run = () => 1
      },
      /: a\.list\[0\]\.run is a function/,
    ],
    [
      s => {
        s.a.x = {
          get: {
            get y() {
              s.a.x = 1
              return 1
            },
          },
        }
      },
      /has returned: a getter/,
    ],
  ]
  for (const [fn, message] of refusals) {
    const space = holding({ a: { x: { n: 1 }, list: [{ n: 1 }] } })
    assert.throws(() => atomically(space, fn), { name: 'TypeError', message })
    assert.deepEqual(fromWire(space.values.get('a')), { x: { n: 1 }, list: [{ n: 1 }] })
    assert.equal(space.revision, 1)
  }
})
