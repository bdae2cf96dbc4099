import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Interval, isLinearizable, type Model } from './linearize.ts'

type Op = { write: number } | { read: number }
const register: Model<Op, number> = {
  initial: 0,
  step: (state, op) => ('write' in op ? op.write : op.read === state ? state : undefined),
  show: String,
}
const at = (invoked: number, returned: number | undefined, op: Op): Interval<Op> => ({
  op,
  invoked,
  returned,
})

test('calls one after the other have the results of that order', () => {
  assert.ok(isLinearizable([at(0, 1, { write: 1 }), at(2, 3, { read: 1 })], register))
  assert.ok(!isLinearizable([at(0, 1, { write: 1 }), at(2, 3, { read: 0 })], register))
})

test('calls at the same time may have taken effect in any order, but in one', () => {
  const writes = [at(0, 9, { write: 1 }), at(0, 9, { write: 2 })]
  assert.ok(isLinearizable([...writes, at(1, 2, { read: 2 }), at(3, 4, { read: 1 })], register))
  const back = [at(1, 2, { read: 2 }), at(3, 4, { read: 1 }), at(5, 6, { read: 2 })]
  assert.ok(!isLinearizable([...writes, ...back], register))
})

test('a call of unknown outcome takes effect at any later time, or never', () => {
  const unknown = at(0, undefined, { write: 1 })
  assert.ok(isLinearizable([unknown, at(1, 2, { read: 0 }), at(8, 9, { read: 1 })], register))
  assert.ok(isLinearizable([unknown, at(1, 2, { read: 0 })], register))
  assert.ok(!isLinearizable([unknown, at(1, 2, { read: 1 }), at(3, 4, { read: 0 })], register))
  assert.ok(!isLinearizable([at(3, undefined, { write: 1 }), at(1, 2, { read: 1 })], register))
})

test('it says of every small history what trying all orders says', () => {
  const op = fc.oneof(
    fc.nat({ max: 2 }).map(write => ({ write })),
    fc.nat({ max: 2 }).map(read => ({ read })),
  )
  const interval = fc
    .tuple(fc.nat({ max: 12 }), fc.integer({ min: 1, max: 6 }), op, fc.nat({ max: 5 }))
    // Whole and half: no two ends are at the same time as a beginning.
    .map(([from, length, op, known]) => at(from, known > 0 ? from + length + 0.5 : undefined, op))
  let right = 0
  let wrong = 0
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 6 }), history => {
      const expected = someOrder(history, 0)
      expected ? right++ : wrong++
      assert.equal(isLinearizable(history, register), expected)
    }),
    { numRuns: 3000 },
  )
  assert.ok(right > 100 && wrong > 100, `${right} right ones and ${wrong} wrong ones were tried`)
})

/** The same by trying everything. */
function someOrder(left: readonly Interval<Op>[], state: number): boolean {
  if (left.every(({ returned }) => returned === undefined)) return true
  return left.some(next => {
    if (left.some(({ returned }) => returned !== undefined && returned < next.invoked)) return false
    const after = register.step(state, next.op)
    const others = left.filter(other => other !== next)
    return after !== undefined && someOrder(others, after)
  })
}

test('two hundred calls, five at a time, are no trouble, and one wrong result among them is found', () => {
  let state = 0
  const history = Array.from({ length: 200 }, (_, i): Interval<Op> => {
    // Each takes effect in the middle of its time; of some it is not known whether it did.
    if (i % 3 > 0) return at(i - 2, i + 3.5, { read: state })
    state = i
    return at(i - 2, i % 7 === 0 ? undefined : i + 3.5, { write: i })
  })
  assert.ok(isLinearizable(history, register))
  assert.ok(!isLinearizable([...history, at(150, 151, { read: 3 })], register))
})
