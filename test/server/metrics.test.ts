// `server.metrics()`: what a server says of itself in the text format of Prometheus.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AnyState, atomic, Context, describeServer, State, startServer } from 'zproc'
import { metricsOf } from '../../src/server/metrics.ts'
import { held } from '../kit/memory.ts'
import { room } from '../kit/servers.ts'

const settle = atomic(function settle(state: AnyState) {
  state.n = (state.n ?? 0) + 1
})

/** Reads the text format as its specification says: each line is a comment about a family, or a sample of it. */
function parsed(text: string): Map<string, number> {
  assert.ok(text.endsWith('\n'))
  const samples = new Map<string, number>()
  const types = new Map<string, string>()
  let family = ''
  for (const line of text.trimEnd().split('\n')) {
    const comment = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line)
    if (comment?.[1] === 'HELP') {
      family = comment[2]!
      assert.ok(!types.has(family), `${family} comes twice`)
      continue
    }
    if (comment) {
      types.set(comment[2]!, comment[3]!)
      assert.ok(/^(counter|gauge)$/.test(comment[3]!))
      // As Prometheus' own naming has it.
      assert.equal(comment[3] === 'counter', family.endsWith('_total'))
      continue
    }
    const sample =
      /^([a-z_]+)(\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z]+="(?:[^"\\\n]|\\["\\n])*")*\})? (\S+)$/.exec(
        line,
      )
    assert.ok(sample, `this is no sample: ${JSON.stringify(line)}`)
    assert.equal(sample[1], family)
    const key = `${sample[1]}${sample[2] ?? ''}`
    assert.ok(!samples.has(key), `${key} comes twice`)
    samples.set(key, Number(sample[3]))
    assert.ok(Number.isFinite(Number(sample[3])), line)
  }
  return samples
}

for (const backend of ['process', 'thread', 'inline'] as const)
  test(`metrics of a server (${backend}) count its commits, keys, calls and processes`, async t => {
    const server = await startServer(null, { backend })
    t.after(() => server.stop())
    const ctx = new Context(server.address, { namespace: 'orders "new"\\', spares: 0 })
    t.after(() => ctx.close())
    ctx.process(() => {}, { start: false, stateful: false })
    await ctx.state.set('secret', 'confidential')
    for (let i = 0; i < 3; i++) await settle(ctx.state)
    const text = await server.metrics()
    assert.doesNotMatch(text, /secret|confidential/)
    const samples = parsed(text)
    const namespace = '{namespace="orders \\"new\\"\\\\"}'
    assert.equal(samples.get(`zproc_commits_total${namespace}`), 4)
    assert.equal(samples.get(`zproc_keys${namespace}`), 2)
    assert.equal(samples.get('zproc_connections'), 1)
    assert.equal(samples.get('zproc_sessions'), 1)
    assert.equal(samples.get('zproc_processes{state="new"}'), 1)
    const calls = [...samples].filter(([name]) =>
      name.startsWith('zproc_atomic_calls_total{function="settle"'),
    )
    assert.deepEqual(
      calls.map(([, value]) => value),
      [3],
    )
    const times = ['active', 'idle'].map(state =>
      samples.get(`zproc_server_event_loop_seconds_total{state="${state}"}`),
    )
    assert.ok(times.every(time => time !== undefined && time >= 0))
    const now = samples.get('zproc_server_start_time_seconds')! + samples.get('zproc_server_uptime_seconds')!
    assert.ok(Math.abs(now - Date.now() / 1000) < 60)
    await ctx.close()
    await server.stop()
    await assert.rejects(server.metrics(), { code: 'ZPROC_CONNECTION' })
  })

test('metrics that are read again and again leave nothing in memory', async t => {
  const server = await startServer(null, { backend: 'inline' })
  t.after(() => server.stop())
  const read = async (times: number) => {
    for (let i = 0; i < times; i++) await server.metrics()
    return (await held()).heapUsed
  }
  const before = await read(1000)
  const [times, bytes] = [3000, (await read(3000)) - before]
  assert.ok(bytes < times * 400, `each reading of ${times} left ${bytes / times} bytes`)
})

test('a server that hangs has no metrics, which is said within 5 seconds', async t => {
  const server = await startServer(null, { atomicTimeout: 60_000 })
  t.after(() => server.stop())
  const state = new State<AnyState>(server.address)
  t.after(() => state.close())
  const stuck = atomic(function stuck(_: AnyState) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100_000)
  })
  await state.set('n', 1)
  const failed = assert.rejects(stuck(state), { code: 'ZPROC_CONNECTION' })
  const answers = () =>
    describeServer(server.address, { timeout: 200 }).then(
      () => true,
      () => false,
    )
  while (await answers());
  await assert.rejects(server.metrics(), { code: 'ZPROC_TIMEOUT' })
  await server.stop()
  await failed
})

test('names that end in half a character are no two samples of the same name', async t => {
  const { server } = await room(t)
  const calm = await describeServer(server().address)
  const one = {
    keys: 1,
    oldest: 1,
    historyBytes: 1,
    bytes: null,
    states: 1,
    ephemeral: 0,
    ttl: 0,
    revision: 2,
  }
  const namespaces = ['\ud83d', '\ud83c'].map(name => ({ ...one, name }))
  // As it is sent.
  const sent = Buffer.from(metricsOf({ ...calm, namespaces })).toString()
  assert.equal(parsed(sent).get('zproc_commits_total{namespace="\ufffd"}'), 4)
})

test('whatever the names are, the text can be read, and no sample comes twice', async t => {
  const { server } = await room(t)
  const calm = await describeServer(server().address)
  const name = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('a', '"', '\\', '\n', '"} 1\nx'))
  const count = fc.nat()
  fc.assert(
    fc.property(fc.array(fc.tuple(name, count), { maxLength: 8 }), named => {
      const namespaces = named.map(([name, revision]) => ({
        name,
        revision,
        keys: 1,
        oldest: 1,
        historyBytes: 1,
        bytes: null,
        states: 1,
        ephemeral: 0,
        ttl: 0,
      }))
      const functions = named.map(([name, calls]) => ({
        name,
        place: '',
        calls,
        timed: 1,
        ms: 1,
        longest: 1,
      }))
      const samples = parsed(metricsOf({ ...calm, namespaces, functions }))
      const sum = (metric: string) =>
        [...samples].filter(([key]) => key.startsWith(metric)).reduce((all, [, value]) => all + value, 0)
      const all = named.reduce((sum, [, value]) => sum + value, 0)
      assert.equal(sum('zproc_commits_total'), all)
      assert.equal(sum('zproc_atomic_calls_total'), all)
    }),
  )
})
