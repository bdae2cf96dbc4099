import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, atomic, State } from 'zproc'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, Tell, VERSION } from '../../src/protocol/messages.ts'
import { held } from '../kit/memory.ts'
import { raw } from '../kit/raw.ts'
import { room } from '../kit/servers.ts'

test('namespaces that were emptied and left cost nothing', async t => {
  const own = await room(t, { backend: 'inline' })
  const { address } = own.server()
  // Keeps the connection, so that all are in one session.
  const first = new State(address)
  t.after(() => first.close())
  const visit = async (from: number, count: number) => {
    for (let i = from; i < from + count; i++) {
      const state = new State<AnyState>(address, { namespace: `visited ${i}` })
      if (i % 3 === 0) await state.set('a', i, { ephemeral: true })
      else await state.set('a', i)
      if (i % 2) await state.delete('a')
      else await state.clear()
      await state.close()
    }
  }
  const memory = async () => {
    await first.ping()
    return (await held()).heapUsed
  }
  await visit(0, 1000)
  const before = await memory()
  await visit(1000, 1000)
  const each = ((await memory()) - before) / 1000
  assert.ok(each < 500, `each of 1000 namespaces keeps ${Math.round(each)} bytes`)
})

test('a namespace that comes again goes on with higher revisions, and who knew it before is told what it missed', async t => {
  const own = await room(t)
  const { address } = own.server()
  const open = async (namespace: string) => {
    const state = new State<AnyState>(address, { namespace })
    t.after(() => state.close())
    await state.size()
    return state
  }
  const first = await open('again')
  const view = await first.view()
  for (let i = 0; i < 10; i++) await first.set('n', i)
  await first.clear()
  const left = view.revision
  assert.equal(left, 11)
  await first.close()

  const second = await open('again')
  const other = await open('again')
  await second.set('n', 'new')
  const update = await other.getRawUpdate()
  assert.deepEqual([update.before, update.after], [{}, { n: 'new' }])
  assert.ok(update.revision > left, `${update.revision} comes after ${left}`)

  const peer = await raw(t, address)
  peer.say([PROTOCOL, VERSION, { pid: 1 }])
  await peer.hear()
  peer.say([[Ask.open, 1, 1, 'again', 'raw']])
  peer.say([[Ask.feed, 2, 1, 7, 5, 1000]])
  const heard: unknown[][] = []
  while (!heard.some(([kind]) => kind === Tell.fellBehind))
    heard.push(...((await peer.hear()) as unknown[][]))
  assert.deepEqual(
    heard.find(([kind]) => kind === Tell.fellBehind),
    [Tell.fellBehind, 7, 6, update.revision - 1],
  )
})

test('a namespace stays while it has keys, a State, or a hold', async t => {
  const own = await room(t)
  const { address } = own.server()
  const open = (namespace: string) => new State<AnyState>(address, { namespace })
  const outside = open('other')
  t.after(() => outside.close())
  await outside.size()
  const full = open('full')
  await full.set('kept', 1)
  await full.close()
  const again = open('full')
  t.after(() => again.close())
  assert.deepEqual(await again.copy(), { kept: 1 })
  // What waits for a hold is done although the States that asked have gone.
  const holder = open('held')
  const writer = open('held')
  await Promise.all([holder.size(), writer.size()])
  let release = () => {}
  const held = atomic(async (state: AnyState) => {
    state.held = true
    await new Promise<void>(resolve => {
      release = resolve
    })
  })(holder)
  await holder.ping()
  const written = writer.set('written', 1)
  const closed = writer.close()
  await outside.ping()
  release()
  await Promise.all([held, written, closed])
  await holder.close()
  const last = open('held')
  t.after(() => last.close())
  assert.deepEqual(await last.copy(), { held: true, written: 1 })
})

test('keys whose time is up leave nothing of a namespace that nobody is in', async t => {
  const own = await room(t)
  const { address } = own.server()
  const state = new State<AnyState>(address, { namespace: 'short' })
  await state.set('a', 1, { ttl: 50 })
  await state.close()
  const again = new State<AnyState>(address, { namespace: 'short' })
  t.after(() => again.close())
  assert.deepEqual(await again.getWhenNone('a', { live: true }), {})
})
