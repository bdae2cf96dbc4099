import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type AnyState, atomic, type State } from 'zproc'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, Tell, VERSION } from '../../src/protocol/messages.ts'
import { toWire } from '../../src/protocol/values.ts'
import { shipAtomic } from '../../src/shipping/atomic.ts'
import { type Raw, raw } from '../kit/raw.ts'
import { type Room, room } from '../kit/servers.ts'

type Reply = [kind: number, id: number, ...rest: unknown[]]

/** Somebody who says what no client would say, and a State in the same namespace. */
async function hostile(t: TestContext, own: Room): Promise<{ peer: Raw; state: State<AnyState> }> {
  const state = own.state<AnyState>(t)
  await state.set({ list: [1, 2, 3], deep: { a: { b: 1 } } })
  return { peer: await join(t, own, state.namespace), state }
}

async function join(t: TestContext, own: Room, namespace: string): Promise<Raw> {
  const peer = await raw(t, own.server().address)
  peer.say([PROTOCOL, VERSION, { pid: 1 }])
  await peer.hear()
  peer.say([[Ask.open, 1, 1, namespace, 'peer']])
  await peer.hear()
  return peer
}

async function reply(peer: Raw, ...messages: unknown[]): Promise<Reply> {
  peer.say(messages)
  const replies = (await peer.hear()) as Reply[]
  return replies.at(-1) as Reply
}

const message = (answer: Reply): string => (answer[2] as { read(): Error }).read().message

test('the steps of a commit lead to parts of values and nowhere else', async t => {
  const own = await room(t)
  const { peer, state } = await hostile(t, own)
  const before = await state.copy()
  const polluted = toWire({ polluted: true }, 'test')
  const wrong: unknown[] = [
    ['put', ['__proto__'], polluted],
    ['put', [['__proto__']], polluted],
    ['put', ['__proto__', 'polluted'], 1],
    ['put', ['constructor', 'prototype', 'polluted'], 1],
    ['put', ['a', 'constructor', 'prototype', 'polluted'], 1],
    ['put', ['a', 'toString', 'polluted'], 1],
    ['remove', ['constructor', 'prototype', 'keys']],
    ['put', [], polluted],
    ['put', 'a', polluted],
    ['put', { length: 1, 0: 'a' }, polluted],
    ['put', [null], 1],
    ['put', [1.5], 1],
    ['call', ['a'], 1],
    ['put', Array(20_000).fill('a'), polluted],
    [],
    null,
    7,
  ]
  const wrongInList: unknown[] = [
    ['put', ['length'], 1_000_000_000],
    ['put', [4_294_967_294], 1],
    ['put', [-1], 1],
    ['put', [4], 1],
    ['insert', [1e9], 1],
    ['put', ['constructor'], 1],
    ['remove', [17]],
  ]
  const changes = [
    ...wrong.map(step => ['deep', null, [step]]),
    ...wrongInList.map(step => ['list', null, [step]]),
    ['list', null, Array(65).fill(['insert', [0], 1])],
    ['__proto__', polluted],
    ['constructor', null, [['put', ['prototype', 'polluted'], 1]]],
    [['deep'], 1],
    ['deep', null, 5],
    {},
    'deep',
  ]
  for (const [i, change] of changes.entries()) {
    const [kind, id, [hold]] = (await reply(peer, [Ask.hold, 2, 1, 'peer'])) as [number, number, [number]]
    assert.deepEqual([kind, id], [Tell.ok, 2])
    const answer = await reply(peer, [Ask.release, 3, 1, hold, [change]])
    assert.deepEqual(answer.slice(0, 2), [Tell.error, 3], `change ${i}`)
  }
  // The same key twice would copy it twice, and so on.
  const [, , [hold]] = (await reply(peer, [Ask.hold, 2, 1, 'peer'])) as [number, number, [number]]
  const twice = await reply(peer, [
    Ask.release,
    3,
    1,
    hold,
    [
      ['deep', 1],
      ['deep', 2],
    ],
  ])
  assert.match(message(twice), /'deep' is changed twice/)
  assert.deepEqual(await state.copy(), before)
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
  assert.deepEqual(Object.keys(Object.prototype), [])
})

test('a feed begins at a revision and has some credit, or is refused', async t => {
  const own = await room(t)
  const { peer, state } = await hostile(t, own)
  const numbers = [Number.NaN, 0.5, Number.POSITIVE_INFINITY, '1', null, [], 2 ** 60]
  for (const from of numbers)
    assert.equal((await reply(peer, [Ask.feed, 2, 1, 9, from, 1000]))[0], Tell.error, `from ${from}`)
  for (const credit of numbers)
    assert.equal((await reply(peer, [Ask.feed, 2, 1, 9, 0, credit]))[0], Tell.error, `credit ${credit}`)
  assert.equal((await reply(peer, [Ask.feed, 2, 1, 9, -1, 1])).at(0), Tell.ok)
  assert.equal((await reply(peer, [Ask.feed, 2, 1, 9, -1, 1])).at(0), Tell.error, 'the same feed twice')
  peer.say(numbers.map(bytes => [Ask.credit, 9, bytes]))
  await state.set('x', 1)
  assert.equal(await state.get('x'), 1)
})

test('what a hold is called is text, and is logged as one line', async t => {
  const own = await room(t, { atomicTimeout: 10 })
  const { peer, state } = await hostile(t, own)
  for (const label of [{ toString: 1 }, [], 5, null])
    assert.equal((await reply(peer, [Ask.hold, 2, 1, label]))[0], Tell.error)
  const lines: unknown[] = []
  t.mock.method(console, 'error', (line: unknown) => lines.push(line))
  const label = `evil\nzproc server: all is well\u001b[2J${'x'.repeat(100_000)}`
  assert.equal((await reply(peer, [Ask.hold, 2, 1, label]))[0], Tell.ok)
  await state.set('x', 1)
  assert.equal(lines.length, 1)
  assert.match(String(lines[0]), /^zproc server: evil\\nzproc server.* held its namespace for 10 ms$/)
  assert.ok(String(lines[0]).length < 200)
})

test('nobody can send a function under the name of another one', async t => {
  const own = await room(t)
  const { peer, state } = await hostile(t, own)
  const count = (all: AnyState) => Object.keys(all).length
  const { hash } = shipAtomic(count)
  const { bytes } = shipAtomic((all: AnyState) => delete all.list)
  peer.say([[Ask.define, 1, hash, bytes]])
  assert.equal(await peer.hear(), undefined, 'the connection is ended')
  assert.equal(await atomic(count)(state), 2)
})

test('a function that cannot be made one fails who calls it, and no other request', async t => {
  const own = await room(t)
  const { peer } = await hostile(t, own)
  const broken = toWire({ nodes: [{ kind: 'leaf', value: 5 }], entries: [] }, 'test') as { bytes: Uint8Array }
  const { hashOf } = await import('../../src/shipping/atomic.ts')
  const hash = hashOf(broken.bytes)
  peer.say([
    [Ask.define, 7, hash, broken.bytes],
    [Ask.get, 7, 1, 'nothing'],
    [Ask.atomic, 8, 1, 7, []],
  ])
  const replies = (await peer.hear()) as Reply[]
  assert.deepEqual(
    replies.map(one => one.slice(0, 2)),
    [
      [Tell.missing, 7],
      [Tell.error, 8],
    ],
  )
})

test('kinds of messages are numbers: no name of a method is one', async t => {
  const own = await room(t)
  for (const kind of ['constructor', '__proto__', 'toString', 'hasOwnProperty', [10], null]) {
    const { peer, state } = await hostile(t, own)
    peer.say([[kind, 1, 1]])
    assert.equal(await peer.hear(), undefined)
    assert.equal(await state.size(), 2)
  }
})
