import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { randomIpcAddress } from '../../src/protocol/address.ts'
import { room } from '../kit/servers.ts'
import { isThere } from '../map/contexts.ts'
import { joinedWorker, zproc } from '../map/hosts.ts'

test('help says what there is', async t => {
  const all = await zproc(t, '--help').ended()
  assert.equal(all.code, 0)
  assert.match(all.stdout, /Usage: zproc <command>[\s\S]*worker <address>/)
  const worker = await zproc(t, 'worker', '--help').ended()
  assert.equal(worker.code, 0)
  for (const option of ['--count', '--namespace', '--key-file']) assert.ok(worker.stdout.includes(option))
})

test('what makes no sense is told with exit code 2', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'zproc-key-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const empty = join(directory, 'empty')
  writeFileSync(empty, '\n')
  const address = 'tcp://127.0.0.1:1'
  const wrong: [args: string[], says: RegExp][] = [
    [[], /which command\?\nTry 'zproc --help'/],
    [['wroker'], /there is no command 'wroker'/],
    [['worker'], /the address, or the name, of a server is missing\nTry 'zproc worker --help'/],
    [['worker', 'http://nonsense'], /"http:\/\/nonsense" is not an address/],
    [['worker', 'no name'], /a name is 1 to 40 letters/],
    [['worker', address, 'another'], /'another' is one argument too many/],
    [['worker', address, '--count', 'two'], /--count must be a whole number, 1 or more, got 'two'/],
    [['worker', address, '--count', '0'], /got '0'/],
    [['worker', address, '--namespace', ''], /--namespace must not be empty/],
    [['worker', address, '--colour'], /--colour/],
    [['worker', address, '--key-file', join(directory, 'none')], /cannot be read: ENOENT/],
    [['worker', address, '--key-file', empty], /there is no key in/],
  ]
  for (const [args, says] of wrong) {
    const { code, stderr, stdout } = await zproc(t, ...args).ended()
    assert.equal(code, 2, args.join(' '))
    assert.match(stderr, says)
    assert.equal(stdout, '')
  }
})

test('a server that is not there, or asks for another key, is told with exit code 1', async t => {
  const nobody = await zproc(t, 'worker', randomIpcAddress()).ended()
  assert.equal(nobody.code, 1)
  assert.match(nobody.stderr, /^zproc: ConnectionError: /m)
  const { address } = (await room(t, { secretKey: 'right' }, 'tcp://127.0.0.1:0')).server()
  const stranger = await zproc(t, 'worker', address).ended()
  assert.equal(stranger.code, 1)
  assert.match(stranger.stderr, /^zproc: AuthenticationError: /m)
})

test('Ctrl-C ends it and its workers, and so does the end of the server', async t => {
  const { server, state } = await room(t)
  const { address } = server()
  const asked = await joinedWorker(t, address, '--count', '1')
  asked.child.kill('SIGINT')
  assert.deepEqual(await asked.ended().then(({ code, stderr }) => [code, stderr]), [0, ''])
  const left = await joinedWorker(t, address, '--count', '1')
  await state(t).size()
  await server().stop()
  const { code, stderr } = await left.ended()
  assert.equal(code, 1)
  assert.match(stderr, /^zproc: ConnectionError: /m)
  assert.ok(!isThere(left.pid))
})
