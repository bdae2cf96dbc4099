import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { decode } from '../../src/protocol/frames.ts'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, Tell, VERSION, type WireCommit } from '../../src/protocol/messages.ts'
import { raw } from '../kit/raw.ts'
import { room } from '../kit/servers.ts'

type Message = [kind: number, ...rest: unknown[]]

/** A client of the namespace; `reads`: it is sent its updates. */
async function client(t: TestContext, address: string, reads: boolean) {
  const peer = await raw(t, address)
  const hear = async () => (await peer.hear()) as Message[]
  let id = 2
  peer.say([PROTOCOL, VERSION, { pid: 1 }])
  await hear()
  peer.say([[Ask.open, 1, 1, 'turns', 'client'], ...(reads ? [[Ask.feed, 2, 1, 9, -1, 1e9]] : [])])
  await hear()
  return {
    hear,
    set: (value: number) => peer.say([[Ask.set, ++id, 1, 'key', value]]),
    /** How many commits each frame brings, until there were so many of them. */
    async commits(count: number): Promise<number[]> {
      const frames: number[] = []
      for (let seen = 0; seen < count; ) {
        const updates = (await hear()).filter(([kind]) => kind === Tell.updates)
        const sizes = updates.map(
          ([, , , sent]) => (sent instanceof Uint8Array ? decode(sent) : sent) as WireCommit[],
        )
        frames.push(sizes.flat().length)
        seen += sizes.flat().length
      }
      return frames
    },
  }
}

const READERS = 3

async function readersAndWriters(t: TestContext, writers: number) {
  // The server hears in one turn what this process says in one.
  const { address } = (await room(t, { backend: 'inline' })).server()
  const all = (count: number, reads: boolean) =>
    Promise.all(Array.from({ length: count }, () => client(t, address, reads)))
  return { readers: await all(READERS, true), writers: await all(writers, false) }
}

for (const count of [2, 5, 20])
  test(`what ${count} sessions commit in one turn reaches each reader in one frame`, async t => {
    const { readers, writers } = await readersAndWriters(t, count)
    for (let round = 0; round < 50; round++) {
      for (const writer of writers) writer.set(round)
      const frames = await Promise.all(readers.map(reader => reader.commits(count)))
      assert.deepEqual(frames, Array(READERS).fill([count]), `round ${round}`)
      for (const writer of writers) assert.deepEqual(kinds(await writer.hear()), [Tell.done])
    }
  })

test('a session that commits alone is answered, and its commits reach the readers, one by one', async t => {
  const { readers, writers } = await readersAndWriters(t, 1)
  const [writer] = writers
  for (let round = 0; round < 100; round++) {
    writer!.set(round)
    assert.deepEqual(kinds(await writer!.hear()), [Tell.done])
    assert.deepEqual(await Promise.all(readers.map(reader => reader.commits(1))), Array(READERS).fill([1]))
  }
})

test('after many commits of one session alone, those of several sessions go together again within some turns', async t => {
  const { readers, writers } = await readersAndWriters(t, 4)
  const sizes: number[] = []
  const round = async (who: typeof writers) => {
    for (const writer of who) writer.set(1)
    const frames = await Promise.all(readers.map(reader => reader.commits(who.length)))
    assert.deepEqual(frames, Array(READERS).fill(frames[0]))
    sizes.push(frames[0]!.length)
    for (const writer of who) await writer.hear()
  }
  for (let i = 0; i < 600; i++) await round(writers.slice(0, 1))
  sizes.length = 0
  for (let i = 0; i < 100; i++) await round(writers)
  const together = sizes.indexOf(1)
  assert.ok(together >= 0 && together <= 70, `frames of each turn: ${sizes}`)
  assert.deepEqual(sizes.slice(together), Array(100 - together).fill(1))
})

const kinds = (frame: Message[]): number[] => frame.map(([kind]) => kind)
