// A list that is changed in place, against an array. RUNS=n sets how many sequences are tried.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LiveTree } from '../../src/protocol/live-tree.ts'

const numRuns = Number(process.env.RUNS ?? 300)

type Edit = { at: number; removed: number; added: number; lend: boolean }

const edit: fc.Arbitrary<Edit> = fc.record({
  // Mostly at one of the ends, which lists keep room at.
  at: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.constant(1) },
    fc.double({ min: 0, max: 1, noNaN: true }),
  ),
  removed: fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, fc.nat(200)),
  added: fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, fc.nat(200)),
  lend: fc.boolean(),
})

test('a list holds what an array would after the same splices, and what was lent stays as it was', () => {
  fc.assert(
    fc.property(fc.nat(500), fc.array(edit, { maxLength: 60 }), (length, edits) => {
      const model = Array.from({ length }, (_, i) => i)
      const tree = new LiveTree([...model], true)
      const lent: { now: unknown; before: number[] }[] = []
      let next = length
      for (const { at, removed, added, lend } of edits) {
        const from = Math.floor(at * model.length)
        const count = Math.min(removed, model.length - from)
        const items = Array.from({ length: added }, () => next++)
        tree.splice(tree.open([], 0) as unknown[], from, count, items)
        model.splice(from, count, ...items)
        assert.equal((tree.root as unknown[]).length - tree.deadSlots(tree.root as unknown[]), model.length)
        if (lend) lent.push({ now: tree.lend(), before: [...model] })
      }
      assert.deepEqual(tree.settled(), model)
      for (const { now, before } of lent) assert.deepEqual(now, before)
    }),
    { numRuns },
  )
})

for (const [what, at] of [
  ['the beginning', 0],
  ['the end', Number.POSITIVE_INFINITY],
] as const)
  test(`elements that are added at ${what} one at a time move the others seldom`, () => {
    const length = 100_000
    const tree = new LiveTree(
      Array.from({ length }, (_, i) => i),
      false,
    )
    for (let i = 0; i < length; i++) {
      const list = tree.open([], 0) as unknown[]
      tree.splice(list, Math.min(at, list.length - tree.deadSlots(list)), 0, [-i])
    }
    assert.ok(tree.moved < 100 * length, `${tree.moved / length} elements were moved for each`)
  })
