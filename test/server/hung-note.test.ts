// What a server that hangs leaves for clients that get no answer: see src/lifeline/hung-note.ts.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, mock, type TestContext, test } from 'node:test'
import { type AnyState, atomic, describeServer, State, startServer } from 'zproc'
import { noteOf, readNote } from '../../src/lifeline/hung-note.ts'

const skip = process.platform === 'win32' && 'its pipes are no files'

// No check stops a function while it waits here.
const settle = atomic(function settle(_: AnyState, ms: number) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
})

async function hanging(t: TestContext, backend: 'process' | 'thread', ms: number) {
  const server = await startServer(null, { backend, atomicTimeout: 100 })
  t.after(() => server.stop())
  const state = new State<AnyState>(server.address)
  t.after(() => state.close())
  await state.set('n', 1)
  const path = server.address.slice('ipc://'.length)
  assert.ok(!existsSync(noteOf(path)))
  return { server, path, settled: settle(state, ms) }
}

const stuck = {
  code: 'ZPROC_TIMEOUT',
  message: new RegExp(
    `^describeServer: the server at ipc://.* has been stuck for \\d+ ms in the atomic function settle, called by process ${process.pid} \\(main\\)$`,
  ),
}

// Each of them waits for seconds until its server is known to hang: together they take no longer than one.
describe('a server that hangs', { skip, concurrency: true }, () => {
  // What it says to its operator has tests of its own.
  before(() => void mock.method(console, 'error', () => {}))

  for (const backend of ['process', 'thread'] as const)
    test(`a server that hangs in a ${backend} says in what, until it is stopped`, async t => {
      const { server, path, settled } = await hanging(t, backend, 100_000)
      const failed = assert.rejects(settled, { code: 'ZPROC_CONNECTION' })
      await assert.rejects(describeServer(server.address, { timeout: 60_000 }), stuck)
      const { ms, name, method, ...note } = readNote(path) ?? assert.fail()
      assert.deepEqual(note, {
        function: 'settle',
        pid: process.pid,
        server: server.pid,
        isOwn: backend === 'process',
      })
      assert.ok(ms >= 1600, `${ms}`)
      assert.equal(statSync(noteOf(path)).mode & 0o777, 0o600)
      await server.stop()
      await failed
      assert.ok(!existsSync(noteOf(path)))
    })

  test('when the server goes on it says so no more', async t => {
    const { server, path, settled } = await hanging(t, 'process', 4000)
    await assert.rejects(describeServer(server.address, { timeout: 60_000 }), stuck)
    await settled
    // The watchdog looks twice a second.
    while (existsSync(noteOf(path))) await describeServer(server.address)
    const { functions } = await describeServer(server.address)
    assert.ok((functions[0]?.longest ?? 0) >= 3990, `${functions[0]?.longest}`)
  })

  test('of a server that is killed while it hangs nothing is left', async t => {
    const { server, path, settled } = await hanging(t, 'process', 100_000)
    const failed = assert.rejects(settled, { code: 'ZPROC_CONNECTION' })
    await assert.rejects(describeServer(server.address, { timeout: 60_000 }), stuck)
    process.kill(server.pid, 'SIGKILL')
    await server.exited
    await failed
    assert.ok(!existsSync(noteOf(path)) && !existsSync(path))
  })
})

test('a note of a process that is gone, a link and what is no note say nothing', { skip }, t => {
  const folder = mkdtempSync(join(tmpdir(), 'zproc-note-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = (name: string) => join(folder, name)
  const note = { function: 'f', method: -1, pid: 1, name: 'main', ms: 5 }
  const write = (name: string, text: string) => writeFileSync(noteOf(path(name)), text)
  write('true', JSON.stringify({ ...note, server: process.pid }))
  assert.equal(readNote(path('true'))?.function, 'f')
  write('gone', JSON.stringify({ ...note, server: 2 ** 30 }))
  write('other', 'no JSON')
  symlinkSync(noteOf(path('true')), noteOf(path('link')))
  for (const name of ['gone', 'other', 'link', 'none']) assert.equal(readNote(path(name)), undefined, name)
})
