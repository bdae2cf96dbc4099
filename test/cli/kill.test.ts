// `zproc kill`, and what a server does when it is asked to end a process.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { type AnyState, Context, type ProcessOptions, type State } from 'zproc'
import { kill } from '../../src/cli/kill.ts'
import { useStore } from '../../src/client/use-store.ts'
import { Ask } from '../../src/protocol/kinds-of-requests.ts'
import { PROTOCOL, VERSION } from '../../src/protocol/messages.ts'
import { result } from '../../src/store/store.ts'
import { machine } from '../../src/transport/machine.ts'
import { described, named, stuckProgram } from '../kit/described.ts'
import { raw } from '../kit/raw.ts'
import { room } from '../kit/servers.ts'
import { until } from '../kit/until.ts'
import { isThere } from '../map/contexts.ts'
import { commands } from './kit.ts'

async function waits(state: State<AnyState>) {
  await state.getWhenAvailable('over')
}

async function started(t: TestContext, options: Parameters<typeof room>[1] = {}) {
  const { server } = await room(t, options)
  const { address } = server()
  const ctx = new Context(address, { spares: 0 })
  t.after(() => ctx.close())
  const start = (name: string, options: Pick<ProcessOptions, 'backend' | 'retryFor' | 'retryDelay'> = {}) =>
    ctx.process(waits, { name, ...options })
  const running = (name: string) => described(address, named(name))
  return { address, ctx, start, running, ...commands(t) }
}

test('a process ends by its name, with --write, as by its Context', async t => {
  const { address, start, running, run } = await started(t)
  const process_ = start('baker', { retryFor: [Error, 'SIGTERM', 'SIGKILL'], retryDelay: 0 })
  const { pid } = await running('baker')
  await assert.rejects(run(kill, address, 'baker'), { message: /--write/, command: ['kill'] })
  assert.ok(isThere(pid!))
  assert.equal((await run(kill, address, 'baker', '--write')).stdout, `baker (pid ${pid}) has ended\n`)
  // It is not tried again, as it would be after a signal from elsewhere.
  assert.equal(process_.isAlive, false)
  assert.ok(!isThere(pid!))
})

test('a process is told by its pid where several have its name, and a pid of another is refused', async t => {
  const { address, start, running, run } = await started(t)
  const [first, second] = [start('same'), start('same')]
  await until(() => first.pid && second.pid)
  await running('same')
  await assert.rejects(run(kill, address, 'same', '--write'), {
    message: new RegExp(
      `^there are 2 processes of the name same, .* by its pid: ${first.pid}, ${second.pid}$`,
    ),
  })
  await assert.rejects(run(kill, address, 'none', '--write'), {
    message: `no Context at ${address} has a process of the name none: see zproc tree`,
  })
  for (const pid of [process.pid, process.ppid, 1])
    await assert.rejects(run(kill, address, `${pid}`, '--write'), {
      message: `no Context at ${address} has a process with the pid ${pid}: see zproc tree`,
    })
  const { pid } = second
  const { stdout } = await run(kill, address, `${pid}`, '--write', '--json')
  assert.deepEqual(JSON.parse(stdout), { name: 'same', pid, ended: true })
  assert.deepEqual([first.isAlive, second.isAlive], [true, false])
})

test('a thread ends by its name, and a worker, which is replaced where there is work', async t => {
  const { address, ctx, start, running, run } = await started(t)
  const thread = start('thread', { backend: 'thread' })
  await running('thread')
  await run(kill, address, 'thread', '--write')
  assert.equal(thread.isAlive, false)
  await ctx.run((n: number) => n, 1)
  const [worker] = ctx.workerList
  await run(kill, address, 'worker 1', '--write')
  assert.equal(worker?.isAlive, false)
  assert.equal(await ctx.run((n: number) => n + 1, 1), 2)
})

test('where the program that started it does not answer, it is ended by the system', {
  skip: process.platform !== 'linux' && 'who started a process cannot be seen here',
}, async t => {
  const { address, ctx, running, run } = await started(t)
  const stuck = stuckProgram(t, address)
  const { pid } = await running('child')
  await ctx.state.set('stick', true)
  assert.equal(await stuck.line(), 'stuck')
  assert.equal((await run(kill, address, 'child', '--write')).stdout, `child (pid ${pid}) has ended\n`)
  assert.equal(stuck.child.exitCode, null)
})

test('where that program is busy for a moment, the process ends as by its Context', async t => {
  const { address, ctx, running, run } = await started(t)
  const busy = stuckProgram(t, address, 800)
  const { pid } = await running('child')
  await ctx.state.set('stick', true)
  assert.equal(await busy.line(), 'stuck')
  assert.equal((await run(kill, address, 'child', '--write')).stdout, `child (pid ${pid}) has ended\n`)
  assert.equal(await busy.line(), '-15')
})

test('where that program has lost its connection, the process is ended by the system, which is seen at once', {
  skip: process.platform !== 'linux' && 'who started a process cannot be seen here',
}, async t => {
  const { address, run } = await started(t)
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'])
  t.after(() => child.kill('SIGKILL'))
  const owner = await raw(t, address)
  owner.say([PROTOCOL, VERSION, { pid: process.pid, machine: machine(), token: randomBytes(16) }])
  await owner.hear()
  owner.say([[Ask.reports]])
  const one = { id: 1, name: 'orphan', target: '', backend: 'process', pid: child.pid, state: 'running' }
  const told = { since: 0, attempt: 1, recentRestarts: 0, end: null }
  const vitals = { memory: null, eventLoop: null, silent: null }
  owner.say([[Ask.reported, { processes: [{ ...one, ...told, ...vitals }], pools: [], more: 0 }]])
  await described(address, named('orphan'))
  const ended = once(child, 'exit')
  owner.socket.destroy()
  await described(address, ({ sessions }) => sessions.find(({ lost }) => lost !== null))
  const { stdout } = await run(kill, address, 'orphan', '--write')
  assert.equal(stdout, `orphan (pid ${child.pid}) has ended\n`)
  assert.deepEqual(await ended, [null, 'SIGKILL'])
})

test('a server that runs no code of its clients ends no processes for them', async t => {
  const { address, start, running, run } = await started(t, { allowCode: false })
  const process_ = start('baker')
  const { session, id } = await running('baker')
  await assert.rejects(run(kill, address, 'baker', '--write'), { message: /allowCode: false/ })
  const store = useStore(address, {})
  t.after(() => store.release())
  await assert.rejects(store.request('end', [Ask.end, 0, session, id], result), /allowCode: false/)
  assert.ok(process_.isAlive)
})

test('what is no process of a session is not ended', async t => {
  const { address, start, running } = await started(t)
  start('baker')
  const { session, id } = await running('baker')
  const store = useStore(address, {})
  t.after(() => store.release())
  const end = (of: unknown, which: unknown) =>
    store.request('end', [Ask.end, 0, of, which] as [typeof Ask.end, number, number, number], result)
  for (const [of, which] of [
    [session, id + 1000],
    [session + 1000, id],
    [null, id],
    [session, 'baker'],
    [session, -1],
  ])
    assert.equal(await end(of, which), false)
  assert.equal((await running('baker')).state, 'running')
})
