import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { Context, ping, State, startServer } from 'zproc'

const secretKey = 'muchsecret'

for (const address of ['tcp://127.0.0.1:0', null]) {
  const where = address ? 'tcp' : 'ipc'

  test(`over ${where} a friend with the key reads, and so do the friend's processes`, async t => {
    const server = await startServer(address, { secretKey })
    t.after(() => server.stop())
    const friend = new Context<{ gold: number }>(server.address, { secretKey })
    t.after(() => friend.close())
    await friend.state.set('gold', 5)
    assert.equal(await friend.process(async state => state.get('gold')).wait(), 5)
    assert.equal(await ping(server.address, { secretKey }), server.pid)
  })

  test(`over ${where} an attacker is told within a second, and the server carries on`, async t => {
    const server = await startServer(address, { secretKey, backend: 'inline' })
    t.after(() => server.stop())
    const without = new State(server.address)
    const other = new State(server.address, { secretKey: 'guess' })
    t.after(() => Promise.all([without.close(), other.close()]))
    const none = /it was started with a secretKey and none was given here/
    const wrong = /the secretKey given here is not the one that it was started with/
    const attempts: [attempt: () => Promise<unknown>, why: RegExp][] = [
      [() => without.get('gold'), none],
      [() => other.set('gold', 0), wrong],
      [() => ping(server.address), none],
      [() => ping(server.address, { secretKey: 'guess' }), wrong],
    ]
    for (const [attempt, message] of attempts) {
      const began = performance.now()
      await assert.rejects(attempt, { name: 'AuthenticationError', code: 'ZPROC_AUTHENTICATION', message })
      assert.ok(performance.now() - began < 1000)
    }
    assert.equal(await ping(server.address, { secretKey }), server.pid)
  })

  test(`over ${where} a key for a server without one is refused, on the joining side`, async t => {
    const server = await startServer(address, { backend: 'inline' })
    t.after(() => server.stop())
    const state = new State(server.address, { secretKey })
    t.after(() => state.close())
    await assert.rejects(state.get('gold'), {
      name: 'AuthenticationError',
      message: /a secretKey was given here and it was started without one/,
    })
  })
}

test('what crosses the wire shows nothing of the state, and cannot be played again', async t => {
  const server = await startServer('tcp://127.0.0.1:0', { secretKey, backend: 'inline' })
  t.after(() => server.stop())
  const port = Number(server.address.split(':').pop())
  const sent: Buffer[] = []
  const seen: Buffer[] = []
  const tap = createServer(socket => {
    const through = connect(port, '127.0.0.1')
    socket.on('data', data => sent.push(data) && through.write(data))
    through.on('data', data => seen.push(data) && socket.write(data))
    socket.on('close', () => through.destroy()).on('error', () => {})
    through.on('close', () => socket.destroy()).on('error', () => {})
  })
  await new Promise<void>(resolve => tap.listen(0, '127.0.0.1', resolve))
  t.after(() => tap.close())
  const tapped = tap.address()
  assert.ok(tapped && typeof tapped === 'object')
  const state = new State<{ treasure: string }>(`tcp://127.0.0.1:${tapped.port}`, { secretKey })
  await state.set('treasure', 'under the old oak')
  assert.equal(await state.get('treasure'), 'under the old oak')
  await state.close()
  const wire = Buffer.concat([...sent, ...seen]).toString('latin1')
  for (const secret of ['treasure', 'old oak', secretKey]) assert.ok(!wire.includes(secret))

  const reader = new State<{ treasure: string }>(server.address, { secretKey })
  t.after(() => reader.close())
  const replay = connect(port, '127.0.0.1')
  const answer: Buffer[] = []
  replay.on('data', data => answer.push(data)).on('error', () => {})
  replay.write(Buffer.concat(sent))
  await new Promise(resolve => replay.once('close', resolve))
  assert.ok(!Buffer.concat(answer).toString('latin1').includes('zproc'))
  assert.equal(await reader.get('treasure'), 'under the old oak')
})
