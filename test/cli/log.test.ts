// `zproc log`, `zproc backup` and `zproc restore`.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type AnyState, atomic, type Server, State, startServer } from 'zproc'
import { backup, restore } from '../../src/cli/copies.ts'
import { log } from '../../src/cli/log.ts'
import { zproc } from '../map/hosts.ts'

async function place(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'zproc-log-'))
  const servers: Server[] = []
  const states: State[] = []
  t.after(async () => {
    for (const state of states) await state.close()
    for (const server of servers) await server.stop()
    rmSync(folder, { recursive: true })
  })
  const start = async (data: string) => {
    const server = await startServer(null, { backend: 'inline', data })
    servers.push(server)
    const open = (namespace = 'default') => {
      const state = new State<AnyState>(server.address, { namespace })
      states.push(state)
      return state
    }
    return { server, state: open(), other: open('other'), open }
  }
  return { path: (name: string) => join(folder, name), start }
}

const run = async (t: TestContext, ...args: string[]) => {
  const { code, stdout, stderr } = await zproc(t, ...args).ended()
  return { code, stdout, stderr }
}

const push = atomic((state: AnyState, item: unknown) => state.list.push(item))

test('verify and dump show a log that is whole', async t => {
  const { path, start } = await place(t)
  const data = path('data')
  const { server, state, other } = await start(data)
  await state.set('list', [1, new Map([['k', new Date(0)]])])
  await push(state, 'two\nlines')
  await state.delete('list')
  await other.set('n', 1)
  await state.clear()
  const busy = await run(t, 'log', 'verify', '--data', data)
  assert.equal(busy.code, 1)
  assert.match(busy.stderr, new RegExp(`in use by the server of process ${process.pid}`))
  await server.stop()
  const whole = await run(t, 'log', 'verify', '--data', data)
  assert.deepEqual([whole.code, whole.stderr], [0, ''])
  assert.match(
    whole.stdout,
    /^log [0-9a-f]{24} in .* is whole: \d+ segments, 0 snapshots, \d+ blocks, 5 commits\n$/,
  )
  const dump = (await run(t, 'log', 'dump', '--data', data)).stdout.trimEnd().split('\n')
  const columns = dump.map(line => line.split('\t'))
  assert.deepEqual(
    columns.map(([name, revision, , , method]) => [name, revision, method]),
    [
      ['default', '1', 'set'],
      ['default', '2', 'atomic'],
      ['default', '3', 'delete'],
      ['other', '1', 'set'],
      ['default', '4', 'clear'],
    ],
  )
  assert.ok(
    columns.every(([, , time, who]) => !Number.isNaN(Date.parse(time!)) && who === `main[${process.pid}]`),
  )
  assert.match(columns[0]![5]!, /^'list' = \[ 1, Map\(1\) \{ 'k' => 1970-01-01T00:00:00\.000Z \} \]$/)
  assert.match(columns[1]![5]!, /^'list'.*two\\nlines/)
  assert.equal(columns[2]![5], "delete 'list'")
  const some = await run(
    t,
    'log',
    'dump',
    '--data',
    data,
    '--namespace',
    'default',
    '--from',
    '2',
    '--to',
    '3',
  )
  assert.equal(some.stdout, `${dump.slice(1, 3).join('\n')}\n`)
})

test('damage is listed, and repair keeps what can be read', async t => {
  const { path, start } = await place(t)
  const data = path('data')
  const first = await start(data)
  for (let n = 1; n <= 50; n++) await first.state.set({ n, text: 'x'.repeat(100) })
  await first.server.stop()
  const [segment] = readdirSync(data).filter(file => file.endsWith('.log'))
  const file = join(data, segment!)
  const bytes = readFileSync(file)
  const at = bytes.lastIndexOf('xxxxxxxxxx', bytes.length >> 1)
  // In the middle of what is written.
  const middle = bytes.lastIndexOf('xxxxxxxxxx', at >> 1)
  bytes[middle]! ^= 1
  writeFileSync(file, bytes)
  await assert.rejects(startServer(null, { backend: 'inline', data }), { code: 'ZPROC_STORAGE' })
  const verified = await run(t, 'log', 'verify', '--data', data)
  assert.equal(verified.code, 1)
  assert.match(
    verified.stdout,
    new RegExp(`^damaged: ${segment}, offset \\d+: the payload of a block is damaged\n`),
  )
  const repaired = await run(t, 'log', 'repair', '--data', data)
  assert.deepEqual([repaired.code, repaired.stderr], [0, ''])
  assert.match(
    repaired.stdout,
    /what could be read is log [0-9a-f]{24} now, \d+ commits; the old files are in/,
  )
  const commits = Number(/(\d+) commits/.exec(repaired.stdout)![1])
  assert.ok(commits > 0 && commits < 50)
  assert.equal((await run(t, 'log', 'verify', '--data', data)).code, 0)
  assert.match((await run(t, 'log', 'repair', '--data', data)).stdout, /nothing to repair/)
  const { state } = await start(data)
  assert.equal(await state.get('n'), commits)
  await state.set('n', 'on')
  assert.equal(await state.get('n'), 'on')
})

test('a backup of a server under load holds all that was acknowledged before, and is restored as another log', async t => {
  const { path, start } = await place(t)
  const data = path('data')
  const { state, other } = await start(data)
  let written = 0
  let stop = false
  const load = (async () => {
    while (!stop) await state.set({ n: ++written, filler: 'x'.repeat(1000) })
  })()
  await other.set('n', 1)
  while (written < 100) await other.set('n', written)
  const before = written - 1
  const made = await run(t, 'backup', '--data', data, '--to', path('backup'))
  assert.deepEqual([made.code, made.stderr], [0, ''])
  stop = true
  await load
  await assert.rejects(startServer(null, { backend: 'inline', data: path('backup') }), {
    code: 'ZPROC_STORAGE',
    message: /is a backup.*npx zproc restore/,
  })
  assert.equal((await run(t, 'log', 'verify', '--data', path('backup'))).code, 0)
  const restored = await run(t, 'restore', '--data', path('backup'), '--to', path('restored'))
  assert.deepEqual([restored.code, restored.stderr], [0, ''])
  const again = await start(path('restored'))
  const n = (await again.state.get('n')) as number
  assert.ok(n >= before && n <= written, `${before} ${n} ${written}`)
  const [identity] = /[0-9a-f]{24}/.exec(made.stdout)!
  assert.ok(!restored.stdout.includes(identity), 'the identity is the same')
  const refused = await run(t, 'backup', '--data', data, '--to', path('backup'))
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /is not empty/)
})

test('a log is restored as it was at a revision or a time, and its revisions go on from there', async t => {
  const { path, start } = await place(t)
  const data = path('data')
  const { server, state, other } = await start(data)
  const times: number[] = []
  for (let n = 1; n <= 10; n++) {
    await other.set('n', n)
    await state.set('n', n, n === 5 ? { ttl: 60_000 } : undefined)
    const update = (await state.history({ from: n, to: n }).next()).value!
    times.push(update.by.time)
    while (Date.now() <= update.by.time) await new Promise(setImmediate)
  }
  await server.stop()
  const restored = async (to: string, ...args: string[]) => {
    const { code, stderr } = await run(t, 'restore', '--data', data, '--to', path(to), ...args)
    return code === 0 ? start(path(to)) : stderr
  }
  const five = await restored('five', '--revision', '5')
  assert.ok(typeof five === 'object', String(five))
  assert.deepEqual([await five.state.copy(), await five.other.copy()], [{ n: 5 }, { n: 5 }])
  assert.ok((await five.state.lease('n'))?.expires)
  await five.state.set('n', 'six')
  assert.deepEqual(await five.state.at(6), { n: 'six' })
  await assert.rejects(five.state.at(4), { code: 'ZPROC_MISSED_UPDATES' })
  const three = await restored('three', '--revision', '3', '--namespace', 'other')
  assert.ok(typeof three === 'object', String(three))
  assert.deepEqual([await three.state.copy(), await three.other.copy()], [{ n: 2 }, { n: 3 }])
  const then = await restored('then', '--time', new Date(times[6]!).toISOString())
  assert.ok(typeof then === 'object', String(then))
  assert.deepEqual([await then.state.copy(), await then.other.copy()], [{ n: 7 }, { n: 7 }])
  assert.match(String(await restored('none', '--revision', '11')), /revision 11 .* the newest is 10/)
  assert.match(String(await restored('none', '--revision', '1', '--namespace', 'no')), /no namespace 'no'/)
})

test('what makes no sense is refused, with the command whose help says more', async t => {
  const wrong: [args: string[], says: RegExp][] = [
    [['log'], /verify, dump or repair, got nothing/],
    [['log', 'cut'], /got 'cut'/],
    [['log', 'verify'], /--data <folder> is missing/],
    [['log', 'dump', '--data', 'x', '--from', 'y'], /--from must be a whole number, 1 or more, got 'y'/],
    [['backup', '--data', 'x'], /--to <folder> is missing/],
    [['restore', '--data', 'x', '--to', 'y', '--time', 'soon'], /--time must be like .*, got 'soon'/],
    [['restore', '--data', 'x', '--to', 'y', '--time', '1', '--revision', '1'], /not both/],
    [['restore', '--data', 'x', '--to', 'y', '--namespace', 'n'], /--namespace says/],
    [['restore', 'x'], /'x' is one argument too many/],
  ]
  const commands = { log, backup, restore }
  for (const [[command, ...args], message] of wrong)
    await assert.rejects(commands[command as keyof typeof commands](args), { message, command: [command] })
  const none = await run(t, 'log', 'verify', '--data', '/nowhere/at/all')
  assert.deepEqual([none.code, none.stderr], [1, 'zproc: StorageError: there is no folder /nowhere/at/all\n'])
})
