import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TimeoutError } from 'zproc'
import { room } from '../kit/servers.ts'

// The guide's button: watched live for a press, then, as it was seen, for its release.
test('what a live watcher was handed is what the State last saw', async t => {
  const [state, finger] = await (await room(t)).pairAt(t, { button: false })
  for (const long of [false, true, false]) {
    const pressed = state.getWhenEqual('button', true, { live: true })
    await state.ping()
    await finger.set('button', true)
    await pressed
    const released = state.getWhenEqual('button', false, { timeout: 100 })
    if (!long) await finger.set('button', false)
    if (!long) assert.equal((await released).button, false)
    else {
      await assert.rejects(released, TimeoutError)
      await finger.set('button', false)
      assert.equal((await state.getWhenEqual('button', false)).button, false)
    }
  }
})
