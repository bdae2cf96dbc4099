// One trace through all processes of a program, as it is installed: spans leave each of them over OTLP/HTTP, before it ends.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { projectFolder, runNode } from '../kit/as-installed.ts'
import { type Received, startReceiver } from './receiver.ts'

const sdk = `
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { instrument } from 'zproc/opentelemetry'

export const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'process.pid': process.pid }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: process.env.RECEIVER }))],
})
provider.register()
instrument()
`
const program = `
import { trace } from '@opentelemetry/api'
import { atomic, Context } from 'zproc'
import { provider } from './sdk.mjs'

const add = atomic(function add(state, n) {
  state.n += n
})
const addHere = atomic(async function addHere(state, n) {
  state.n += n
})
const tracer = trace.getTracer('program')
const ctx = new Context({ namespace: 'shop', serverBackend: process.env.BACKEND })
await ctx.state.set('n', 0)
await tracer.startActiveSpan('order', async span => {
  const backend = process.env.BACKEND
  await ctx.process(async state => { await add(state, 1) }, { name: 'baker', backend }).wait()
  const item = async (state, n) => { await addHere(state, n); return n }
  await ctx.processMap(item, [10, 20], { stateful: true, count: 1 }).toArray()
  const call = x => x + 1
  await Promise.all([ctx.run(call, 1), ctx.run(call, { x: 1 })])
  span.end()
})
console.log(JSON.stringify({ pid: process.pid, server: ctx.serverProcess.pid, n: await ctx.state.get('n') }))
await ctx.close()
await provider.shutdown()
`

const CLIENT = 3
const SERVER = 2
const INTERNAL = 1
const CONSUMER = 5

for (const backend of ['process', 'thread'])
  test(`a trace goes from the program into a ${backend}, to the server, and into the items of a map`, async t => {
    const { url, spans } = await startReceiver(t)
    const folder = projectFolder()
    writeFileSync(join(folder, 'sdk.mjs'), sdk)
    writeFileSync(join(folder, 'program.mjs'), program)
    const env = {
      RECEIVER: url,
      BACKEND: backend,
      NODE_OPTIONS: `--import=${pathToFileURL(join(folder, 'sdk.mjs')).href}`,
    }
    const { code, stdout, stderr } = await runNode([join(folder, 'program.mjs')], { timeout: 120_000, env })
    assert.equal(code, 0, stderr)
    const { pid, server, n } = JSON.parse(stdout)
    assert.equal(n, 31)

    const order = spans.find(({ name }) => name === 'order')
    const trace = spans.filter(({ traceId }) => traceId === order?.traceId)
    const children = ({ spanId }: Received) => trace.filter(({ parentSpanId }) => parentSpanId === spanId)
    const shown = (span: Received): unknown[] => [
      span.name,
      span.kind,
      ...children(span)
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(shown),
    ]
    const add = ['atomic add', CLIENT, ['atomic add', SERVER, ['commit shop', INTERNAL]]]
    const addHere = ['atomic addHere', CLIENT, ['atomic addHere', INTERNAL]]
    const items = ['process item', CONSUMER, addHere]
    assert.deepEqual(shown(order as Received), [
      'order',
      INTERNAL,
      ['baker', CLIENT, ['baker', SERVER, add]],
      ['process call', CONSUMER],
      ['process call', CONSUMER],
      items,
      items,
    ])
    const processOf = (name: string, kind: number) =>
      trace.find(span => span.name === name && span.kind === kind)?.pid
    assert.equal(processOf('baker', CLIENT), pid)
    assert.equal(processOf('atomic add', SERVER), server)
    if (backend === 'thread') return
    const own = [pid, server, processOf('baker', SERVER), processOf('process item', CONSUMER)]
    assert.equal(new Set(own).size, 4, String(own))
    // Nothing of the program begins a trace of its own but what is called outside of one.
    const roots = spans.filter(({ parentSpanId }) => !parentSpanId).map(({ name }) => name)
    assert.deepEqual(roots.sort(), ['get shop', 'order', 'set shop'])
  })
