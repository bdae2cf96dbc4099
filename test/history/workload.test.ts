import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planOf } from './run.ts'

const plans = (from: number) => Array.from({ length: 50 }, (_, i) => planOf(from + i, { allowCode: true }))

test('a seed is one workload with the same faults, and another seed is another one', () => {
  assert.deepEqual(plans(1), plans(1))
  assert.equal(new Set(plans(1).map(plan => JSON.stringify({ ...plan, seed: 0 }))).size, 50)
})

test('histories have at least two hundred calls, of every kind, and every fault', () => {
  const drawn = plans(1).map(plan => ({
    ...plan,
    calls: plan.workloads.flatMap(({ rounds }) => rounds.flat()),
  }))
  for (const { calls } of drawn) assert.ok(calls.length >= 200, `${calls.length} calls`)
  const calls = new Set(drawn.flatMap(({ calls }) => calls.map(({ kind }) => kind)))
  assert.equal(calls.size, 18, [...calls].join())
  const faults = new Set(drawn.flatMap(plan => plan.faults.map(({ kind }) => kind)))
  assert.deepEqual([...faults].sort(), [
    'cut',
    'deafen',
    'delay',
    'duplicate',
    'stall',
    'stallAndCut',
    'tear',
  ])
})
