// What the page is told of a server that does not answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startServer } from 'zproc'
import type { Status } from '../../src/inspect/messages.ts'
import { inspector, linesOf } from './kit.ts'

test('of a server that does not answer the page is told so, since when, and when it answers again', {
  skip: process.platform === 'win32' && 'it has no SIGSTOP',
}, async t => {
  const server = await startServer('tcp://127.0.0.1:0')
  t.after(() => server.stop())
  const { stream } = await inspector(t, { address: server.address })
  const lines = linesOf(await stream())
  const status = async (is: (status: Status) => boolean): Promise<Status> => {
    for await (const line of { [Symbol.asyncIterator]: () => ({ next: () => lines.next() }) })
      if (line.type === 'status' && is(line)) return line
    return assert.fail('the stream has ended')
  }
  await status(({ description }) => description !== null)
  process.kill(server.pid, 'SIGSTOP')
  const told = await status(({ error }) => error !== null)
  assert.match(
    told.error ?? '',
    new RegExp(`^the server at ${server.address} \\(pid ${server.pid}\\) has not answered for \\d s: `),
  )
  assert.ok(told.description, 'what it said before is still there')
  process.kill(server.pid, 'SIGCONT')
  await status(({ error }) => error === null)
})
