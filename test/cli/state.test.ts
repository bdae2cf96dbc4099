// Commands about a state: get, set, delete, keys, copy, watch, history, at, diff, ping.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, type TestContext, test } from 'node:test'
import { type AnyState, atomic, State, startServer } from 'zproc'
import { at, diff, history, watch } from '../../src/cli/past.ts'
import { ping } from '../../src/cli/ping.ts'
import { json } from '../../src/cli/shown.ts'
import { copy, get, keys, remove, set } from '../../src/cli/values.ts'
import { noRedis, startRedis } from '../kit/redis.ts'
import { room } from '../kit/servers.ts'
import { zproc } from '../map/hosts.ts'
import { commands } from './kit.ts'

const add = atomic((state: AnyState, n: number) => {
  state.n = (state.n ?? 0) + n
})

const homes = [
  {
    name: 'a server',
    skip: false as const,
    start: async () => {
      const server = await startServer(null, { backend: 'inline' })
      return { address: server.address, stop: () => server.stop() }
    },
  },
  { name: 'Redis', skip: noRedis, start: startRedis },
]

for (const { name, skip, start } of homes)
  describe(`commands about a state in ${name}`, { skip }, () => {
    let home: ReturnType<typeof start> | undefined
    after(async () => (await home)?.stop())
    const place = async (t: TestContext) => {
      home ??= start()
      const { address } = await home
      const namespace = randomUUID()
      const state = new State<AnyState>(address, { namespace })
      t.after(() => state.close())
      return { state, address, there: ['--namespace', namespace], namespace, ...commands(t) }
    }

    test('get, keys and copy print what is there', async t => {
      const { state, address, there, run } = await place(t)
      await state.set('user', { name: 'Ann', tags: new Set(['a']), at: new Date(0) })
      await state.set('line\nbreak', 1)
      assert.deepEqual(await run(get, address, 'user', ...there), {
        code: 0,
        stdout: "{ name: 'Ann', tags: Set(1) { 'a' }, at: 1970-01-01T00:00:00.000Z }\n",
        stderr: '',
      })
      const asJson = await run(get, address, 'user', '--json', ...there)
      assert.deepEqual(JSON.parse(asJson.stdout), {
        name: 'Ann',
        tags: ['a'],
        at: '1970-01-01T00:00:00.000Z',
      })
      assert.deepEqual(await run(get, address, 'none', ...there), {
        code: 3,
        stdout: '',
        stderr: "zproc: there is no key 'none'\n",
      })
      assert.equal((await run(keys, address, ...there)).stdout, "'user'\n'line\\nbreak'\n")
      assert.deepEqual(JSON.parse((await run(keys, address, '--json', ...there)).stdout), [
        'user',
        'line\nbreak',
      ])
      assert.match((await run(copy, address, ...there)).stdout, /^\{\n {2}user: \{ name: 'Ann',/)
      assert.equal(JSON.parse((await run(copy, address, '--json', ...there)).stdout)['line\nbreak'], 1)
    })

    test('set and delete change a state only with --write', async t => {
      const { state, address, there, run } = await place(t)
      const needed = { message: 'this changes something: say --write as well' }
      await assert.rejects(run(set, address, 'n', '5', ...there), { ...needed, command: ['set'] })
      await state.set('kept', true)
      await assert.rejects(run(remove, address, 'kept', ...there), { ...needed, command: ['delete'] })
      assert.deepEqual(await state.copy(), { kept: true })
      const write = ['--write', ...there]
      assert.deepEqual(await run(set, address, 'n', '{"a": [1, "x"]}', ...write), {
        code: 0,
        stdout: '',
        stderr: '',
      })
      await run(set, address, 'brief', 'null', '--ttl', '60000', ...write)
      assert.deepEqual(await state.copy(), { kept: true, n: { a: [1, 'x'] }, brief: null })
      assert.ok((await state.lease('brief'))?.expires)
      await assert.rejects(run(set, address, 'n', 'Ann', ...write), { message: /JSON, got 'Ann'.*'"Ann"'/ })
      const deleted = await run(remove, address, 'kept', '--json', ...write)
      assert.deepEqual([deleted.code, deleted.stdout], [0, '{"key":"kept","deleted":true}\n'])
      assert.equal((await run(remove, address, 'kept', ...write)).code, 3)
    })

    test('history, at and diff print what was', async t => {
      const { state, address, there, run } = await place(t)
      await state.set('n', 1)
      await state.set('other', 'x')
      await add(state, 4)
      await state.delete('other')
      const newest = await run(history, address, '--limit', '2', ...there)
      assert.match(
        newest.stdout,
        /^4 {2}\S+Z {2}'main'\[\d+\] {2}delete\n {2}'other': 'x' → \(deleted\)\n3 {2}/,
      )
      const lines = (out: string) =>
        out
          .trimEnd()
          .split('\n')
          .map(line => JSON.parse(line))
      const all = lines((await run(history, address, '--oldest', '--json', ...there)).stdout)
      assert.deepEqual(
        all.map(({ revision, method, changes }) => [revision, method, changes]),
        [
          [1, 'set', [{ key: 'n', after: 1 }]],
          [2, 'set', [{ key: 'other', after: 'x' }]],
          [3, 'atomic', [{ key: 'n', before: 1, after: 5 }]],
          [4, 'delete', [{ key: 'other', before: 'x' }]],
        ],
      )
      assert.deepEqual([all[0].pid, all[0].name], [process.pid, 'main'])
      const some = ['--key', 'n', '--from', '2', '--to', '4', '--json']
      assert.deepEqual(
        lines((await run(history, address, ...some, ...there)).stdout).map(({ revision }) => revision),
        [3],
      )
      assert.equal((await run(at, address, '2', ...there)).stdout, "{ n: 1, other: 'x' }\n")
      assert.equal((await run(at, address, '2', 'n', ...there)).stdout, '1\n')
      assert.deepEqual(await run(at, address, '4', 'other', ...there), {
        code: 3,
        stdout: '',
        stderr: "zproc: there was no key 'other'\n",
      })
      const now = new Date(Date.now() + 60_000).toISOString()
      assert.equal((await run(at, address, now, '--json', ...there)).stdout, '{"n":5}\n')
      await assert.rejects(run(at, address, '99', ...there), { name: 'RangeError' })
      await assert.rejects(run(at, address, 'noon', ...there), { message: /a revision, or a time.*'noon'/ })
      assert.equal((await run(diff, address, '1', ...there)).stdout, "'n': 1 → 5\n")
      assert.equal(
        (await run(diff, address, '1', '2', '--json', ...there)).stdout,
        '[{"key":"other","after":"x"}]\n',
      )
    })

    test('watch prints each update of the keys, from when it says so', async t => {
      const { state, address, there, namespace, run, printed } = await place(t)
      await state.set('before', 1)
      const watched = run(watch, address, 'n', 'm', '--count', '2', '--json', ...there)
      await printed(/zproc watch: /)
      await state.set('other', 1)
      await state.set('n', 1)
      await state.update({ m: 2, other: 2 })
      const { code, stdout, stderr } = await watched
      assert.equal(stderr, `zproc watch: '${namespace}' of ${address}\n`)
      assert.equal(code, 0)
      assert.deepEqual(
        stdout
          .trimEnd()
          .split('\n')
          .map(line => JSON.parse(line).changes),
        [[{ key: 'n', after: 1 }], [{ key: 'm', after: 2 }]],
      )
    })

    test('ping prints the pid', async t => {
      const { address, run, state } = await place(t)
      const pid = await state.ping()
      assert.match((await run(ping, address)).stdout, new RegExp(`^pid ${pid} answered in [\\d.]+ ms`))
      assert.equal(JSON.parse((await run(ping, address, '--json')).stdout).pid, pid)
    })
  })

test('what cannot be done ends with 1, wrong arguments with 2, a key that is not there with 3', async t => {
  const { server } = await room(t)
  const { address } = server()
  const ends = await Promise.all([
    zproc(t, 'get', 'ipc:///nowhere/at/all', 'n').ended(),
    zproc(t, 'get', address).ended(),
    zproc(t, 'get', address, 'n').ended(),
    zproc(t, 'copy', address).ended(),
  ])
  assert.deepEqual(
    ends.map(({ code, stdout }) => [code, stdout]),
    [
      [1, ''],
      [2, ''],
      [3, ''],
      [0, '{}\n'],
    ],
  )
  assert.match(ends[0]!.stderr, /^zproc: ConnectionError: /)
  assert.match(ends[1]!.stderr, /^zproc: the key is missing\nTry 'zproc get --help'\.\n$/)
})

test('the key comes from a file or the environment', async t => {
  const secretKey = 'a very much secret key'
  const { server } = await room(t, { secretKey })
  const { address } = server()
  const folder = mkdtempSync(join(tmpdir(), 'zproc-key-'))
  const before = process.env.ZPROC_SECRET_KEY
  t.after(() => {
    rmSync(folder, { recursive: true })
    if (before === undefined) delete process.env.ZPROC_SECRET_KEY
    else process.env.ZPROC_SECRET_KEY = before
  })
  delete process.env.ZPROC_SECRET_KEY
  const { run } = commands(t)
  await assert.rejects(run(copy, address), { code: 'ZPROC_AUTHENTICATION' })
  const file = join(folder, 'key')
  writeFileSync(file, `${secretKey}\n`)
  assert.equal((await run(copy, address, '--key-file', file)).stdout, '{}\n')
  process.env.ZPROC_SECRET_KEY = secretKey
  assert.equal((await run(copy, address)).stdout, '{}\n')
})

test('arguments that make no sense are refused by name', async t => {
  const { run } = commands(t)
  const a = 'ipc:///a'
  const wrong: [command: (args: string[]) => Promise<unknown>, args: string[], says: RegExp][] = [
    [get, [], /^the address, or the name, of a server is missing$/],
    [get, ['a/b', 'n'], /a name is 1 to 40 letters/],
    [get, [a, 'n', 'm'], /'m' is one argument too many/],
    [get, [a, 'n', '--namespace', ''], /--namespace must not be empty/],
    [get, [a, 'n', '--colour'], /--colour/],
    [set, [a, 'n'], /the value is missing/],
    [set, [a, 'n', '1', '--write', '--ttl', '0'], /--ttl must be a whole number, 1 or more, got '0'/],
    [history, [a, '--limit', 'all'], /--limit must be a whole number/],
    [diff, [a], /the revision, or the time, is missing/],
    [watch, [a, '--count', '-1'], /--count/],
    [ping, [a, '--timeout', 'x'], /--timeout must be a whole number/],
  ]
  for (const [command, args, message] of wrong) await assert.rejects(run(command, ...args), { message })
})

test('JSON has the next best of what it has no word for', () => {
  const cyclic: Record<string, unknown> = { n: 1 }
  cyclic.self = { inside: new Map([['map', cyclic]]) }
  const shared = { twice: true }
  assert.deepEqual(
    JSON.parse(
      json({
        none: undefined,
        nan: Number.NaN,
        big: 2n ** 64n,
        map: new Map([['a', new Map([[1, 2]])]]),
        date: new Date(0),
        pattern: /x/g,
        error: new TypeError('no'),
        bytes: new Uint8Array([1, 2]),
        cyclic,
        pair: [shared, shared],
      }),
    ),
    {
      none: null,
      nan: null,
      big: '18446744073709551616',
      map: [['a', [[1, 2]]]],
      date: '1970-01-01T00:00:00.000Z',
      pattern: '/x/g',
      error: { name: 'TypeError', message: 'no' },
      bytes: 'AQI=',
      cyclic: { n: 1, self: { inside: [['map', '[Circular]']] } },
      pair: [{ twice: true }, { twice: true }],
    },
  )
})
