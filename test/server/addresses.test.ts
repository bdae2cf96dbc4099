import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { type AnyState, ClosedError, ConnectionError, ping, State, startServer, waitForServer } from 'zproc'
import { program } from '../kit/programs.ts'
import { impostor } from '../kit/raw.ts'
import { serverContract as contract } from '../kit/servers.ts'

contract('addresses and servers', room => {
  test('ping gives the pid of the server, by every way', async t => {
    const { address, pid } = room.server()
    const { secretKey } = room
    const state = room.state(t)
    assert.equal(await ping(address, { secretKey }), pid)
    assert.equal(await ping(address, { secretKey, timeout: 5000 }), pid)
    assert.equal(await ping(address, { secretKey, timeout: Number.POSITIVE_INFINITY }), pid)
    assert.equal(await ping(address, { secretKey, sentPayload: Buffer.from('payload') }), pid)
    assert.equal(await state.ping(), pid)
    assert.equal(await state.ping({ sentPayload: new Uint8Array(100_000) }), pid)
  })

  test('namespaces are isolated', async t => {
    const a = room.state(t)
    const b = room.state(t)
    const watching = b.getWhenChange({ timeout: 60_000 })
    watching.catch(() => {})
    await a.set('x', 1)
    assert.equal(await b.size(), 0)
    await b.fork().set('y', 2)
    assert.deepEqual(await watching, { y: 2 })
    assert.deepEqual(await a.copy(), { x: 1 })
  })

  test('fork gives another State of the same namespace, or of another one', async t => {
    const state = room.state<AnyState>(t)
    await state.set('x', 1)
    const fork = state.fork()
    assert.notEqual(fork, state)
    assert.equal(fork.serverAddress, state.serverAddress)
    assert.equal(fork.namespace, state.namespace)
    assert.deepEqual(await fork.copy(), { x: 1 })
    const namespace = `${state.namespace} 2`
    const apart = state.fork({ namespace })
    assert.equal(apart.namespace, namespace)
    assert.equal(await apart.size(), 0)
    await state.close()
    assert.deepEqual(await fork.copy(), { x: 1 })
    await fork.close()
    await apart.close()
  })

  test('close waits for what was asked, then refuses, and leaves the others alone', async t => {
    const other = room.state<AnyState>(t)
    const state = other.fork()
    const calls = Array.from({ length: 100 }, (_, n) => state.set('n', n))
    const closing = state.close()
    assert.equal(state.close(), closing)
    await closing
    await Promise.all(calls)
    assert.equal(await other.get('n'), 99)
    for (const call of [
      () => state.get('n'),
      () => state.set('n', 1),
      () => state.size(),
      () => state.ping(),
      () => state.view(),
      () => state.getWhenChange(),
      () => state.getRawUpdate(),
    ])
      await assert.rejects(call, { name: 'ClosedError', message: 'this State is closed' })
    assert.throws(() => state.whenChange(), ClosedError)
    assert.throws(() => state.goLive(), ClosedError)
    {
      await using used = other.fork()
      await used.set('used', true)
    }
    assert.equal(await other.get('used'), true)
  })

  test('a program that was started separately joins by the address', async t => {
    const state = room.state<AnyState>(t)
    await state.set('greeting', 'hello')
    const run = program(
      t,
      `import { State } from 'zproc'
      const state = new State(process.argv[2]!, { namespace: process.argv[3]!, secretKey: process.argv[4] })
      await state.set('answer', (await state.get('greeting')).toUpperCase())
      console.log(process.pid)`,
      [state.serverAddress, state.namespace, ...(room.secretKey ? [room.secretKey] : [])],
    )
    const update = await state.getRawUpdate()
    assert.deepEqual(update.after, { greeting: 'hello', answer: 'HELLO' })
    const { code, stdout } = await run.ended()
    assert.equal(code, 0)
    assert.equal(update.by.pid, Number(stdout))
    assert.notEqual(update.by.pid, process.pid)
  })
})

test('the default address is an ipc socket of this user alone, gone when the server is', async () => {
  const server = await startServer(undefined, { backend: 'inline' })
  assert.match(server.address, /^ipc:\/\//)
  const path = server.address.slice('ipc://'.length)
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o700)
  assert.equal(statSync(path).mode & 0o077, 0)
  await server.stop()
  await server.stop()
  assert.equal(existsSync(path), false)
})

test('two servers get two addresses', async () => {
  const servers = await Promise.all([1, 2].map(() => startServer('tcp://127.0.0.1:*', { backend: 'inline' })))
  const [a, b] = servers.map(({ address }) => address)
  assert.match(a ?? '', /^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/)
  assert.notEqual(a, b)
  await Promise.all(servers.map(server => server.stop()))
})

test('an address that is taken is a ConnectionError that names it', async () => {
  for (const first of ['tcp://127.0.0.1:0', null]) {
    const server = await startServer(first, { backend: 'inline' })
    for (const backend of ['inline', 'thread', 'process'] as const)
      await assert.rejects(startServer(server.address, { backend }), (error: Error) => {
        assert.ok(error instanceof ConnectionError)
        assert.ok(error.message.includes(server.address) && error.message.includes('taken'))
        return true
      })
    assert.equal(await ping(server.address), process.pid)
    await server.stop()
  }
})

test('a file that is no socket is never removed', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'zproc-test-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'notes')
  writeFileSync(file, 'precious')
  await assert.rejects(startServer(`ipc://${file}`, { backend: 'inline' }), ConnectionError)
  assert.equal(readFileSync(file, 'utf8'), 'precious')
})

test('nothing is started implicitly: where nothing answers, every call says so', async () => {
  for (const address of ['ipc:///tmp/zproc-nothing-here.sock', 'tcp://127.0.0.1:1']) {
    const state = new State(address)
    const told = (error: Error) => {
      assert.ok(error instanceof ConnectionError)
      assert.equal(error.code, 'ZPROC_CONNECTION')
      assert.ok(error.message.includes(address) && error.message.includes('startServer'), error.message)
      return true
    }
    await assert.rejects(state.get('x'), told)
    await assert.rejects(state.set('x', 1), told)
    await assert.rejects(state.getWhenChange(), told)
    await assert.rejects(state.view(), told)
    await assert.rejects(ping(address), told)
    await state.close()
  }
})

test('a server that does not answer in time is a TimeoutError', async t => {
  const address = await impostor(t, () => {})
  await assert.rejects(ping(address, { timeout: 30 }), { name: 'TimeoutError', message: /ping: .*30 ms/ })
})

test('a server that others can reach needs a key, or to be told insecure', async () => {
  for (const address of ['tcp://0.0.0.0:0', 'tcp://*:0', 'tcp://[::]:0', 'tcp://192.0.2.1:0'])
    await assert.rejects(startServer(address, { backend: 'inline' }), {
      name: 'TypeError',
      message: /secretKey.*insecure: true/,
    })
  const server = await startServer('tcp://*:*', { backend: 'inline', insecure: true })
  const port = server.address.split(':').at(-1)
  assert.equal(await ping(`tcp://127.0.0.1:${port}`), process.pid)
  await server.stop()
})

test('what is no address is a TypeError or RangeError that shows it', async () => {
  const wrong: [address: unknown, error: { name: string; message: RegExp }][] = [
    [5, { name: 'TypeError', message: /got 5/ }],
    ['localhost:5000', { name: 'TypeError', message: /localhost:5000/ }],
    ['tcp://localhost', { name: 'TypeError', message: /tcp:\/\/localhost/ }],
    ['tcp://localhost:x', { name: 'TypeError', message: /localhost:x/ }],
    ['http://localhost:80', { name: 'TypeError', message: /http/ }],
    ['ipc://', { name: 'TypeError', message: /lacks a path/ }],
    ['', { name: 'TypeError', message: /not an address/ }],
    ['tcp://127.0.0.1:70000', { name: 'RangeError', message: /70000/ }],
    [`ipc:///tmp/${'x'.repeat(200)}`, { name: 'RangeError', message: /100 bytes/ }],
  ]
  for (const [address, error] of wrong) {
    assert.throws(() => new State(address as string), error)
    await assert.rejects(ping(address as string), error)
    await assert.rejects(startServer(address as string), error)
  }
  assert.throws(() => new State('tcp://127.0.0.1:1', { namespace: 5 as never }), {
    name: 'TypeError',
    message: /got 5/,
  })
  assert.throws(() => new State('tcp://127.0.0.1:1', { namespace: '' }), TypeError)
})

test('wrong options of a server are shown', async () => {
  const wrong: [options: object, error: { name: string; message: RegExp }][] = [
    [{ backend: 'cloud' }, { name: 'TypeError', message: /backend.*cloud/ }],
    [{ atomicTimeout: '5' }, { name: 'TypeError', message: /atomicTimeout.*5/ }],
    [{ atomicTimeout: 0 }, { name: 'RangeError', message: /atomicTimeout.*0/ }],
    [{ historyLimit: -1 }, { name: 'RangeError', message: /historyLimit.*-1/ }],
    [{ historyLimit: 1.5 }, { name: 'RangeError', message: /historyLimit.*1\.5/ }],
    [{ historyLimit: Number.NaN }, { name: 'TypeError', message: /historyLimit/ }],
    [{ historyBytes: 0 }, { name: 'RangeError', message: /historyBytes.*0/ }],
    [{ maxMessageBytes: 10 }, { name: 'RangeError', message: /maxMessageBytes.*10/ }],
  ]
  for (const [options, error] of wrong) await assert.rejects(startServer(null, options), error)
})

for (const secretKey of [undefined, 'a key that is long enough'])
  test(`waitForServer resolves when a server answers (${secretKey ? 'with' : 'without'} a key)`, async t => {
    const path = join(mkdtempSync(join(tmpdir(), 'wait-')), 's.sock')
    t.after(() => rmSync(dirname(path), { recursive: true }))
    const address = `ipc://${path}`
    await assert.rejects(waitForServer(address, { secretKey, timeout: 30 }), {
      name: 'TimeoutError',
      message: `waitForServer: no server answers at ${address} within 30 ms`,
    })
    await assert.rejects(waitForServer(address, { timeout: 0 }), { name: 'TimeoutError' })
    const waiting = waitForServer(address, { secretKey, timeout: 60_000 })
    const forever = waitForServer(address, { secretKey, timeout: Number.POSITIVE_INFINITY })
    const server = await startServer(address, { backend: 'inline', secretKey })
    t.after(() => server.stop())
    assert.equal(await waiting, server.pid)
    assert.equal(await forever, server.pid)
    if (secretKey)
      await assert.rejects(waitForServer(address, { timeout: 60_000 }), { name: 'AuthenticationError' })
    await assert.rejects(waitForServer('nowhere'), TypeError)
  })

for (const backend of ['process', 'thread', 'inline'] as const)
  test(`a server says when it has ended, and leaves no file (${backend})`, async () => {
    const server = await startServer(null, { backend })
    const path = server.address.slice('ipc://'.length)
    let ended = false
    const exited = server.exited.then(end => {
      ended = true
      return end
    })
    assert.equal(await ping(server.address), server.pid)
    assert.equal(ended, false)
    await server.stop()
    assert.deepEqual(await exited, { code: 0, signal: null })
    assert.equal(existsSync(path), false)
  })

test('a server process that is killed is known to have ended, its file removed', async () => {
  const server = await startServer()
  process.kill(server.pid, 'SIGKILL')
  assert.deepEqual(await server.exited, { code: null, signal: 'SIGKILL' })
  assert.equal(existsSync(server.address.slice('ipc://'.length)), false)
  await server.stop()
})

test('a server thread that runs out of memory ends alone', async t => {
  const run = program(
    t,
    `import { atomic, State, startServer } from 'zproc'
    const server = await startServer(null, { backend: 'thread', atomicTimeout: Infinity })
    const state = new State<{ all: number[][] }>(server.address, { connectTimeout: 100 })
    const fill = atomic(() => {
      const all = []
      for (;;) all.push(new Array(1e6).fill(0.5))
    })
    await fill(state).catch(error => console.log(error.name))
    console.log(await server.exited)
    await state.close()
    await server.stop()`,
    [],
    { env: { NODE_OPTIONS: '--max-old-space-size=100' } },
  )
  const { code, stdout, stderr } = await run.ended()
  assert.equal(code, 0, stderr)
  assert.equal(stdout, 'ConnectionError\n{ code: 1, signal: null }\n')
  assert.match(stderr, /^zproc: the server thread at .* ended: .*memory/m)
})

test('a relative path means one file, whatever the directory is later', async t => {
  const run = program(
    t,
    `import { mkdtempSync, existsSync, rmSync } from 'node:fs'
    import { tmpdir } from 'node:os'
    import { join } from 'node:path'
    import { ping, Process, State, startServer } from 'zproc'
    const home = mkdtempSync(join(tmpdir(), 'relative-'))
    const other = mkdtempSync(join(tmpdir(), 'relative-'))
    process.chdir(home)
    const server = await startServer('ipc://rel.sock')
    const state = new State<{ x: number }>('ipc://rel.sock')
    const child = new Process((s: State<{ x: number }>) => s.set('x', 1), 'ipc://rel.sock', { cwd: other })
    process.chdir(other)
    await child.wait()
    console.log(await state.get('x'), existsSync(join(home, 'rel.sock')), server.address === state.serverAddress)
    console.log(await ping('ipc://rel.sock').catch(error => error.name))
    await state.close()
    await server.stop()
    console.log(existsSync(join(home, 'rel.sock')))
    for (const folder of [home, other]) rmSync(folder, { recursive: true })`,
  )
  const { stdout, stderr } = await run.ended()
  assert.equal(stdout, '1 true true\nConnectionError\nfalse\n', stderr)
})

test('a host that is not this machine needs a key, whatever its name begins with', async () => {
  for (const host of [
    '127.evil.example',
    '127.0.0.1.evil.example',
    '1270.example',
    '0.0.0.0',
    '[::]',
    '[::ffff:8.8.8.8]',
  ])
    await assert.rejects(startServer(`tcp://${host}:0`, { backend: 'inline' }), {
      name: 'TypeError',
      message: /can be reached from other machines/,
    })
})
