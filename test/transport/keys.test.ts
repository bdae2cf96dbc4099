import assert from 'node:assert/strict'
import { scryptSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { connect, createServer, type TlsOptions } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { AuthenticationError, ConnectionError, ping, State, startServer } from 'zproc'
import { program } from '../kit/programs.ts'
import { impostor } from '../kit/raw.ts'

// Put together there, so that it is in no command line to begin with.
const parts = ['a very', 'secret', 'key 4711']
const secretKey = parts.join('-')

test('a key is in no command line, no environment, no output', {
  skip: process.platform !== 'linux',
}, async t => {
  const run = program(
    t,
    `import { Context, State } from 'zproc'
    const secretKey = ${JSON.stringify(parts)}.join('-')
    const ctx = new Context<{ x: number }>({ secretKey })
    const child = ctx.process(async state => {
      await state.set('x', process.pid)
      await state.getWhenEqual('x', 0)
      throw new Error('the child fails')
    })
    await ctx.state.getWhenAvailable('x')
    await new State(ctx.serverAddress).get('x').catch(error => console.error(error))
    await new State(ctx.serverAddress, { secretKey: secretKey + '!' }).get('x').catch(error => console.error(error))
    console.log(JSON.stringify([process.pid, ctx.serverProcess!.pid, child.pid]))
    console.log(ctx.serverAddress)
    // Nothing else keeps it there.
    const staying = setInterval(() => {}, 1000)
    process.once('SIGUSR2', async () => {
      clearInterval(staying)
      await ctx.state.set('x', 0)
      await child.wait().catch(error => console.error(error))
      console.error(ctx, JSON.stringify(ctx), ctx.state, ctx.serverProcess, child)
      await ctx.close()
    })`,
  )
  const pids = JSON.parse((await run.line()) as string) as number[]
  assert.equal(pids.length, 3)
  const salt = await saltAt((await run.line()) as string)
  const derived = scryptSync(secretKey, `zproc pre-shared key ${salt}`, 32)
  const printed = inspect(new Uint8Array(derived)).split('\n')[1] as string
  const secrets = [
    secretKey,
    printed,
    inspect(derived),
    ...(['hex', 'base64', 'latin1'] as const).map(how => derived.toString(how)),
  ]
  const family = [
    ...pids,
    ...readdirSync('/proc')
      .filter(name => pids.includes(parentOf(name)))
      .map(Number),
  ]
  for (const pid of family)
    for (const file of ['cmdline', 'environ']) {
      const text = readFileSync(`/proc/${pid}/${file}`, 'latin1')
      if (pids.includes(pid))
        assert.notEqual(
          text,
          '',
          `${file} of ${['the program', 'its server', 'its child'][pids.indexOf(pid)]} (${readFileSync(`/proc/${pid}/status`, 'utf8').match(/State:.*/)?.[0]})`,
        )
      for (const secret of secrets) assert.ok(!text.includes(secret), `${file} of ${pid}`)
    }
  process.kill(run.pid, 'SIGUSR2')
  const { code, stdout, stderr } = await run.ended()
  assert.equal(code, 0, stderr)
  assert.match(stderr, /AuthenticationError[\s\S]*the child fails/)
  for (const secret of secrets) assert.ok(!(stdout + stderr).includes(secret))
})

for (const serverBackend of ['process', 'thread'])
  test(`a key is derived once in a whole tree of processes (the server is a ${serverBackend})`, async t => {
    const run = program(
      t,
      `import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
      import { createRequire } from 'node:module'
      import { tmpdir } from 'node:os'
      import { join } from 'node:path'
      import { Context, type State } from 'zproc'
      const [counting, serverBackend] = process.argv.slice(2) as [string, 'process']
      const folder = mkdtempSync(join(tmpdir(), 'zproc-derived-'))
      const file = join(folder, 'derived')
      process.env.DERIVED = file
      process.env.NODE_OPTIONS = '--require ' + JSON.stringify(counting)
      createRequire(import.meta.url)(counting)
      const derived = () => readFileSync(file, 'utf8').trim().split(/\\s+/).map(Number)
      const ctx = new Context<{ n: number }>({ secretKey: 'derived once', spares: 0, serverBackend })
      const read = (state: State<{ n: number }>) => state.setDefault('n', 7)
      const nested = (inner: typeof ctx) => inner.process(read).wait()
      const write = (state: State<{ n: number }>, n: number) => state.set('n', n)
      const seen = [await ctx.process(read).wait(), await ctx.process(read, { backend: 'thread' }).wait()]
      await ctx.processMap(write, [8], { stateful: true }).toArray()
      seen.push(await ctx.process(nested, { passContext: true }).wait())
      console.log(...seen, ...derived().map(pid => pid === process.pid))
      // Another key is counted, so the one is no accident.
      await ctx.state.fork({ secretKey: 'another' }).get('n').catch(error => console.log(error.name, derived().length))
      await ctx.close()
      rmSync(folder, { recursive: true })`,
      [fileURLToPath(new URL('fixtures/derived.cjs', import.meta.url)), serverBackend],
    )
    const { stdout, stderr } = await run.ended()
    assert.equal(stdout, '7 7 8 true\nAuthenticationError 2\n', stderr)
  })

/** What the server at an `ipc://` address tells whoever begins a handshake. */
async function saltAt(address: string): Promise<string | null> {
  let salt: string | null = null
  const socket = connect({
    path: address.slice('ipc://'.length),
    ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
    maxVersion: 'TLSv1.2',
    pskCallback: (hint: string | null) => {
      salt = hint
      return null
    },
  })
  socket.on('error', () => {})
  await new Promise(resolve => socket.once('close', resolve))
  return salt
}

test('each server has a salt of its own, and the key that follows from it', async t => {
  const servers = await Promise.all(
    [1, 2].map(() => startServer(null, { backend: 'inline', secretKey: 'the same for both' })),
  )
  t.after(() => Promise.all(servers.map(server => server.stop())))
  const salts = await Promise.all(servers.map(({ address }) => saltAt(address)))
  for (const salt of salts) assert.match(salt as string, /^[\w-]{22}$/)
  assert.notEqual(salts[0], salts[1])
  for (const { address, pid } of servers)
    assert.equal(await ping(address, { secretKey: 'the same for both' }), pid)
})

test('a server that tells no salt gets no handshake', async t => {
  const asked: string[] = []
  const server = createServer({
    ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
    maxVersion: 'TLSv1.2',
    pskIdentityHint: 'short',
    pskCallback: (_, identity) => {
      asked.push(identity)
      return Buffer.alloc(32)
    },
  } as TlsOptions)
  server.on('tlsClientError', () => {})
  const address = await impostor(t, socket => server.emit('connection', socket))
  const state = new State(address, { secretKey })
  t.after(() => state.close())
  await assert.rejects(state.get('x'), { name: 'ConnectionError' })
  assert.deepEqual(asked, [])
})

test('a short key is warned of, once in a tree of processes', async t => {
  for (const [key, warnings] of [
    ['short', 1],
    ['long enough, and not of one word', 0],
  ] as const) {
    const run = program(
      t,
      `import { Context } from 'zproc'
      const ctx = new Context({ secretKey: process.argv[2]!, serverBackend: 'process' })
      const two = new Context(ctx.serverAddress, { secretKey: process.argv[2]! })
      await two.state.set('x', 1)
      await ctx.process(state => state.get('x')).wait()
      await two.close()
      await ctx.close()`,
      [key],
    )
    const { code, stderr } = await run.ended()
    assert.equal(code, 0, stderr)
    assert.equal(stderr.split('ZPROC_SHORT_KEY').length - 1, warnings, stderr)
    assert.ok(!stderr.includes(`'${key}'`))
  }
})

const parentOf = (name: string): number => {
  if (!/^\d+$/.test(name)) return -1
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1])
  } catch {
    return -1
  }
}

/** What is no zproc server, by what it does with somebody who connects. */
const strangers: [does: string, answer: (socket: Socket) => unknown][] = [
  ['hangs up at once', socket => socket.end()],
  ['resets the connection', socket => socket.resetAndDestroy()],
  ['hangs up at the first word', socket => socket.once('data', () => socket.destroy())],
  ['answers in words', socket => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))],
  ['shakes hands another way', socket => otherHands.emit('connection', socket)],
]
const otherHands = createServer({
  ciphers: 'PSK-AES128-CBC-SHA',
  maxVersion: 'TLSv1.2',
  pskCallback: () => Buffer.alloc(16),
})

for (const key of [undefined, secretKey])
  for (const [does, answer] of strangers)
    test(`who ${does} is not said to have a key (${key ? 'one' : 'none'} was given)`, async t => {
      const address = await impostor(t, answer)
      const state = new State(address, { secretKey: key })
      t.after(() => state.close())
      await assert.rejects(state.get('x'), (error: Error) => {
        assert.ok(error instanceof ConnectionError && !(error instanceof AuthenticationError))
        assert.match(error.message, /ended the connection before it greeted|does not speak zproc/)
        return true
      })
    })
