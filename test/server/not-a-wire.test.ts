import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, atomic } from 'zproc'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, Tell, VERSION } from '../../src/protocol/messages.ts'
import { raw } from '../kit/raw.ts'
import { room as ownRoom } from '../kit/servers.ts'

const naked = { parts: [1] }

// What is no Wire would be kept as it is: a shared, changeable object, which a failing atomic function could change.
test('a message that holds an object where a value belongs is refused, and changes nothing', async t => {
  const room = await ownRoom(t)
  const state = room.state(t)
  await state.set('kept', 1)
  const peer = await raw(t, room.server().address)
  peer.say([PROTOCOL, VERSION, { pid: 1 }])
  await peer.hear()
  peer.say([[Ask.open, 1, 1, state.namespace, 'peer']])
  await peer.hear()
  const wrong: unknown[] = [
    [Ask.set, 2, 1, 'key', naked],
    [Ask.set, 2, 1, 'key', [1]],
    [Ask.setDefault, 2, 1, 'key', naked],
    [
      Ask.update,
      2,
      1,
      [
        ['fine', 1],
        ['key', naked],
      ],
    ],
    [Ask.replace, 2, 1, [['key', naked]]],
  ]
  for (const message of wrong) {
    peer.say([message])
    const [reply] = (await peer.hear()) as [unknown[]]
    assert.deepEqual(reply?.slice(0, 2), [Tell.error, 2])
  }
  assert.deepEqual(await state.copy(), { kept: 1 })
})

test('the same for the changes of an async atomic function, and the steps in them', async t => {
  const room = await ownRoom(t)
  const state = room.state<AnyState>(t)
  await state.set('list', [1])
  const peer = await raw(t, room.server().address)
  peer.say([PROTOCOL, VERSION, { pid: 1 }])
  await peer.hear()
  peer.say([[Ask.open, 1, 1, state.namespace, 'peer']])
  await peer.hear()
  for (const change of [
    ['key', naked],
    ['list', null, [['put', [0], naked]]],
  ]) {
    peer.say([[Ask.hold, 2, 1, 'peer']])
    const [[, , [hold]]] = (await peer.hear()) as [[number, number, [number]]]
    peer.say([[Ask.release, 3, 1, hold, [change]]])
    const [reply] = (await peer.hear()) as [unknown[]]
    assert.deepEqual(reply?.slice(0, 2), [Tell.error, 3])
  }
  assert.deepEqual(await state.copy(), { list: [1] })
  // The hold has gone with the refusal.
  const push = atomic((all: AnyState) => all.list.push(2))
  assert.equal(await push(state), 2)
})
