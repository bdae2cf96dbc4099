import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stuck } from './patience.ts'

const PATIENCE = 300

test('a history is stuck when the server has answered as often as it does within the patience, and nothing came', async () => {
  let probes = 0
  const probe = async () => void probes++
  assert.equal(await stuck({ probe, progress: () => 0 }, PATIENCE).stuck, 'stuck')
  assert.equal(probes, PATIENCE / 100)
})

test('where the server answers slowly, a history has as much longer', async () => {
  let came = 0
  let probes = 0
  // What comes of it takes ten times the patience.
  const probe = async () => {
    await new Promise(resolve => setTimeout(resolve, PATIENCE))
    if (++probes % 2 === 0 && probes < 10) came++
  }
  const begun = performance.now()
  await stuck({ probe, progress: () => came }, PATIENCE).stuck
  assert.ok(performance.now() - begun > 10 * PATIENCE)
  assert.equal(came, 4)
})

test('a server that answers no more is stuck, and so is a history that goes on without an end', async () => {
  const never = () => new Promise(() => {})
  assert.equal(await stuck({ probe: never, progress: () => 0 }, PATIENCE).stuck, 'stuck')
  let came = 0
  const busy = stuck({ probe: async () => {}, progress: () => ++came }, PATIENCE)
  assert.equal(await busy.stuck, 'stuck')
  assert.equal(came, (10 * PATIENCE) / 100 + 1)
})

test('an error of the probe is an answer, and what is ended waits for nothing', async () => {
  const failing = () => Promise.reject(new Error('no connection'))
  assert.equal(await stuck({ probe: failing, progress: () => 0 }, PATIENCE).stuck, 'stuck')
  stuck({ probe: failing, progress: () => 0 }, 1e6).end()
})
