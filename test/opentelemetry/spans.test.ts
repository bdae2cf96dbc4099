// What `instrument()` makes of the calls of one process: names, kinds, attributes, parents, failures, and the metric.
import assert from 'node:assert/strict'
import { after, before, beforeEach, type TestContext, test } from 'node:test'
import { context, metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type HistogramMetricData,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import { atomic, Context, State, startServer } from 'zproc'
import { instrument } from 'zproc/opentelemetry'
import { commands, isTraced } from '../../src/tracing/channels.ts'

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const meters = new MeterProvider({
  readers: [new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: 3_600_000 })],
})
const tracer = trace.getTracer('test')
let stop: () => void

before(() => {
  // The SDK may be registered after the call.
  stop = instrument()
  provider.register()
  stop()
  metrics.setGlobalMeterProvider(meters)
  stop = instrument()
})
after(async () => {
  stop()
  await provider.shutdown()
  await meters.shutdown()
})
beforeEach(() => exporter.reset())

interface Shop {
  n: number
  secret?: string
}
const add = atomic(function add(state: Shop, n: number) {
  state.n += n
})
const fails = atomic(function fails(_: Shop) {
  throw new RangeError('too far')
})
const slow = atomic(async (state: Shop) => ++state.n)

async function shop(t: TestContext) {
  const server = await startServer('tcp://127.0.0.1:0', { backend: 'inline' })
  const state = new State<Shop>(server.address, { namespace: 'shop' })
  t.after(async () => {
    await state.close()
    await server.stop()
  })
  await state.set('n', 1)
  exporter.reset()
  return { server, state }
}

const spans = () => exporter.getFinishedSpans()
function named(name: string): ReadableSpan {
  const found = spans().filter(span => span.name === name)
  assert.equal(found.length, 1, `${name}: ${spans().map(span => span.name)}`)
  return found[0] as ReadableSpan
}
const parentOf = (span: ReadableSpan) => span.parentSpanContext?.spanId
const idOf = (span: ReadableSpan) => span.spanContext().spanId

test('a call is a client span by the conventions for databases, a part of what is active', async t => {
  const { server, state } = await shop(t)
  await tracer.startActiveSpan('request', async span => {
    await state.set('n', 2)
    span.end()
  })
  const set = named('set shop')
  assert.equal(set.kind, SpanKind.CLIENT)
  assert.deepEqual(set.attributes, {
    'db.system.name': 'zproc',
    'db.operation.name': 'set',
    'db.namespace': 'shop',
    'server.address': '127.0.0.1',
    'server.port': Number(new URL(server.address).port),
    'zproc.keys': ['n'],
  })
  assert.equal(parentOf(set), idOf(named('request')))
  assert.equal(set.status.code, SpanStatusCode.UNSET)
})

test('an atomic function: the call, its run at the server as a part of that, its commit as a part of the run', async t => {
  const { state } = await shop(t)
  await Promise.all([add(state, 1), add(state, 2)])
  const calls = spans().filter(({ kind }) => kind === SpanKind.CLIENT)
  const runs = spans().filter(({ kind }) => kind === SpanKind.SERVER)
  const commits = spans().filter(({ name }) => name === 'commit shop')
  assert.equal(calls.length, 2)
  assert.deepEqual(runs.map(parentOf), calls.map(idOf).sort(inOrderOf(runs.map(parentOf))))
  assert.deepEqual(commits.map(parentOf).sort(), runs.map(idOf).sort())
  assert.equal(calls[0]?.attributes['db.stored_procedure.name'], 'add')
  assert.equal(commits[0]?.attributes['zproc.revision'], 2)
})

const inOrderOf = (order: (string | undefined)[]) => (a: string, b: string) =>
  order.indexOf(a) - order.indexOf(b)

test('an async atomic function runs within its own span, with what it does in it', async t => {
  const { state } = await shop(t)
  const inside = atomic(async function inside(shop: Shop) {
    tracer.startSpan('inside').end()
    shop.n++
  })
  await inside(state)
  const [run] = spans().filter(({ name, kind }) => name === 'atomic inside' && kind === SpanKind.INTERNAL)
  const [call] = spans().filter(({ name, kind }) => name === 'atomic inside' && kind === SpanKind.CLIENT)
  assert.equal(parentOf(named('inside')), run && idOf(run))
  assert.equal(run && parentOf(run), call && idOf(call))
  assert.equal(await slow(state), 3)
})

test('a failure is the status of its span, with its class and the exception', async t => {
  const { state } = await shop(t)
  await assert.rejects(state.pop('secret'), { code: 'ZPROC_KEY' })
  await assert.rejects(fails(state), RangeError)
  const pop = named('pop shop')
  assert.equal(pop.status.code, SpanStatusCode.ERROR)
  assert.equal(pop.attributes['error.type'], 'ZPROC_KEY')
  assert.deepEqual(
    pop.events.map(({ name }) => name),
    ['exception'],
  )
  for (const run of spans().filter(({ name }) => name === 'atomic fails'))
    assert.equal(run.attributes['error.type'], 'RangeError')
})

test('a process and its end, with what it was', async t => {
  const ctx = new Context<Shop>({ serverBackend: 'inline', spares: 0, namespace: 'shop' })
  t.after(() => ctx.close())
  const baker = ctx.process(async state => void (await state.set('n', 1)), { name: 'baker' })
  await baker.wait()
  await ctx
    .process(() => process.exit(3), { name: 'breaks', stateful: false })
    .wait()
    .catch(() => {})
  const { attributes, kind, status } = named('baker')
  assert.equal(kind, SpanKind.CLIENT)
  assert.equal(status.code, SpanStatusCode.UNSET)
  assert.equal(attributes['rpc.method'], 'baker')
  assert.equal(attributes['process.pid'], baker.pid)
  assert.equal(attributes['process.exit.code'], 0)
  assert.equal(named('breaks').attributes['process.exit.code'], 3)
  assert.equal(named('breaks').attributes['error.type'], 'ZPROC_PROCESS_WAIT')
})

test('no value and no key of the server is in a span', async t => {
  const server = await startServer('tcp://127.0.0.1:0', { backend: 'inline', secretKey: 'what nobody knows' })
  const state = new State<Shop>(server.address, { secretKey: 'what nobody knows' })
  t.after(async () => {
    await state.close()
    await server.stop()
  })
  await state.set('secret', 'what nobody sees')
  await state.getWhenEqual('secret', 'what nobody sees')
  await add(state, 123_456_789)
  const text = JSON.stringify(spans().map(({ name, attributes, events }) => ({ name, attributes, events })))
  assert.ok(spans().length > 4)
  assert.doesNotMatch(text, /what nobody|123456789/)
})

test('how long commands take is measured, by operation and failure', async t => {
  const { state } = await shop(t)
  measured.reset()
  await state.get('n')
  await state.pop('secret').catch(() => {})
  await meters.forceFlush()
  const all = measured
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(scope => scope.metrics))
  const found = all.find(
    ({ descriptor }) => descriptor.name === 'db.client.operation.duration',
  ) as HistogramMetricData
  assert.equal(found.descriptor.unit, 's')
  const points = found.dataPoints.map(({ attributes, value }) => [
    attributes['db.operation.name'],
    attributes['error.type'],
    value.count > 0,
  ])
  assert.ok(points.some(([name, type, some]) => name === 'get' && type === undefined && some))
  assert.ok(points.some(([name, type, some]) => name === 'pop' && type === 'ZPROC_KEY' && some))
})

test('undone, nothing subscribes, and spans are made no more; a second call changes nothing', async t => {
  const { state } = await shop(t)
  assert.equal(instrument(), stop)
  await state.get('n')
  assert.equal(spans().length, 1)
  stop()
  assert.equal(isTraced(commands), false)
  await state.get('n')
  assert.equal(spans().length, 1)
  stop = instrument()
  await state.get('n')
  assert.equal(spans().length, 2)
  assert.equal(trace.getSpan(context.active()), undefined)
})
