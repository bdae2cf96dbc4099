import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { type AnyState, atomic, State } from 'zproc'
import { certificate } from '../../kit/certificates.ts'
import { program } from '../../kit/programs.ts'
import { freePort, noRedis, type RedisServer, startRedis } from '../../kit/redis.ts'
import { until } from '../../kit/until.ts'

const increment = atomic((state: AnyState) => {
  state.count = (state.count ?? 0) + 1
})

/** A Redis of this test's own. `open` gives States on it, which are closed before it stops. */
async function redis(t: TestContext, ...options: string[]) {
  const { address, servers, stop } = await startRedis(options)
  const states: State<AnyState>[] = []
  t.after(async () => {
    await Promise.all(states.map(state => state.close()))
    await stop()
  })
  const open = (at = address, namespace: string = randomUUID()) => {
    const state = new State<AnyState>(at, { namespace })
    states.push(state)
    return state
  }
  return { address, server: servers[0] as RedisServer, open }
}

describe('ways to a Redis', { skip: noRedis }, () => {
  test('rediss:// is TLS, for those who trust the certificate', async t => {
    const { cert, key } = certificate(t)
    const port = await freePort()
    const tls = [
      '--tls-port',
      `${port}`,
      '--tls-cert-file',
      cert,
      '--tls-key-file',
      key,
      '--tls-auth-clients',
      'no',
    ]
    const { server, open } = await redis(t, ...tls)
    await server.command('ACL', 'SETUSER', 'me', 'on', '>p@ss:word', '~zproc:*', '+@all')
    const namespace = randomUUID()
    const stranger = open(`rediss://127.0.0.1:${port}`)
    await assert.rejects(stranger.set('x', 1), {
      name: 'ConnectionError',
      message: /the certificate of rediss:.* is not one that this process trusts: .*NODE_EXTRA_CA_CERTS/,
    })
    const run = program(
      t,
      `import { atomic, Context, State } from 'zproc'
      const [address, namespace] = process.argv.slice(2)
      const ctx = new Context(address!, { namespace: namespace! })
      await ctx.state.set('greeting', 'hello')
      const change = ctx.state.getWhenChange('answer')
      await ctx.process(async state => state.set('answer', await atomic(s => s.greeting + '!')(state))).wait()
      console.log((await change).answer)
      await ctx.close()`,
      [`rediss://me:p%40ss%3Aword@localhost:${port}`, namespace],
      { env: { NODE_EXTRA_CA_CERTS: cert } },
    )
    assert.deepEqual([(await run.ended()).stderr, (await run.ended()).stdout], ['', 'hello!\n'])
    // The same Redis, the same namespace, without TLS.
    assert.equal(await open(undefined, namespace).get('answer'), 'hello!')
  })

  test('a user of Redis needs what the docs say and no more, and is told what it lacks', async t => {
    const { address, server, open } = await redis(t)
    await server.command('ACL', 'SETUSER', 'me', 'on', '>one', '~zproc:*', '+@all')
    await server.command('ACL', 'SETUSER', 'elsewhere', 'on', '>two', '~other:*', '+@all')
    const as = (user: string) => open(address.replace('//', `//${user}@`))
    const state = as('me:one')
    await state.set('x', 1)
    await increment(state)
    const change = state.fork()
    const seen = change.getWhenEqual('x', 2)
    await state.set('x', 2, { ephemeral: true })
    assert.deepEqual(await seen, { x: 2, count: 1 })
    await change.close()
    await assert.rejects(as('elsewhere:two').set('x', 1), {
      name: 'AuthenticationError',
      message: /may not do what zproc needs \(@all on ~zproc:\*\)/,
    })
    for (const user of ['me:two', 'nobody:one'])
      await assert.rejects(as(user).set('x', 1), {
        name: 'AuthenticationError',
        message: /refused the user or the password/,
      })
  })
})

describe('a Redis that is full', { skip: noRedis }, () => {
  test('refuses what would make a state larger, and keeps it whole', async t => {
    const { server, open } = await redis(t, '--maxmemory', '8mb')
    const state = open()
    await state.set('small', 0)
    const full = {
      name: 'ConnectionError',
      outcome: 'none',
      message: /is out of memory, and nothing was changed/,
    }
    const value = 'x'.repeat(100_000)
    let puts = 0
    await assert.rejects(async () => {
      for (;;) {
        await state.update({ [`key ${puts}`]: value, puts: puts + 1 })
        puts++
      }
    }, full)
    const grow = atomic((s: AnyState, value: string) => {
      s.count = 1
      s.more = value
    })
    await assert.rejects(grow(state, value), full)
    await assert.rejects(state.set('here', value, { ephemeral: true }), full)
    const all = await state.copy()
    assert.deepEqual([all.puts, all.count, Object.keys(all).length], [puts, undefined, puts + 2])
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    await increment(state)
    assert.equal(await state.get('count'), 1)
  })
})

describe('appendfsync everysec', { skip: noRedis }, () => {
  const everysec = ['--appendfsync', 'everysec']
  test('kill -9 loses nothing but what the last second brought: the log goes on, or is another one', async t => {
    const { address, server, open } = await redis(t, ...everysec)
    const state = open()
    const other = open(address.replace('127.0.0.1', 'localhost'), state.namespace)
    const view = await open(address, state.namespace).view()
    await other.size()
    const seen: number[] = []
    const watching = (async () => {
      for await (const { revision } of other.rawUpdates()) seen.push(revision)
    })()
    const told = assert.rejects(watching, { name: 'ConnectionError', message: /another one now/ })
    for (let n = 0; n < 10; n++) await increment(state)
    const [file, size] = await commitsOf(server)
    for (let n = 0; n < 5; n++) await increment(state)
    await until(async () => seen.length === 15)
    await server.kill()
    // What a machine that lost its power may bring back: the file as it was, and a part of a commit.
    assert.ok(statSync(file).size > size)
    truncateSync(file, size + 20)
    await server.start()
    // It is whole, and at the end of some commit; whoever saw more is told at once, not when the log is as long again.
    await told
    assert.deepEqual(await state.copy(), { count: 10 })
    await increment(state)
    assert.deepEqual(await state.copy(), { count: 11 })
    assert.deepEqual(
      seen,
      seen.map((_, i) => i + 1),
    )
    const again = other.getWhenEqual('count', 12)
    await increment(state)
    assert.deepEqual(await again, { count: 12 })
    await until(async () => view.get('count') === 12)
  })

  /** The file that commits go to, and its size. */
  async function commitsOf(server: RedisServer): Promise<[file: string, size: number]> {
    const [, path] = (await server.command('CONFIG', 'GET', 'dir')) as [string, string]
    const directory = join(path, 'appendonlydir')
    const name = readdirSync(directory).find(name => name.endsWith('.incr.aof')) as string
    return [join(directory, name), statSync(join(directory, name)).size]
  }
})
