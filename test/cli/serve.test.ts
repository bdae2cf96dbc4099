// `zproc serve`: a server that the command looks after.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AnyState, State, waitForServer } from 'zproc'
import { serve } from '../../src/cli/serve.ts'
import { randomIpcAddress } from '../../src/protocol/address.ts'
import { program } from '../kit/programs.ts'
import { zproc } from '../map/hosts.ts'
import { commands } from './kit.ts'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'zproc-serve-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

/** The lines of JSON that a program writes to stderr. */
async function* events(running: ReturnType<typeof zproc>): AsyncGenerator<Record<string, unknown>> {
  for await (const line of createInterface({ input: running.child.stderr! })) yield JSON.parse(line)
}

async function until(said: AsyncGenerator<Record<string, unknown>>, event: string) {
  for (;;) {
    const { value } = await said.next()
    assert.ok(value, `it ended before it said ${event}`)
    if (value.event === event) return value
  }
}

test('it listens, keeps its state in a folder, and stops cleanly on SIGTERM', async t => {
  const folder = folderOf(t)
  const address = `ipc://${join(folder, 'socket')}`
  const args = ['serve', address, '--data', join(folder, 'data'), '--keep-revisions', '1000']
  for (const n of [1, 2]) {
    const running = zproc(t, ...args)
    await waitForServer(address, { timeout: 30_000 })
    const state = new State<AnyState>(address)
    assert.equal(await state.get('n', 0), n - 1)
    await state.set('n', n)
    await state.close()
    running.child.kill('SIGTERM')
    const { code, stdout, stderr } = await running.ended()
    assert.deepEqual([code, stdout], [0, ''])
    assert.match(stderr, /^zproc serve: listening at ipc:.* \(pid \d+\)\nzproc serve: stopped by SIGTERM\n$/)
  }
})

for (const kind of ['ipc', 'tcp, a port that it picks'])
  test(`with --restart a server that was killed is started again, and its clients go on: ${kind}`, async t => {
    const folder = folderOf(t)
    const given = kind === 'ipc' ? `ipc://${join(folder, 'socket')}` : 'tcp://127.0.0.1:0'
    const running = zproc(t, 'serve', given, '--data', join(folder, 'data'), '--restart', '--json')
    const said = events(running)
    const first = await until(said, 'listening')
    const address = first.address as string
    if (kind === 'ipc') assert.equal(address, given)
    else assert.match(address, /^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/)
    assert.ok(!Number.isNaN(Date.parse(first.time as string)))
    const state = new State<AnyState>(address, { connectTimeout: 60_000 })
    t.after(() => state.close())
    await state.set('n', 1)
    process.kill(first.pid as number, 'SIGKILL')
    assert.equal((await until(said, 'ended')).signal, 'SIGKILL')
    assert.equal(await state.get('n'), 1)
    const second = await until(said, 'listening')
    assert.notEqual(second.pid, first.pid)
    assert.equal(second.address, address)
    running.child.kill('SIGINT')
    assert.equal((await until(said, 'stopped')).signal, 'SIGINT')
    assert.equal((await running.ended()).code, 0)
  })

test('without --restart it ends when its server does, and a server that cannot start is told', async t => {
  const folder = folderOf(t)
  const address = `ipc://${join(folder, 'socket')}`
  const running = zproc(t, 'serve', address)
  process.kill(await waitForServer(address, { timeout: 30_000 }), 'SIGKILL')
  const { code, stderr } = await running.ended()
  assert.equal(code, 1)
  assert.match(stderr, /the server ended: SIGKILL/)
  writeFileSync(join(folder, 'data'), '')
  const failed = await zproc(t, 'serve', address, '--data', join(folder, 'data'), '--restart').ended()
  assert.equal(failed.code, 1)
  assert.match(failed.stderr, /EEXIST|ENOTDIR/)
})

test('systemd is told when it is ready, and when it stops', async t => {
  const folder = folderOf(t)
  const address = `ipc://${join(folder, 'socket')}`
  // What systemd-notify is called with; that it sends it to NOTIFY_SOCKET is systemd's own matter.
  const told = join(folder, 'told')
  writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\necho "$NOTIFY_SOCKET $@" >> ${told}\n`)
  chmodSync(join(folder, 'systemd-notify'), 0o755)
  const cli = new URL('../../src/cli/main.ts', import.meta.url).href
  const env = { NOTIFY_SOCKET: '/run/notify', PATH: `${folder}:${process.env.PATH}` }
  const running = program(t, `import ${JSON.stringify(cli)}`, ['serve', address], { env })
  await waitForServer(address, { timeout: 30_000 })
  while (!existsSync(told)) await sleep(20)
  running.child.kill('SIGTERM')
  await running.ended()
  assert.deepEqual(
    readFileSync(told, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => line.replace(/--pid=\d+/, '--pid')),
    ['/run/notify --pid READY=1', '/run/notify --pid STOPPING=1'],
  )
})

test('what makes no sense is refused by name', async () => {
  const wrong: [args: string[], says: RegExp][] = [
    [[], /the address is missing/],
    [['ipc://a', 'b'], /one address is enough, got 'b'/],
    [['a/b'], /a name is 1 to 40 letters/],
    [['ipc://a', '--durability', 'often'], /--durability must be commit, none or a number.*'often'/],
    [['ipc://a', '--keep-bytes', 'all'], /--keep-bytes must be a whole number, 1 or more, got 'all'/],
    [['ipc://a', '--colour'], /--colour/],
  ]
  for (const [args, message] of wrong) await assert.rejects(serve(args), { message, command: ['serve'] })
})

test('metrics are served to this machine, and elsewhere only with a token', async t => {
  const file = join(folderOf(t), 'token')
  writeFileSync(file, 'sesame\n')
  const served = async (...args: string[]) => {
    const running = zproc(t, 'serve', randomIpcAddress(), '--json', '--metrics', ...args)
    const said = events(running)
    const { url } = await until(said, 'metrics')
    await until(said, 'listening')
    return { ...running, url: url as string }
  }
  const own = await served('0')
  assert.match(own.url, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
  const answer = await fetch(own.url)
  assert.deepEqual(
    [answer.status, answer.headers.get('content-type')],
    [200, 'text/plain; version=0.0.4; charset=utf-8'],
  )
  assert.match(await answer.text(), /^zproc_sessions 0$/m)
  assert.equal((await fetch(own.url.replace('/metrics', '/'))).status, 404)
  assert.equal((await fetch(own.url, { method: 'POST' })).status, 405)
  // Names that may resolve to this machine. fetch does not let the header be chosen.
  const { port } = new URL(own.url)
  const hosts: [host: string, status: number][] = [
    ['evil.example', 403],
    [`127.0.0.1.evil.example:${port}`, 403],
    ['', 403],
    [`LocalHost:${port}`, 200],
    ['[::1]', 200],
  ]
  for (const [host, status] of hosts) {
    const socket = connect(Number(port), '127.0.0.1')
    // The server says nothing to a client that has ended its side.
    socket.write(`GET /metrics HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    let raw = ''
    for await (const chunk of socket) raw += chunk
    assert.match(raw, new RegExp(`^HTTP/1\\.1 ${status} `), host)
  }
  own.child.kill('SIGTERM')
  assert.equal((await own.ended()).code, 0)

  const far = await served('0.0.0.0:0', '--metrics-token-file', file)
  const url = far.url.replace('0.0.0.0', '127.0.0.1')
  assert.equal((await fetch(url)).status, 401)
  assert.equal((await fetch(url, { headers: { authorization: 'Bearer sesam' } })).status, 401)
  assert.equal((await fetch(url, { headers: { authorization: 'Bearer sesame' } })).status, 200)
})

test('where metrics cannot be served is said with exit code 2, or 1', async t => {
  const address = randomIpcAddress()
  const wrong: [args: string[], says: RegExp][] = [
    [['--metrics', '0.0.0.0:9464'], /can be reached from other machines: give --metrics-token-file/],
    [['--metrics', '[::]:9464'], /can be reached from other machines/],
    [['--metrics', 'example.org:9464'], /can be reached from other machines/],
    [['--metrics', '70000'], /--metrics must be port or host:port, got '70000'/],
    [['--metrics', 'nine'], /got 'nine'/],
    [['--metrics-token-file', 'x'], /needs --metrics/],
    [['--metrics', '0', '--metrics-token-file', '/nowhere'], /--metrics-token-file cannot be read/],
  ]
  const { run } = commands(t)
  for (const [args, says] of wrong)
    await assert.rejects(run(serve, address, ...args), { command: ['serve'], message: says })
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  await assert.rejects(run(serve, address, '--metrics', `${port}`), {
    code: 'ZPROC_CONNECTION',
    message: new RegExp(`^metrics cannot be served at 127\\.0\\.0\\.1:${port}: .*EADDRINUSE`),
  })
})
