// What a server that hangs leaves for clients that get no answer: see src/lifeline/hung-note.ts.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, mock, type TestContext, test } from 'node:test'
import { type AnyState, atomic, describeServer, State, startServer } from 'zproc'
import { hungAt } from '../../src/client/describe-server.ts'
import { noteOf, readNote } from '../../src/lifeline/hung-note.ts'
import { noteFile } from '../../src/server/note.ts'

const skip = process.platform === 'win32' && 'its pipes are no files'

// No check stops a function while it waits here.
const settle = atomic(function settle(_: AnyState, ms: number) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
})

async function hanging(t: TestContext, backend: 'process' | 'thread', ms: number, address?: string) {
  const server = await startServer(address, { backend, atomicTimeout: 100 })
  t.after(() => server.stop())
  const state = new State<AnyState>(server.address)
  t.after(() => state.close())
  await state.set('n', 1)
  const path = server.address.slice('ipc://'.length)
  const note = noteFile(server.address, server.pid) ?? assert.fail()
  assert.ok(!existsSync(note))
  return { server, path, note, settled: settle(state, ms) }
}

const stuck = {
  code: 'ZPROC_TIMEOUT',
  message: new RegExp(
    `^describeServer: the server at (?:ipc|tcp)://.* has been stuck for \\d+ ms in the atomic function settle, called by process ${process.pid} \\(main\\)$`,
  ),
}

// Each of them waits for seconds until its server is known to hang: together they take no longer than one.
describe('a server that hangs', { skip, concurrency: true }, () => {
  // What it says to its operator has tests of its own.
  before(() => void mock.method(console, 'error', () => {}))

  for (const [backend, home, address] of [
    ['process', 'a socket', undefined],
    ['thread', 'a socket', undefined],
    ['process', 'tcp', 'tcp://127.0.0.1:0'],
    ['thread', 'tcp', 'tcp://127.0.0.1:0'],
  ] as const)
    test(`a server at ${home} that hangs in a ${backend} says in what, until it is stopped`, async t => {
      const { server, note: file, settled } = await hanging(t, backend, 100_000, address)
      const failed = assert.rejects(settled, { code: 'ZPROC_CONNECTION' })
      await assert.rejects(describeServer(server.address, { timeout: 60_000 }), stuck)
      const { ms, name, method, ...note } = readNote(file) ?? assert.fail()
      assert.deepEqual(note, {
        function: 'settle',
        pid: process.pid,
        server: server.pid,
        isOwn: backend === 'process',
      })
      assert.ok(ms >= 1600, `${ms}`)
      assert.equal(statSync(file).mode & 0o777, 0o600)
      await server.stop()
      await failed
      assert.ok(!existsSync(file))
    })

  test('when the server goes on it says so no more', async t => {
    const { server, note, settled } = await hanging(t, 'process', 4000)
    await assert.rejects(describeServer(server.address, { timeout: 60_000 }), stuck)
    await settled
    // The watchdog looks twice a second.
    while (existsSync(note)) await describeServer(server.address)
    const { functions } = await describeServer(server.address)
    assert.ok((functions[0]?.longest ?? 0) >= 3990, `${functions[0]?.longest}`)
  })

  for (const [home, address] of [
    ['a socket', undefined],
    ['tcp', 'tcp://127.0.0.1:0'],
  ] as const)
    test(`of a server at ${home} that is killed while it hangs nothing is left`, async t => {
      const { server, path, note, settled } = await hanging(t, 'process', 100_000, address)
      const failed = assert.rejects(settled, { code: 'ZPROC_CONNECTION' })
      await assert.rejects(describeServer(server.address, { timeout: 60_000 }), stuck)
      process.kill(server.pid, 'SIGKILL')
      await server.exited
      await failed
      assert.ok(!existsSync(note) && !existsSync(path))
    })
})

test('a note of a process that is gone, a link and what is no note say nothing', { skip }, t => {
  const folder = mkdtempSync(join(tmpdir(), 'zproc-note-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = (name: string) => join(folder, name)
  const read = (name: string) => readNote(noteOf(path(name)))
  const note = { function: 'f', method: -1, pid: 1, name: 'main', ms: 5 }
  const write = (name: string, text: string) => writeFileSync(noteOf(path(name)), text)
  write('true', JSON.stringify({ ...note, server: process.pid }))
  assert.equal(read('true')?.function, 'f')
  write('gone', JSON.stringify({ ...note, server: 2 ** 30 }))
  write('other', 'no JSON')
  symlinkSync(noteOf(path('true')), noteOf(path('link')))
  for (const name of ['gone', 'other', 'link', 'none']) assert.equal(read(name), undefined, name)
})

test('a server at tcp is found by the hosts that lead to it, and by no other', { skip }, async t => {
  const [server, other] = await Promise.all([
    startServer('tcp://127.0.0.1:0', { backend: 'inline' }),
    startServer('tcp://127.0.0.1:0', { backend: 'inline' }),
  ])
  t.after(() => Promise.all([server.stop(), other.stop()]))
  const file = noteFile(server.address, process.pid) ?? assert.fail()
  const note = { function: 'f', method: -1, pid: 1, name: 'main', ms: 5, server: process.pid, isOwn: true }
  writeFileSync(file, JSON.stringify(note))
  t.after(() => rmSync(file, { force: true }))
  const { port } = new URL(server.address)
  const found = (address: string) => hungAt(address)?.function
  assert.equal(found(server.address), 'f')
  assert.equal(found(`tcp://localhost:${port}`), 'f')
  for (const address of [`tcp://192.0.2.1:${port}`, `tcp://example.invalid:${port}`, other.address])
    assert.equal(found(address), undefined, address)
})
