// The last lines that processes have printed, as clients of the server are told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Context, describeServer, type ServerDescription } from 'zproc'
import { outputOf } from '../../src/inspect/output.ts'
import { Redactor } from '../../src/inspect/redact.ts'
import { described, named } from '../kit/described.ts'
import { room } from '../kit/servers.ts'
import { until } from '../kit/until.ts'

const all = new Redactor({})
const prints = async () => {
  for (let i = 0; i < 30; i++) console.log(`line ${i}`)
  console.error('to stderr')
  await new Promise(() => setInterval(() => {}, 1000))
}

/** What is told of the process of that name. */
async function told(address: string, name: string, redactor = all) {
  const { session, id } = await described(address, named(name))
  return outputOf({ address, secretKey: undefined }, session, id, name, redactor)
}

test('the last lines of a process are told where its program reads them, and else that it does not', async t => {
  const { server } = await room(t)
  const { address } = server()
  const ctx = new Context(address, { spares: 0, stateful: false })
  t.after(() => ctx.close())
  const piped = ctx.process(prints, { name: 'piped', stdio: 'pipe' })
  piped.stdout?.resume()
  piped.stderr?.resume()
  const { lines } = await until(async () => {
    const output = await told(address, 'piped')
    return output.lines.some(({ stream }) => stream === 'stderr') && output.lines.length === 20
      ? output
      : undefined
  })
  const texts = lines.filter(({ stream }) => stream === 'stdout').map(({ text }) => text)
  assert.equal(texts.at(-1), 'line 29')
  assert.ok(lines.every(({ time }) => Math.abs(Date.now() - time) < 60_000))
  ctx.process(async () => new Promise(() => setInterval(() => {}, 1000)), { name: 'inherits' })
  assert.deepEqual(await told(address, 'inherits'), { seen: 'nothing', lines: [] })
  ctx.process(prints, { name: 'none', stdio: 'pipe', outputLines: 0 })
  assert.deepEqual(await told(address, 'none'), { seen: 'all', lines: [] })
})

test('where values are redacted no line is told, unless it was said what of it may be', async t => {
  const { server } = await room(t)
  const { address } = server()
  const ctx = new Context(address, { spares: 0, stateful: false })
  t.after(() => ctx.close())
  const piped = ctx.process(prints, { name: 'piped', stdio: 'pipe' })
  piped.stdout?.resume()
  piped.stderr?.resume()
  await until(async () => (await told(address, 'piped')).lines.length === 20)
  assert.deepEqual(await told(address, 'piped', new Redactor({ keys: ['secret'] })), {
    seen: 'redacted',
    lines: [],
  })
  const redactOutput = (line: string, name: string) => {
    if (line.includes('stderr')) throw new Error('it fails')
    return line.endsWith('29') ? `${name}: redacted` : undefined
  }
  const some = await told(address, 'piped', new Redactor({ keys: ['secret'], redactOutput }))
  assert.deepEqual(
    some.lines.map(({ text }) => text),
    ['piped: redacted'],
  )
})

test('a process that is none is told as gone, and a server with allowCode: false tells nothing', async t => {
  const { server } = await room(t)
  const { address } = server()
  const home = { address, secretKey: undefined }
  assert.deepEqual(await outputOf(home, 99, 1, 'x', all), { seen: 'gone', lines: [] })
  const closed = await room(t, { allowCode: false })
  await assert.rejects(outputOf({ ...home, address: closed.server().address }, 1, 1, 'x', all), {
    message: /allowCode: false/,
  })
  const description: ServerDescription = await describeServer(address)
  assert.ok(!JSON.stringify(description).includes('line 29'))
})
