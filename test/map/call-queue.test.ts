// Calls whose outcomes come in any order, some of them very late: each gets its own, once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CallQueue } from '../../src/map/call-queue.ts'

/** Numbers of calls are made at a time, and then so many outcomes come: of those under way, in steps of `stride`. */
const program = fc.array(
  fc.record({
    calls: fc.nat({ max: 3000 }),
    outcomes: fc.nat({ max: 3500 }),
    stride: fc.nat({ max: 4000 }),
    /** The oldest goes on. */
    isStuck: fc.boolean(),
  }),
  { maxLength: 8 },
)

test('each call gets its own outcome, in whatever order they come, and the others are told why there is none', async () => {
  await fc.assert(
    fc.asyncProperty(program, async steps => {
      let settled = 0
      const queue = new CallQueue(() => settled++)
      const promises: Promise<unknown>[] = []
      const open: number[] = []
      const ended: number[] = []
      for (const { calls, outcomes, stride, isStuck } of steps) {
        for (let i = 0; i < calls; i++) {
          open.push(promises.length)
          promises.push(queue.add([promises.length]).catch(error => error))
        }
        for (let i = 0; i < outcomes; i++) {
          const from = isStuck ? 1 : 0
          if (open.length <= from) break
          const [first] = open.splice(from + ((i * stride) % (open.length - from)), 1) as [number]
          queue.put({ first, count: 1, results: [first * 2], failures: [], error: undefined })
          ended.push(first)
        }
      }
      assert.equal(settled, ended.length)
      const error = new Error('no more')
      queue.fail(error)
      assert.equal(settled, promises.length)
      const found = await Promise.all(promises)
      for (const number of ended) assert.equal(found[number], number * 2)
      for (const number of open) assert.equal(found[number], error)
    }),
    { numRuns: 60 },
  )
})
