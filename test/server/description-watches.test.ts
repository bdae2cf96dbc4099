// Descriptions that a server sends again and again: see src/server/description-watches.ts.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type AnyState, describeServer, type ServerDescription, State, startServer } from 'zproc'
import { serverNews } from '../../src/client/server-news.ts'
import { decode } from '../../src/protocol/frames.ts'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, SOONEST, Tell, VERSION, WATCHES } from '../../src/protocol/messages.ts'
import { raw } from '../kit/raw.ts'
import { room } from '../kit/servers.ts'

type Peer = Awaited<ReturnType<typeof raw>>

async function peerAt(t: Parameters<typeof raw>[0], address: string): Promise<Peer> {
  const peer = await raw(t, address)
  peer.say([PROTOCOL, VERSION, { pid: process.pid, token: randomBytes(16), session: -1 }])
  await peer.hear()
  return peer
}

/** The next message of this kind, of those that come in any order. */
async function heard(peer: Peer, kind: number): Promise<unknown[]> {
  for (;;) {
    const frame = (await peer.hear()) ?? assert.fail('the connection has ended')
    const found = Array.isArray(frame) && frame.find(message => message[0] === kind)
    if (found) return found
  }
}

/** The parts of the next description for a watch. */
async function parts(peer: Peer): Promise<Partial<ServerDescription> & { watch: unknown }> {
  const [, watch, changed] = (await heard(peer, Tell.described)) as [number, number, [string, Uint8Array][]]
  return { watch, ...Object.fromEntries(changed.map(([name, part]) => [name, decode(part)])) }
}

test('the first description has all parts, the later ones what has changed, until the watch is ended', async t => {
  const { server } = await room(t)
  const { address } = server()
  const state = new State<AnyState>(address)
  t.after(() => state.close())
  await state.set('n', 1)
  const peer = await peerAt(t, address)
  peer.say([[Ask.watch, 7, SOONEST, 100]])
  const { watch, ...first } = await parts(peer)
  assert.equal(watch, 7)
  assert.deepEqual(Object.keys(first).sort(), Object.keys(await describeServer(address)).sort())
  assert.deepEqual(
    first.namespaces?.map(({ revision }) => revision),
    [1],
  )
  const calm = await parts(peer)
  assert.ok(calm.time !== undefined && calm.namespaces === undefined && calm.functions === undefined)
  await state.set('n', 2)
  let next = await parts(peer)
  while (!next.namespaces) next = await parts(peer)
  assert.deepEqual(
    next.namespaces.map(({ revision }) => revision),
    [2],
  )
  peer.say([
    [Ask.unwatch, 7],
    [Ask.ping, 1, Buffer.from('x')],
  ])
  await heard(peer, Tell.ok)
  // What was on its way has come before that: now there is nothing but the answers.
  const until = performance.now() + 5 * SOONEST
  for (let id = 2; performance.now() < until; id++) {
    peer.say([[Ask.ping, id, Buffer.from('x')]])
    const frame = await peer.hear()
    if (Array.isArray(frame)) assert.ok(frame.every(([kind]) => kind === Tell.ok))
  }
})

test('programs are asked for their processes while a watch lasts, and at no other time', async t => {
  const { server } = await room(t)
  const { address } = server()
  const program = await peerAt(t, address)
  program.say([[Ask.reports]])
  let questions = 0
  const report = { processes: [], pools: [], more: 0 }
  void (async () => {
    for (;;) {
      const frame = await program.hear()
      if (frame === undefined) return
      if (!Array.isArray(frame)) continue
      for (const [kind] of frame)
        if (kind === Tell.report) {
          questions++
          program.say([[Ask.reported, report]])
        }
    }
  })()
  const peer = await peerAt(t, address)
  peer.say([[Ask.ping, 1, Buffer.from('x')]])
  await heard(peer, Tell.ok)
  assert.equal(questions, 0)
  peer.say([[Ask.watch, 1, SOONEST, 100]])
  while (questions < 3) await parts(peer)
  // The connection ends without a word.
  peer.socket.destroy()
  const at = questions
  const other = await peerAt(t, address)
  for (let id = 1; id < 10; id++) {
    await new Promise(resolve => setTimeout(resolve, SOONEST / 2))
    other.say([[Ask.ping, id, Buffer.from('x')]])
    await heard(other, Tell.ok)
  }
  assert.ok(questions <= at + 1, `${questions - at} more`)
})

for (const [what, messages] of [
  ['comes too often', [[Ask.watch, 1, SOONEST - 1, 100]]],
  ['has no time', [[Ask.watch, 1, null, 100]]],
  ['has lists that are too long', [[Ask.watch, 1, SOONEST, 1001]]],
  ['is one too many', Array.from({ length: WATCHES + 1 }, (_, i) => [Ask.watch, i, SOONEST, 1])],
] as const)
  test(`a watch that ${what} ends the session, and no other`, async t => {
    const { server } = await room(t)
    const { address } = server()
    const peer = await peerAt(t, address)
    peer.say(messages)
    while ((await peer.hear()) !== undefined);
    assert.equal((await describeServer(address)).sessions.filter(({ lost }) => lost === null).length, 1)
  })

test('a watch goes on when its server is another one', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'zproc-watches-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const address = `ipc://${join(folder, 's.sock')}`
  const before = await startServer(address, { backend: 'inline' })
  const over = new AbortController()
  const news = serverNews(address, { secretKey: undefined, ms: SOONEST, signal: over.signal })
  const described = async () => {
    for (;;) {
      const { value } = await news.next()
      if (!value) return assert.fail('there is no more news')
      if (value.description) return value.description
    }
  }
  const first = await described()
  await before.stop()
  const after = await startServer(address, { backend: 'inline' })
  t.after(() => after.stop())
  let next = await described()
  while (next.server.started === first.server.started) next = await described()
  over.abort()
  assert.deepEqual(await news.next(), { done: true, value: undefined })
})
