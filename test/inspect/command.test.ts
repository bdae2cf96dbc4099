// zproc inspect, the command.
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type AnyState, describeServer, State } from 'zproc'
import { inspect } from '../../src/cli/inspect.ts'
import { needsPage } from '../kit/build.ts'
import { program } from '../kit/programs.ts'
import { room } from '../kit/servers.ts'
import { until } from '../kit/until.ts'

const cli = new URL('../../src/cli/main.ts', import.meta.url).href
const onWindows = process.platform === 'win32' && 'no signal reaches a program there'

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'zproc-inspect-'))
  t.after(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** `zproc inspect …` as a program, where no browser is, or where `xdg-open` is this. */
function command(t: TestContext, args: string[], env: NodeJS.ProcessEnv = {}) {
  needsPage()
  const none = { DISPLAY: '', WAYLAND_DISPLAY: '', WSL_DISTRO_NAME: '' }
  return program(t, `import ${JSON.stringify(cli)}`, ['inspect', ...args], { env: { ...none, ...env } })
}

test('it prints the URL, opens no browser where there is none, and Ctrl-C leaves nothing', {
  skip: onWindows,
}, async t => {
  const { server } = await room(t)
  const { address } = server()
  const state = new State<AnyState>(address)
  t.after(() => state.close())
  await state.set('k', 1)
  const { child, line, ended } = command(t, [address])
  const url = /^zproc inspect: (http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43})$/.exec((await line()) ?? '')?.[1]
  assert.ok(url)
  assert.equal(await line(), `Shows ${address} until Ctrl-C.`)
  assert.equal((await fetch(url)).status, 200)
  assert.ok((await describeServer(address)).sessions.some(({ pid }) => pid === child.pid))
  child.kill('SIGINT')
  const { code, signal, stderr } = await ended()
  assert.deepEqual([code, signal], [0, null])
  assert.match(stderr, process.platform === 'linux' ? /^zproc inspect: no browser was found to open/ : /^/)
  await assert.rejects(fetch(url))
  // It has said goodbye: the server does not wait for it to come back.
  assert.deepEqual(
    (await describeServer(address)).sessions.map(({ pid }) => pid),
    [process.pid],
  )
})

test('the browser is opened with a secret that is good for once', {
  skip: process.platform !== 'linux' && 'xdg-open is of Linux',
}, async t => {
  const { server } = await room(t)
  const bin = folder(t)
  const given = join(bin, 'given')
  writeFileSync(join(bin, 'xdg-open'), `#!/bin/sh\necho "$1" > ${given}.new && mv ${given}.new ${given}\n`)
  chmodSync(join(bin, 'xdg-open'), 0o755)
  const env = { DISPLAY: ':9', PATH: `${bin}:${process.env.PATH}` }
  const { child, line, ended } = command(t, [server().address], env)
  const printed = await line()
  await until(() => existsSync(given))
  const url = new URL(readFileSync(given, 'utf8').trim())
  assert.match(url.hash, /^#once=[\w-]{43}$/)
  assert.ok(printed?.includes(url.origin) && !printed.includes(url.hash.slice('#once='.length)))
  child.kill('SIGTERM')
  assert.equal((await ended()).stderr, '')
})

test('--json prints the URL for programs; a key of a server is in no output, and what is redacted is by keys and a module', {
  skip: onWindows,
}, async t => {
  const secretKey = 'much too secret a key'
  const { server } = await room(t, { secretKey })
  const { address } = server()
  const state = new State<AnyState>(address, { secretKey, namespace: 'shop' })
  t.after(() => state.close())
  await state.update({ token: 'hunter2', card: '4111', open: 1 })
  const own = folder(t)
  writeFileSync(join(own, 'key'), secretKey)
  writeFileSync(join(own, 'redact.mjs'), `export default (key, value) => (key === 'card' ? 'a card' : value)`)
  const options = [
    '--redact',
    'tok*,x',
    '--redact-with',
    join(own, 'redact.mjs'),
    '--key-file',
    join(own, 'key'),
  ]
  const { child, line, ended } = command(t, [address, '--json', '--namespace', 'shop', ...options])
  const { url, ...told } = JSON.parse((await line()) ?? '')
  assert.deepEqual(told, { address, namespace: 'shop', write: false })
  const { origin, hash } = new URL(url)
  const answer = await fetch(`${origin}/api/tree`, {
    method: 'POST',
    headers: { authorization: `Bearer ${hash.slice('#token='.length)}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      namespace: 'shop',
      revision: null,
      from: 0,
      count: 9,
      filter: '',
      order: 'put',
      open: [],
    }),
  })
  const { rows } = (await answer.json()) as { rows: { key: string; text: string }[] }
  assert.deepEqual(
    rows.map(({ key, text }) => [key, text]),
    [
      ['token', '(redacted)'],
      ['card', '"a card"'],
      ['open', '1'],
    ],
  )
  child.kill('SIGTERM')
  const { code, stdout, stderr } = await ended()
  assert.equal(code, 0)
  assert.ok(!`${stdout}${stderr}`.includes(secretKey))
})

test('what is wrong with its arguments is said, and a server that does not answer', async t => {
  const own = folder(t)
  writeFileSync(join(own, 'none.mjs'), 'export const redact = 1')
  const wrong: [args: string[], words: RegExp][] = [
    [['tcp://127.0.0.1:1', 'more'], /'more' is one argument too many/],
    [['tcp://127.0.0.1:1', '--port', 'x'], /--port must be a whole number/],
    [['tcp://127.0.0.1:1', '--redact', 'a,,b'], /a key is missing/],
    [['tcp://127.0.0.1:1', '--redact-with', join(own, 'none.mjs')], /its default export must be a function/],
    [['tcp://127.0.0.1:1', '--redact-with', join(own, 'no such file.mjs')], /cannot be loaded/],
    [['tcp://127.0.0.1:1', '--port', '70000'], /cannot listen|--port|nothing answers/],
  ]
  for (const [args, words] of wrong) await assert.rejects(inspect([...args]), words, args.join(' '))
  await assert.rejects(inspect([`ipc://${join(own, 'none.sock')}`]), /nothing answers at ipc:/)
})

test('a port that is in use is said so', async t => {
  const { server } = await room(t)
  const { createServer } = await import('node:net')
  const taken = createServer()
  await new Promise<void>(done => taken.listen(0, '127.0.0.1', done))
  t.after(() => taken.close())
  const { port } = taken.address() as { port: number }
  await assert.rejects(inspect([server().address, '--port', `${port}`]), {
    code: 'ZPROC_CONNECTION',
    message: new RegExp(`cannot listen at 127.0.0.1:${port}: .*EADDRINUSE`),
  })
})
