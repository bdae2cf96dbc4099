// What is known of a namespace while pages come and go, and when its server is another one.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type AnyState, State, startServer } from 'zproc'
import { Api } from '../../src/inspect/api.ts'
import type {
  CommitShown,
  LogRow,
  StreamLine,
  Tick,
  TreeWindow,
  ValueShown,
} from '../../src/inspect/messages.ts'
import { Namespaces } from '../../src/inspect/namespaces.ts'
import { Pulse } from '../../src/inspect/pulse.ts'
import { Redactor } from '../../src/inspect/redact.ts'
import { Streams } from '../../src/inspect/streams.ts'
import { elsewhere } from '../kit/elsewhere.ts'
import { room } from '../kit/servers.ts'
import { until } from '../kit/until.ts'
import { linesOf, inspector as started } from './kit.ts'

/** Namespaces of a server that has none but the first one, unless `known` says so. */
async function namespacesOf(t: TestContext, known: Set<string> = new Set()) {
  const own = await room(t)
  const home = { address: own.server().address, secretKey: undefined }
  const redactor = new Redactor({})
  const namespaces = new Namespaces(home, 'default', redactor, name => known.has(name))
  t.after(() => namespaces.close())
  const state = new State<AnyState>(home.address)
  t.after(() => state.close())
  const pulse = new Pulse(home, () => {})
  return { home, namespaces, state, api: new Api(namespaces, redactor, pulse, home, false) }
}

/** A page that is open, and reads when it is read. */
async function page(t: TestContext, streams: Streams, namespace: string): Promise<IncomingMessage> {
  const server = createServer((_, response) => {
    // More than the buffers of the connection take: the page is as one that has read nothing for long.
    response.write(`${' '.repeat(32 << 20)}\n`)
    streams.open(response, namespace)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const asking = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false })
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  t.after(() => {
    response.destroy()
    server.close()
  })
  return response
}

test('a namespace stays for a page that reads nothing, whatever the server says that it has', async t => {
  const known = new Set(['other'])
  const { home, namespaces } = await namespacesOf(t, known)
  const pulse: Pulse = new Pulse(home, () => {})
  const facts = { type: 'facts', address: '', namespace: '', canWrite: false, redacts: false } as const
  const streams = new Streams(namespaces, pulse, facts)
  const response = await page(t, streams, 'other')
  known.clear()
  namespaces.settle(Date.now() + 60_000)
  const other = new State<AnyState>(home.address, { namespace: 'other' })
  t.after(() => other.close())
  await other.set('k', 1)
  for await (const line of linesOf(response)) if (line.type === 'tick' && line.revision === 1) break
  assert.equal(streams.size, 1)
})

test('what one page asks does not make the lists of others anew', async t => {
  const { namespaces, state, api } = await namespacesOf(t)
  await state.update({ b: 1, a: 2 })
  const followed = await namespaces.use('default')
  await until(() => followed.revision === 1)
  const lists = () => [followed.shown('', 'name').keys, followed.shown('a', 'changed').keys]
  const before = lists()
  assert.deepEqual(before, [['a', 'b'], ['a']])
  const value = (await api.answer('value', { namespace: 'default', key: 'b', revision: null })) as ValueShown
  assert.equal(value.text, '1')
  for (const [i, keys] of lists().entries()) assert.equal(keys, before[i])
  await state.set('c', 3)
  await until(() => followed.revision === 2)
  assert.deepEqual(lists(), [['a', 'b', 'c'], ['a']])
})

test('a server that was started anew, and is at the same revision, has its own log, states and differences', async t => {
  const first = await startServer('tcp://127.0.0.1:0', { backend: 'inline' })
  const { address } = first
  const { call, stream } = await started(t, { address })
  const fill = async (text: string) => {
    const state = new State<AnyState>(elsewhere(address))
    for (let i = 0; i < 3; i++) await state.set(`${text} ${i}`, text)
    await state.close()
  }
  const asked = { namespace: 'default' }
  const tree = { ...asked, from: 0, count: 9, filter: '', order: 'name', open: [] }
  const everything = async () =>
    JSON.stringify([
      await call<LogRow[]>('log', { ...asked, from: 1, to: 3 }),
      await call<TreeWindow>('tree', { ...tree, revision: null }),
      await call<TreeWindow>('tree', { ...tree, revision: 3 }),
      await call<CommitShown>('commit', { ...asked, revision: 3 }),
    ])
  const lines = linesOf(await stream())
  const tickAt = async (isIt: (tick: Tick) => boolean): Promise<Tick> => {
    for (;;) {
      const line: StreamLine = (await lines.next()).value
      if (line.type === 'tick' && isIt(line)) return line
    }
  }
  await fill('old')
  const before = await tickAt(({ revision }) => revision === 3)
  assert.match(await everything(), /^(?!.*new).*old/)
  await first.stop()
  const second = await startServer(address, { backend: 'inline' })
  t.after(() => second.stop())
  await fill('new')
  const after = await tickAt(({ revision, logId }) => revision === 3 && logId !== before.logId)
  assert.equal(after.error, null)
  assert.match(await everything(), /^(?!.*old).*new/)
})
