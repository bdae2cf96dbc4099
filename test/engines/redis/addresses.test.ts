import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Context, Process, ping, State, startServer } from 'zproc'
import { parseRedisAddress } from '../../../src/engines/redis/address.ts'

test('an address says where, who, which database and how', () => {
  const single = parseRedisAddress(
    'rediss://me:p%40ss@example.org/2?historyLimit=50&atomicTimeout=20',
    'test',
  )
  assert.deepEqual(
    { ...single, settings: { ...single.settings } },
    {
      kind: 'single',
      tls: true,
      nodes: [{ host: 'example.org', port: 6379 }],
      name: '',
      username: 'me',
      password: 'p@ss',
      db: 2,
      shown: 'rediss://***@example.org/2?historyLimit=50&atomicTimeout=20',
      settings: {
        historyLimit: 50,
        atomicTimeout: 20,
        minReplicas: 0,
        connectTimeout: 20_000,
        graceTime: 15_000,
      },
    },
  )
  const cluster = parseRedisAddress('redis+cluster://:secret@a,b:7000,[::1]:7001', 'test')
  assert.deepEqual(cluster.nodes, [
    { host: 'a', port: 6379 },
    { host: 'b', port: 7000 },
    { host: '::1', port: 7001 },
  ])
  assert.deepEqual([cluster.kind, cluster.username, cluster.password], ['cluster', undefined, 'secret'])
  const sentinel = parseRedisAddress('redis+sentinel://a,b:26380/main/1', 'test')
  assert.deepEqual([sentinel.kind, sentinel.name, sentinel.db], ['sentinel', 'main', 1])
  assert.deepEqual(sentinel.nodes, [
    { host: 'a', port: 26379 },
    { host: 'b', port: 26380 },
  ])
})

test('a wrong address is an error at the call, which shows it without its password', () => {
  const wrong: [string, RegExp][] = [
    ['redis://', /is not an address/],
    ['redis://me:secret@a,b', /several hosts.*redis\+cluster/],
    ['redis://me:secret@a/one', /"one" in .* is no database/],
    ['redis+cluster://a/1', /database 0 only/],
    ['redis+sentinel://a', /lacks the master's name/],
    ['redis://a:99999', /no <host>:<port>/],
    ['redis://a?histroyLimit=1', /unknown option 'histroyLimit'.*did you mean historyLimit/],
    ['redis://a?historyLimit=0', /historyLimit .* 1 or more, .*got 0/],
    ['redis://a?atomicTimeout=', /atomicTimeout .* got ''/],
    ['redis://a?graceTime=99', /graceTime .* 100 or more, got 99/],
    ['redis://me:sec%ret@a', /%25/],
  ]
  for (const [address, message] of wrong)
    assert.throws(
      () => new State(address),
      (error: Error) => {
        assert.match(error.message, message)
        assert.match(error.message, /^new State: /)
        assert.doesNotMatch(error.message, /secret|sec%/)
        return error instanceof TypeError || error instanceof RangeError
      },
    )
})

test('a secretKey is refused: Redis has passwords', async () => {
  const address = 'redis://127.0.0.1:1'
  const secretKey = 'much secret'
  const refused = { name: 'TypeError', message: /secretKey is for servers of zproc.*rediss:/ }
  assert.throws(() => new State(address, { secretKey }), refused)
  assert.throws(() => new Context(address, { secretKey }), refused)
  assert.throws(() => new Process(() => {}, address, { secretKey }), refused)
  await assert.rejects(ping(address, { secretKey }), refused)
})

test('Redis is a server already: it is joined, not started', async () => {
  await assert.rejects(startServer('redis://127.0.0.1:6379'), {
    name: 'TypeError',
    message: /startServer.*not an address/,
  })
})

test('where nothing answers, that is said at once', async () => {
  const state = new State('redis://127.0.0.1:1')
  await assert.rejects(state.get('x'), {
    name: 'ConnectionError',
    message: /nothing answers at redis:\/\/127/,
    outcome: 'none',
  })
  await assert.rejects(state.getWhenChange(), { name: 'ConnectionError' })
  const cluster = new State('redis+cluster://127.0.0.1:1,127.0.0.1:2')
  await assert.rejects(cluster.set('x', 1), { name: 'ConnectionError', message: /nothing answers/ })
  const sentinel = new State('redis+sentinel://127.0.0.1:1/main')
  await assert.rejects(sentinel.set('x', 1), { name: 'ConnectionError', message: /nothing answers/ })
})
