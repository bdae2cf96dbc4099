// `zproc serve`: a server that the command looks after.
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AnyState, State, waitForServer } from 'zproc'
import { serve } from '../../src/cli/serve.ts'
import { program } from '../kit/programs.ts'
import { zproc } from '../map/hosts.ts'

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

test('with --restart a server that was killed is started again, and its clients go on', async t => {
  const folder = folderOf(t)
  const address = `ipc://${join(folder, 'socket')}`
  const running = zproc(t, 'serve', address, '--data', join(folder, 'data'), '--restart', '--json')
  const said = events(running)
  const first = await until(said, 'listening')
  assert.equal(first.address, address)
  assert.ok(!Number.isNaN(Date.parse(first.time as string)))
  const state = new State<AnyState>(address, { connectTimeout: 60_000 })
  t.after(() => state.close())
  await state.set('n', 1)
  process.kill(first.pid as number, 'SIGKILL')
  assert.equal((await until(said, 'ended')).signal, 'SIGKILL')
  assert.equal(await state.get('n'), 1)
  const second = await until(said, 'listening')
  assert.notEqual(second.pid, first.pid)
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
