// What a page is sent while much happens, and while it reads nothing.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AnyState, State } from 'zproc'
import { deferred } from '../../src/async/deferred.ts'
import type { StreamLine, Tick } from '../../src/inspect/messages.ts'
import { Namespaces } from '../../src/inspect/namespaces.ts'
import { Pulse } from '../../src/inspect/pulse.ts'
import { Redactor } from '../../src/inspect/redact.ts'
import { Streams } from '../../src/inspect/streams.ts'
import { room } from '../kit/servers.ts'
import { until } from '../kit/until.ts'
import { inspected, linesOf } from './kit.ts'

async function linesUntil(response: IncomingMessage, isLast: (line: StreamLine) => boolean) {
  const lines: StreamLine[] = []
  for await (const line of linesOf(response)) {
    lines.push(line)
    if (isLast(line)) break
  }
  return lines
}

const isTick = (line: StreamLine): line is Tick => line.type === 'tick'

test('a page is told first what it looks at, then where the state stands, and each second what the server does', {
  timeout: 60_000,
}, async t => {
  const { state, stream, address } = await inspected(t)
  await state.set('k', 1)
  const [facts, ...lines] = await linesUntil(
    await stream(),
    line => line.type === 'status' && line.samples.length > 0,
  )
  assert.deepEqual(facts, {
    type: 'facts',
    address,
    namespace: 'default',
    canWrite: false,
    redacts: false,
  })
  const tick = lines.find(isTick)
  assert.deepEqual(tick, {
    type: 'tick',
    namespace: 'default',
    logId: tick?.logId,
    revision: 1,
    keys: 1,
    oldest: 1,
    error: null,
  })
  const status = lines.at(-1)
  assert.ok(status?.type === 'status' && status.description)
  assert.deepEqual([status.error, status.verdicts], [null, []])
  assert.equal(status.description.server.pid, process.pid)
  const [sample] = status.samples
  assert.ok(sample && sample.rss > 1e6 && sample.answer > 0 && sample.commits >= 0 && sample.busy <= 1)
})

test('however many commits there are, ten lines a second tell of them, and the last one is the newest', {
  timeout: 60_000,
}, async t => {
  const { state, stream } = await inspected(t)
  const response = await stream()
  const begun = performance.now()
  const writing = (async () => {
    for (let i = 0; i < 20; i++) {
      await Promise.all(Array.from({ length: 1000 }, (_, n) => state.set(`key ${n}`, i)))
      await sleep(50)
    }
  })()
  const ticks = (await linesUntil(response, line => isTick(line) && line.revision === 20_000)).filter(isTick)
  const seconds = (performance.now() - begun) / 1000
  await writing
  assert.ok(ticks.length <= 10 * seconds + 2, `${ticks.length} ticks in ${seconds} s`)
  assert.ok(ticks.length > 3)
  assert.equal(ticks.at(-1)?.keys, 1000)
})

test('a page that reads nothing is sent nothing more, and then where things stand', {
  timeout: 60_000,
}, async t => {
  const own = await room(t)
  const home = { address: own.server().address, secretKey: undefined }
  const state = new State<AnyState>(home.address)
  const namespaces = new Namespaces(home, 'default', new Redactor({}), () => false)
  const pulse: Pulse = new Pulse(home, () => streams.heard())
  const facts = { type: 'facts', address: '', namespace: 'default', canWrite: false, redacts: false } as const
  const streams = new Streams(namespaces, pulse, facts)
  await namespaces.use('default')
  void pulse.run()
  const opened = deferred<ServerResponse>()
  const server = createServer((_, response) => {
    // More than the buffers of the connection take: the page is as one that has read nothing for long.
    response.write(`${' '.repeat(32 << 20)}\n`)
    streams.open(response, null)
    opened.resolve(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const asking = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false })
  const [page] = (await once(asking, 'response')) as [IncomingMessage]
  t.after(async () => {
    pulse.stop()
    page.destroy()
    server.close()
    server.closeAllConnections()
    await Promise.all([namespaces.close(), state.close()])
  })
  const response = await opened.promise
  // Until the system takes no more.
  let waiting = 0
  await until(() => {
    const before = waiting
    waiting = response.writableLength
    return waiting === before
  })
  assert.ok(waiting > 1 << 20)
  for (let i = 1; i <= 60; i++) {
    await state.set('count', i)
    await sleep(50)
  }
  assert.equal(response.writableLength, waiting)
  const lines: StreamLine[] = []
  for await (const line of createInterface({ input: page })) {
    if (!line.trim()) continue
    lines.push(JSON.parse(line))
    const isNewest = lines.some(line => isTick(line) && line.revision === 60)
    if (isNewest && lines.some(({ type }) => type === 'status')) break
  }
  // What was told when it was opened; and then the newest, with all samples that it has missed.
  const ticks = lines.filter(isTick)
  assert.ok(ticks.length <= 12, `${ticks.length} lines`)
  assert.equal(ticks.at(-1)?.revision, 60)
  const status = lines.find(line => line.type === 'status')
  assert.ok(status?.type === 'status' && status.samples.length >= 2)
})

test('two pages look at two namespaces; one that is not there is refused', { timeout: 60_000 }, async t => {
  const { address, state, stream } = await inspected(t)
  await state.set('k', 1)
  const other = new State<AnyState>(address, { namespace: 'other' })
  t.after(() => other.close())
  await other.update({ a: 1, b: 2 })
  // The server says each second what it has.
  const first = await stream()
  await linesUntil(first, line => line.type === 'status' && line.description?.namespaces.length === 2)
  const second = await stream('other')
  const lines = await linesUntil(second, line => isTick(line) && line.revision === 1)
  assert.deepEqual(
    lines
      .filter(isTick)
      .map(({ namespace, keys }) => [namespace, keys])
      .at(-1),
    ['other', 2],
  )
  assert.equal((await stream('none')).statusCode, 404)
})

test('at most 16 pages are open at a time', { timeout: 60_000 }, async t => {
  const { inspector, stream } = await inspected(t)
  const open = await Promise.all(Array.from({ length: 16 }, () => stream()))
  assert.equal((await stream()).statusCode, 429)
  open[0]?.destroy()
  await until(() => inspector.pages() < 16)
  assert.equal((await stream()).statusCode, 200)
})

test('when the server ends, the pages are told', { timeout: 60_000 }, async t => {
  const { stream, inspector } = await inspected(t)
  const response = await stream()
  const lines = linesOf(response)
  await lines.next()
  await inspector.close()
  for await (const { type } of lines) assert.notEqual(type, 'facts')
})
