import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { State, startServer } from 'zproc'
import { noTerminal } from '../kit/programs.ts'
import { leftAfter, runs } from '../lifeline/processes.ts'

const path = fileURLToPath(new URL('./fixtures/program.ts', import.meta.url))

function program(t: TestContext, name: string, ...flags: string[]) {
  // A process group of its own, as in a terminal.
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', ...flags.filter(flag => flag.startsWith('-')), path, name, ...flags],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  )
  t.after(() => child.kill('SIGKILL'))
  return child
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function ended(t: TestContext, name: string) {
  const child = program(t, name)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { out, err, code }
}

for (const [name, printed] of [
  ['idle', ''],
  ['spare', ''],
  ['awaited', '300\n'],
  ['wait', 'slept\n'],
  ['events', 'started\nslept\nexited\n'],
] as const)
  test(`a program ends by itself: ${name}`, { timeout: 30_000 }, async t => {
    assert.deepEqual(await ended(t, name), { out: printed, err: '', code: 0 })
  })

test('a retry that nobody waits for does not keep the program alive', { timeout: 30_000 }, async t => {
  const { err, code } = await ended(t, 'retrying')
  assert.equal(code, 0)
  assert.match(err, /next attempt in 60 s/)
})

test('an inspector in the program does not clash with those of its children', {
  timeout: 30_000,
}, async t => {
  // Not port 0: children would get another one each, whatever they were told.
  const port = await freePort()
  const child = program(t, 'awaited', `--inspect=127.0.0.1:${port}`)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  assert.deepEqual([out, code], ['300\n', 0])
  const ports = [...err.matchAll(/Debugger listening on ws:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) => port)
  assert.ok(ports.length >= 3, err)
  assert.equal(ports[0], String(port))
  assert.equal(new Set(ports).size, ports.length)
})

test('being asked to stop goes down the tree, also when the parent is killed', {
  timeout: 30_000,
}, async t => {
  const server = await startServer(null, { backend: 'inline' })
  t.after(() => server.stop())
  const state = new State<{ ready?: boolean; log?: string[] }>(server.address)
  t.after(() => state.close())
  for (const end of ['SIGTERM', 'SIGKILL'] as const) {
    await state.set({ log: [] })
    const child = program(t, 'cooperative', server.address)
    const [line] = await once(child.stdout, 'data')
    const pids: number[] = JSON.parse(String(line))
    // The program is killed; or its process is asked to stop, and the one below it by that.
    process.kill(end === 'SIGKILL' ? (child.pid as number) : (pids[0] as number), end)
    const { log } = await state.getWhen(it => it.log?.length === 2, { timeout: 10_000 })
    assert.deepEqual([...(log ?? [])].sort(), ['inner', 'outer'])
    assert.deepEqual(await leftAfter(pids, 2000), [])
    child.kill('SIGKILL')
  }
})

test('Ctrl-C ends each process once, without a word', { timeout: 30_000 }, async t => {
  const child = program(t, 'group')
  const printed = text(child.stderr)
  const [line] = await once(child.stdout, 'data')
  process.kill(-(child.pid as number), 'SIGINT')
  const [code, signal] = await once(child, 'exit')
  // What a shell shows as 130.
  assert.deepEqual([code, signal], [null, 'SIGINT'])
  assert.deepEqual(await leftAfter([Number(line)], 1000), [])
  assert.equal(await printed, '')
})

test('Ctrl-C at a terminal reaches each process once, and ends the program with exit code 130', {
  timeout: 30_000,
  skip: noTerminal,
}, async t => {
  for (const [name, said] of [
    ['group', []],
    ['counting', ['child 1', 'main 1']],
  ] as const) {
    const command = [process.execPath, '--import', 'tsx', path, name].join(' ')
    const terminal = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
    t.after(() => terminal.kill('SIGKILL'))
    const [line] = await once(terminal.stdout, 'data')
    const printed = text(terminal.stdout)
    // What the key sends; the terminal makes a SIGINT of it for all processes in its foreground.
    terminal.stdin.write('\x03')
    const [code] = await once(terminal, 'exit')
    assert.equal(code, 130)
    assert.deepEqual(await leftAfter([Number.parseInt(String(line), 10)], 1000), [])
    const lines = (await printed).replace('^C', '').split(/[\r\n]+/)
    assert.deepEqual(lines.filter(it => it !== '').sort(), said)
  }
})

test('with cleanup: false processes survive the program, and the server as long as they do', {
  timeout: 30_000,
}, async t => {
  const child = program(t, 'survivor')
  const [line] = await once(child.stdout, 'data')
  const [pid, server, address]: [number, number, string] = JSON.parse(String(line))
  await once(child, 'exit')
  // Long enough for a guard to have ended them.
  await new Promise(next => setTimeout(next, 600))
  assert.deepEqual([runs(pid), runs(server)], [true, true])
  const state = new State(address)
  await state.set('left', true)
  assert.deepEqual(await leftAfter([pid], 5000), [])
  assert.equal(runs(server), true)
  await state.close()
  assert.deepEqual(await leftAfter([server], 5000), [])
})
