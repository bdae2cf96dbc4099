// The processes as they were: what the inspector keeps of descriptions, and for how long.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ServerDescription } from 'zproc'
import { ProcessesThen } from '../../src/inspect/processes-then.ts'

const HOUR = 3_600_000

/** What a server said at a time: one process, in a state, with a figure. */
const said = (time: number, state: string, memory: number): ServerDescription =>
  ({
    time,
    asker: 1,
    sessions: [],
    processes: [{ id: 1, state, memory, since: time }],
    pools: [],
    leftOut: {},
  }) as unknown as ServerDescription

test('at any time within the last hour it is the state of then, as if each description were kept', () => {
  const step = fc.record({
    ms: fc.integer({ min: 1, max: 400_000 }),
    state: fc.constantFrom('running', 'retrying', 'ended'),
    memory: fc.nat(3),
  })
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), steps => {
      const then = new ProcessesThen()
      const all: ServerDescription[] = []
      let time = 1_000_000
      for (const { ms, state, memory } of steps) {
        time += ms
        const told = said(time, state, memory)
        all.push(told)
        then.add(told)
      }
      const since = then.since ?? assert.fail()
      assert.ok(since <= Math.max(all[0]!.time, time - HOUR), 'what is kept reaches an hour back')
      for (const at of all.flatMap(one => [one.time - 1, one.time, one.time + 1]).filter(at => at >= since)) {
        const model = all.findLast(one => one.time <= at)
        assert.equal(then.at(at)?.processes[0]?.state, model?.processes[0]?.state)
      }
      assert.equal(then.at(since - 1), null)
    }),
  )
})

test('it takes a bounded amount of memory, the newest is kept, and what is the same is kept once', () => {
  const then = new ProcessesThen()
  const large = 'x'.repeat(1 << 20)
  for (let i = 0; i < 60; i++) then.add(said(1000 * i, `${i} ${large}`, 0))
  assert.ok((then.since ?? 0) >= 40_000, `${then.since}`)
  assert.ok(then.at(59_000)?.processes[0]?.state.startsWith('59 '))
  const calm = new ProcessesThen()
  for (let i = 0; i < 100; i++) calm.add(said(i, 'running', i))
  assert.equal(calm.at(99)?.time, 0)
})
