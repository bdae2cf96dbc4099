import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type ServerOptions, State } from 'zproc'
import { parseAddress } from '../../src/protocol/address.ts'
import { decode, decodeLent, FrameReader } from '../../src/protocol/frames.ts'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, Tell, VERSION, type WireCommit } from '../../src/protocol/messages.ts'
import { impostor, raw } from '../kit/raw.ts'
import { room } from '../kit/servers.ts'

type Message = [kind: number, ...rest: unknown[]]

/** A client of the namespace that reads it, and writes and hears frame by frame. */
async function client(t: TestContext, address: string) {
  const peer = await raw(t, address)
  // Since the greeting.
  let received = -1
  const hear = async () => {
    received++
    return (await peer.hear()) as Message[]
  }
  let id = 2
  peer.say([PROTOCOL, VERSION, { pid: 1 }])
  await hear()
  peer.say([
    [Ask.open, 1, 1, 'ping-pong', 'client'],
    [Ask.feed, 2, 1, 9, -1, 1e6],
  ])
  await hear()
  return {
    say: (...messages: Message[]) => peer.say(messages),
    /** Writes `key`; with `isAwaiting` it awaits an update from then on. */
    write(key: string, value: number, isAwaiting = true) {
      const set: Message = [Ask.set, ++id, 1, key, value]
      peer.say(isAwaiting ? [set, [Ask.awaiting, received]] : [set])
    },
    hear,
    /** The frames up to the one that says that `key` is `value` now, or the last of several keys. */
    async until(key: string | string[], value: number): Promise<Message[][]> {
      const frames: Message[][] = []
      const missing = new Set([key].flat())
      for (;;) {
        const frame = await hear()
        frames.push(frame)
        for (const [kind, , , commits] of frame) {
          if (kind !== Tell.updates) continue
          const all = (commits instanceof Uint8Array ? decode(commits) : commits) as WireCommit[]
          const writes: unknown[][] = all.flatMap(commit => commit[7])
          for (const [changed, now] of writes) if (now === value) missing.delete(changed as string)
        }
        if (missing.size === 0) return frames
      }
    },
  }
}

async function pingPong(t: TestContext, options: ServerOptions = {}) {
  const { address } = (await room(t, options)).server()
  const [one, other] = [await client(t, address), await client(t, address)]
  let n = 0
  return {
    one,
    other,
    address,
    /** Each writes once; the number of frames that the one heard of it. */
    async turn(isAwaiting = true): Promise<number> {
      one.write('ping', ++n, isAwaiting)
      await other.until('ping', n)
      other.write('pong', n, isAwaiting)
      return (await one.until('pong', n)).length
    },
  }
}

const numbers = async (count: number, make: () => Promise<number>): Promise<number[]> => {
  const made: number[] = []
  for (let i = 0; i < count; i++) made.push(await make())
  return made
}

const kinds = (frame: Message[]): number[] => frame.map(([kind]) => kind)

test('the answer to a write is sent with the update that its client awaits, where updates came in time before', async t => {
  const { turn } = await pingPong(t)
  assert.deepEqual(await numbers(4, turn), [2, 2, 2, 1])
})

test('a client that does not say that it awaits an update gets each answer at once', async t => {
  const { turn } = await pingPong(t)
  assert.deepEqual(await numbers(10, () => turn(false)), Array(10).fill(2))
})

test('an answer whose update does not come is sent by itself, and so are the next ones', async t => {
  const { one, turn } = await pingPong(t)
  await numbers(5, turn)
  one.write('unanswered', 1)
  assert.deepEqual(kinds(await one.hear()), [Tell.done, Tell.updates])
  assert.deepEqual(await numbers(5, turn), Array(5).fill(2))
})

test('what a client asks next is answered at once, together with the answer that was delayed', async t => {
  const { one, other, turn } = await pingPong(t)
  await numbers(5, turn)
  one.write('unanswered', 1)
  await other.until('unanswered', 1)
  one.say([Ask.ping, 1000, new Uint8Array()])
  assert.deepEqual(kinds(await one.hear()), [Tell.done, Tell.updates, Tell.ok])
})

for (const [what, message] of [
  ['credit for its reader', [Ask.credit, 9, 1]],
  ['that it awaits again, behind what is on its way', [Ask.awaiting, 0]],
  ['the end of a reader that it does not have', [Ask.unfeed, 77]],
  ['the end of a State that it does not have', [Ask.close, 77]],
] as [string, Message][])
  test(`an answer that was delayed leaves when its client says what needs no answer: ${what}`, async t => {
    const { one, other, turn } = await pingPong(t)
    await numbers(5, turn)
    one.write('unanswered', 1)
    await other.until('unanswered', 1)
    one.say(message)
    assert.deepEqual(kinds(await one.hear()), [Tell.done, Tell.updates])
  })

test('an update that comes with the answer is the one that is awaited: it is not delayed', async t => {
  const { one, other, turn, address } = await pingPong(t, { backend: 'inline' })
  // One that only watches.
  await client(t, address)
  await numbers(5, turn)
  // The server hears both in one turn, in this order or the other: the update may leave before the write is heard.
  other.write('first', 1, false)
  one.write('second', 1)
  const frames = await one.until(['first', 'second'], 1)
  assert.deepEqual(
    frames
      .flat()
      .map(([kind]) => kind)
      .filter(kind => kind === Tell.done),
    [Tell.done],
  )
  await other.until('second', 1)
  // After an update that came too late, a hundred answers would leave by themselves.
  assert.deepEqual(await numbers(5, turn), Array(5).fill(1))
})

test('a client that asks for more before the update comes gets each answer at once', async t => {
  const { one, other } = await pingPong(t)
  for (let i = 1; i <= 10; i++) {
    one.write('ping', i)
    assert.deepEqual(kinds(await one.hear()), [Tell.done, Tell.updates])
    one.say([Ask.ping, 1000 + i, new Uint8Array()])
    assert.deepEqual(kinds(await one.hear()), [Tell.ok])
    other.write('pong', i)
    await one.until('pong', i)
  }
})

/** The kinds of requests of each frame that a State sends, on the way to the server at `address`. */
async function listener(t: TestContext, address: string) {
  const frames: number[][] = []
  const way = await impostor(t, client => {
    const reader = new FrameReader(2 ** 32)
    let isGreeted = false
    client.on('data', (chunk: Buffer) =>
      reader.read(chunk, (...lent) => {
        const messages = decodeLent(...lent)
        if (isGreeted && Array.isArray(messages)) frames.push(kinds(messages))
        isGreeted = true
      }),
    )
    const { path } = parseAddress(address, 'test').where as { path: string }
    const server = connect({ path })
    client.pipe(server).pipe(client)
    server.on('error', () => client.destroy())
  })
  return { way, frames }
}

test('a State says that it awaits an update where it began to wait after its newest write', async t => {
  const { way, frames } = await listener(t, (await room(t)).server().address)
  const state = new State<{ mine: number; theirs: number }>(way)
  t.after(() => state.close())
  const sets = () => frames.splice(0).filter(frame => frame.includes(Ask.set))
  // The reader is there from now on.
  await state.getWhenNone('theirs')

  await state.set('mine', 1)
  assert.deepEqual(sets(), [[Ask.set]], 'nothing is awaited')

  void state.set('mine', 2)
  const later = state.getWhenEqual('theirs', 1)
  await state.get('mine')
  assert.deepEqual(sets(), [[Ask.set, Ask.get, Ask.awaiting]], 'a wait began behind the write')

  await state.set('mine', 3)
  assert.deepEqual(sets(), [[Ask.set]], 'the wait began before')
  await state.set('theirs', 1)
  await later

  frames.length = 0
  void state.set('mine', 4)
  await state.getWhenEqual('theirs', 1)
  await state.get('mine')
  assert.deepEqual(sets(), [[Ask.set, Ask.get]], 'the wait was over at once')
})
