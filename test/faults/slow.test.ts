import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type AnyState, State, startServer } from 'zproc'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, VERSION } from '../../src/protocol/messages.ts'
import { raw } from '../kit/raw.ts'

const TEXT = 'x'.repeat(10_000)
const COUNT = 5000
const MB = 1 << 20

const memory = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024

const skip = process.platform !== 'linux' && 'memory is read from /proc'

test('a watcher that stops reading costs the server a megabyte or two, and the others nothing', {
  skip,
}, async t => {
  // The log itself holds a megabyte.
  const server = await startServer(null, { historyLimit: 100, graceTime: 60_000 })
  t.after(() => server.stop())
  const writer = new State<AnyState>(server.address)
  const watcher = writer.fork()
  t.after(() => Promise.all([writer.close(), watcher.close()]))
  const write = async () => {
    for (let i = 0; i < COUNT; i += 50)
      await Promise.all(Array.from({ length: 50 }, (_, k) => writer.set('text', `${i + k} ${TEXT}`)))
  }
  await write()
  await write()
  const before = memory(server.pid)

  // Each of them would take 50 MB, if the server let them.
  const slow = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const peer = await raw(t, server.address)
      const token = Buffer.alloc(16, i)
      peer.say([PROTOCOL, VERSION, { pid: process.pid, machine: '', token, attempt: 1, received: 0 }])
      await peer.hear()
      peer.say([
        [Ask.open, 1, 1, 'default', 'slow'],
        [Ask.feed, 2, 1, 1, -1, 1e12],
      ])
      await peer.hear()
      peer.socket.pause()
      return peer
    }),
  )
  const view = await watcher.view()
  await write()
  await watcher.getWhenEqual('text', `${COUNT - 1} ${TEXT}`, { live: true })
  // Each reads at a pace of its own.
  while (view.revision < 3 * COUNT) await watcher.ping()
  const each = (memory(server.pid) - before) / slow.length
  assert.ok(each < 3 * MB, `${(each / MB).toFixed(1)} MB for each`)
})
