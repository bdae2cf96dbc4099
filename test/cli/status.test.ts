// Commands about servers: ls, status, top, stop.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { describe, type TestContext, test } from 'node:test'
import { type AnyState, atomic, Context, ping, State, startServer } from 'zproc'
import { deferred } from '../../src/async/deferred.ts'
import { ls } from '../../src/cli/ls.ts'
import { stop } from '../../src/cli/ping.ts'
import { status } from '../../src/cli/status.ts'
import { table } from '../../src/cli/terminal.ts'
import { top } from '../../src/cli/top.ts'
import { tree } from '../../src/cli/tree.ts'
import { randomIpcAddress } from '../../src/protocol/address.ts'
import { described } from '../kit/described.ts'
import { noTerminal, program } from '../kit/programs.ts'
import { room } from '../kit/servers.ts'
import { until } from '../kit/until.ts'
import { zproc } from '../map/hosts.ts'
import { commands } from './kit.ts'

const cli = new URL('../../src/cli/main.ts', import.meta.url).href
const onWindows = process.platform === 'win32' && 'its pipes are no files'

const stuckFor = atomic(function settle(_: AnyState, ms: number) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
})

/** A lock that lasts, in the namespace 'orders'. */
async function locked(t: TestContext, address: string): Promise<() => Promise<void>> {
  const state = new State<AnyState>(address, { namespace: 'orders' })
  t.after(() => state.close())
  const [entered, goOn] = [deferred<void>(), deferred<void>()]
  const held = atomic(async function settle(_: AnyState) {
    entered.resolve()
    await goOn.promise
  })(state)
  await entered.promise
  return async () => {
    goOn.resolve()
    await held
  }
}

test('status shows a server as tables, and as JSON', async t => {
  const { server } = await room(t, { atomicTimeout: 60_000 })
  const { address } = server()
  const { run } = commands(t)
  const state = new State<AnyState>(address, { namespace: 'shop\u001b[2J' })
  t.after(() => state.close())
  await state.set('secret', 'confidential')
  const shown = await run(status, address)
  assert.deepEqual([shown.code, shown.stderr], [0, ''])
  const [head, ...lines] = shown.stdout.split('\n')
  assert.match(
    head!,
    new RegExp(
      `^${address} {2}pid ${process.pid} \\(inline\\), up \\d+ m?s, node v.*, .* memory, 1 connection$`,
    ),
  )
  assert.match(shown.stdout, /\nNamespaces\nNAME .*\nshop\\u001b\[2J +1 +1 +1 +\d/)
  assert.match(shown.stdout, new RegExp(`\\nClients\\nPID .*\\n${process.pid} +main +local .* yes\\n`))
  assert.doesNotMatch(shown.stdout, /secret|confidential/)
  assert.ok(!shown.stdout.includes('\u001b') && lines.length < 12)
  const asJson = await run(status, address, '--json')
  const { hung, stuck, description } = JSON.parse(asJson.stdout)
  assert.deepEqual([asJson.code, hung, stuck], [0, null, []])
  assert.equal(description.namespaces[0].keys, 1)
})

test('what is stuck comes first, and makes status end with 4', async t => {
  const { server } = await room(t, { atomicTimeout: 60_000 })
  const { address } = server()
  const goOn = await locked(t, address)
  const { run } = commands(t)
  const words = `orders is locked by pid ${process.pid} (main) in settle for `
  let shown = await run(status, address)
  // At first it does not last long enough to be worth a word.
  while (shown.code === 0) shown = await run(status, address)
  assert.equal(shown.code, 4)
  assert.ok(shown.stdout.split('\n')[1]?.startsWith(`! ${words}`), shown.stdout)
  assert.match(shown.stdout, /\nLocks\nNAMESPACE .*\norders +\d+ +main +atomic function settle /)
  const { stuck } = JSON.parse((await run(status, address, '--json')).stdout)
  assert.ok(stuck[0].startsWith(words))
  await goOn()
  assert.equal((await run(status, address)).code, 0)
})

test('ls finds the servers of Contexts and named ones, and says which of them have a key', {
  skip: onWindows,
}, async t => {
  const { run } = commands(t)
  const secretKey = 'a very much secret key'
  const ctx = new Context({ serverBackend: 'inline', spares: 0 })
  t.after(() => ctx.close())
  await ctx.ready
  await ctx.state.set('n', 1)
  const name = `ls-${process.pid}`
  const named = Context.join(name, { linger: 0, spares: 0 })
  t.after(() => named.close())
  const pid = await named.ping()
  const server = await startServer(null, { backend: 'inline', secretKey })
  t.after(() => server.stop())
  const shown = (await run(ls)).stdout.split('\n')
  assert.match(shown[0]!, /^NAME +PID +IS +FOR +CLIENTS +KEYS +ADDRESS$/)
  const line = (address: string) => shown.find(one => one.endsWith(address))
  assert.match(line(ctx.serverAddress)!, new RegExp(`^- +${process.pid} +running +\\d+ m?s +1 +1 +ipc:`))
  assert.match(line(named.serverAddress)!, new RegExp(`^${name} +${pid} +running `))
  assert.match(line(server.address)!, /^- +- +locked +- +- +- +ipc:/)
  const before = process.env.ZPROC_SECRET_KEY
  process.env.ZPROC_SECRET_KEY = secretKey
  t.after(() => {
    if (before === undefined) delete process.env.ZPROC_SECRET_KEY
    else process.env.ZPROC_SECRET_KEY = before
  })
  const all: { address: string; is: string; name: string | null }[] = JSON.parse(
    (await run(ls, '--json')).stdout,
  )
  const found = (address: string) => all.find(one => one.address === address)
  assert.equal(found(server.address)?.is, 'running')
  assert.deepEqual([found(ctx.serverAddress)?.name, found(named.serverAddress)?.name], [null, name])
  // There are several: one is to be named.
  await assert.rejects(run(status), { message: /^there are \d+ servers, of which one is to be named: / })
})

describe('a server whose process is stopped', { concurrency: true, skip: onWindows }, () => {
  // Its watchdog does not run either.
  for (const [home, given] of [
    ['a socket', undefined],
    ['tcp', 'tcp://127.0.0.1:0'],
  ] as const)
    test(`at ${home} it is said to be silent by status and top, with since when`, async t => {
      const server = await startServer(given)
      t.after(() => server.stop())
      const { address, pid } = server
      const running = zproc(t, 'top', address, '--interval', '100', '--json')
      const stuck = async () => JSON.parse((await running.line()) ?? assert.fail()).stuck as string[]
      assert.deepEqual(await stuck(), [])
      process.kill(pid, 'SIGSTOP')
      // A busy machine may have the server's thread work all of so short a time, which is a verdict too.
      const silence = async () => {
        const lines = await stuck()
        return lines
          .map(line => words(`${address} \\(pid ${pid}\\)`).exec(line)?.[1])
          .find(seconds => seconds)
      }
      const words = (who: string) =>
        new RegExp(
          `^the server at ${who} has not answered for (\\d+) s: its process is gone, stopped or busy, or`,
        )
      const first = Number(await until(silence))
      const shown = await zproc(t, 'status', address, '--json').ended()
      const told = JSON.parse(shown.stdout)
      assert.deepEqual([shown.code, told.hung, told.description], [4, null, null])
      assert.match(told.stuck[0], words(address))
      // Five seconds later it is still that one time.
      await until(async () => Number(await silence()) >= first + 3)
      process.kill(pid, 'SIGCONT')
      await until(async () => (await silence()) === undefined)
    })
})

test('ls removes the socket of a server that was killed together with its guard', {
  skip: onWindows,
}, async t => {
  const { run } = commands(t)
  const path = randomIpcAddress().slice('ipc://'.length)
  const killed = program(
    t,
    `import { createServer } from 'node:net'
    createServer().listen(process.argv[2], () => console.log('listens'))`,
    [path],
  )
  await killed.line()
  await run(ls)
  assert.ok(existsSync(path), 'one that answers stays')
  killed.child.kill('SIGKILL')
  await killed.ended()
  assert.ok(existsSync(path))
  await run(ls)
  assert.ok(!existsSync(path))
})

test('of a server that hangs status and ls say so, and stop ends it by force', {
  skip: onWindows,
}, async t => {
  const { run } = commands(t)
  const server = await startServer(null, { atomicTimeout: 100 })
  t.after(() => server.stop())
  const { address, pid } = server
  const state = new State<AnyState>(address)
  t.after(() => state.close())
  await state.set('n', 1)
  const failed = assert.rejects(stuckFor(state, 100_000), { code: 'ZPROC_CONNECTION' })
  const shown = await run(status, address)
  assert.equal(shown.code, 4)
  const words = `the server at ${address} \\(pid ${pid}\\) has been stuck for \\d+ ms in the atomic function settle, called by process ${process.pid} \\(main\\)`
  assert.match(shown.stdout, new RegExp(`^! ${words}\n$`))
  const { hung, stuck, description } = JSON.parse((await run(status, address, '--json')).stdout)
  assert.match(stuck[0], new RegExp(`^${words}$`))
  assert.deepEqual([hung.function, hung.server, description], ['settle', pid, null])
  assert.match((await run(ls)).stdout, new RegExp(`\n- +${pid} +hung +.*${address}\n`))
  await assert.rejects(run(stop, address, '--write'), { code: 'ZPROC_TIMEOUT' })
  assert.equal((await run(stop, address, '--write', '--force')).stdout, `process ${pid} has ended\n`)
  await failed
})

test('stop ends a server that has a process of its own, with --write, and no other', async t => {
  const { run } = commands(t)
  const server = await startServer()
  t.after(() => server.stop())
  await assert.rejects(run(stop, server.address), { message: /--write/, command: ['stop'] })
  assert.equal(await ping(server.address), server.pid)
  const stopped = await run(stop, server.address, '--write', '--json')
  assert.deepEqual([stopped.code, JSON.parse(stopped.stdout)], [0, { pid: server.pid, stopped: true }])
  assert.deepEqual(await server.exited, { code: 0, signal: null })
  const inline = (await room(t)).server()
  await assert.rejects(run(stop, inline.address, '--write'), {
    message: new RegExp(`is part of the program of process ${process.pid}: end that program instead`),
  })
})

test('top tells of a server again and again, with rates', async t => {
  const { server } = await room(t)
  const { address } = server()
  const { run } = commands(t)
  const state = new State<AnyState>(address)
  t.after(() => state.close())
  await state.set('n', 1)
  const { code, stdout } = await run(top, address, '--count', '2', '--interval', '10')
  assert.equal(code, 0)
  const [first, second] = stdout.trimEnd().split('\n\n\n')
  assert.equal(second, undefined, 'reports are one blank line apart')
  assert.equal(first!.split(address).length, 3)
  assert.match(stdout, /connections?, \d+ % busy\n[\s\S]*COMMITS\/S/)
  const lines = (await run(top, address, '--count', '3', '--interval', '1', '--json')).stdout
    .trimEnd()
    .split('\n')
  assert.deepEqual(
    lines.map(line => JSON.parse(line).description.namespaces[0].revision),
    [1, 1, 1],
  )
})

test('at a terminal top has a screen of its own, and Ctrl-C leaves the terminal as it was', {
  skip: noTerminal,
}, async t => {
  const { server } = await room(t)
  const { address } = server()
  const state = new State<AnyState>(address)
  t.after(() => state.close())
  await state.set('n', 1)
  const running = program(t, `import ${JSON.stringify(cli)}`, ['top', address, '--interval', '200'], {
    terminal: true,
  })
  const first = await running.line()
  assert.ok(first?.startsWith('\u001b[?1049h\u001b[?25l\u001b[H'), JSON.stringify(first))
  assert.match(first!, new RegExp(`pid ${process.pid} \\(inline\\)`))
  running.child.stdin!.write('\u0003')
  const { code, stdout } = await running.ended()
  assert.equal(code, 0)
  assert.ok(stdout.endsWith('\u001b[?25h\u001b[?1049l'), JSON.stringify(stdout.slice(-80)))
})

test('top ends with its server unless it has seen it, and a pipe that is closed ends it', async t => {
  const none = await zproc(t, 'top', 'ipc:///nowhere/at/all').ended()
  assert.equal(none.code, 1)
  const { server } = await room(t)
  const running = zproc(t, 'top', server().address, '--interval', '1', '--json')
  await running.line()
  running.child.stdout!.destroy()
  const [code] = await once(running.child, 'exit')
  assert.equal(code, 0)
})

test('a table aligns its columns, numbers at their right', () => {
  assert.deepEqual(table(['NAME', 'N'], []), [])
  assert.deepEqual(
    table(
      ['NAME', 'N', 'X'],
      [
        ['a', 1, 'x'],
        ['longer', 12_345, ''],
      ],
    ),
    ['NAME         N  X', 'a            1  x', 'longer  12,345'],
  )
})

test('a spare child is shown as a spare, is no part of the tree, and becomes what it is given', {
  skip: onWindows,
}, async t => {
  const { server } = await room(t)
  const { address } = server()
  const { run } = commands(t)
  const ctx = new Context<AnyState>(address, { spares: 1 })
  t.after(() => ctx.close())
  await ctx.process(() => 1, { name: 'first' }).wait()
  const spare = await described(address, ({ sessions }) => sessions.find(({ is }) => is === 'spare'))
  assert.equal(spare.name, 'spare')
  assert.match((await run(status, address)).stdout, new RegExp(`\\n${spare.pid} +spare +local `))
  assert.doesNotMatch((await run(tree, address)).stdout, new RegExp(`spare|${spare.pid}`))
  const next = ctx.process(async state => void (await state.getWhenAvailable('over')), { name: 'spare' })
  assert.equal(next.pid, spare.pid)
  // By its session, and not by its name, which is the user's.
  await described(address, ({ sessions, processes }) =>
    sessions.find(({ is, pid }) => is === 'program' && pid === spare.pid && processes.length > 0),
  )
  assert.match((await run(tree, address)).stdout, new RegExp(`spare \\(pid ${spare.pid}\\)`))
  await ctx.state.set('over', true)
})
