// Test runners replace the timers of a program while a test of it runs. The calls of zproc do not wait for such a clock.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import FakeTimers from '@sinonjs/fake-timers'
import { type AnyState, atomic, Context, State, startServer, TimeoutError } from 'zproc'

const { setTimeout: realTimeout, clearTimeout: realClear } = globalThis

/** Fails the test at the call that hangs: the clock of the test itself is not the faked one. */
function settles<T>(name: string, call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = realTimeout(() => reject(new Error(`${name} hangs`)), 30_000)
    call.then(resolve, reject).finally(() => realClear(timer))
  })
}

/** What needs a connection, and no process to end. */
async function useState(ctx: Context<AnyState>): Promise<void> {
  await settles('set', ctx.state.set('n', 1))
  assert.equal(await settles('atomic', atomic((state: AnyState) => ++(state.n as number))(ctx.state)), 2)
  const slow = atomic(async (state: AnyState) => ++(state.n as number))
  assert.equal(await settles('async atomic', slow(ctx.state)), 3)
  assert.deepEqual(await settles('map', ctx.processMap((n: number) => n * 2, [1, 2]).toArray()), [2, 4])
  const other = ctx.state.fork()
  assert.equal(await settles('size', other.size()), 1)
  const change = other.getWhenChange('n')
  await settles('set', ctx.state.set('n', 10))
  assert.equal((await settles('a watcher', change)).n, 10)
  await assert.rejects(settles('a timeout', other.getWhenEqual('n', 7, { timeout: 20 })), TimeoutError)
}

test('no call waits for the clock of a test runner', async t => {
  const clock = FakeTimers.install({ toNotFake: ['nextTick', 'queueMicrotask'] })
  t.after(() => clock.uninstall())
  const ctx = new Context<AnyState>()
  await useState(ctx)
  assert.equal(await settles('a process', ctx.process(() => 5, { stateful: false }).wait()), 5)
  const forever = ctx.process(() => new Promise(() => setInterval(() => {}, 1000)), { stateful: false })
  assert.equal(await settles('stop', forever.stop()), -15)
  const server = await settles('startServer', startServer('tcp://127.0.0.1:0'))
  const state = new State<AnyState>(server.address)
  await settles('set over tcp', state.set('a', 1))
  assert.equal(await settles('get over tcp', state.get('a')), 1)
  await settles('close', state.close())
  await settles('stop', server.stop())
  await settles('close', ctx.close())
})

test('states, atomic functions, watching and maps do not wait for it with process.nextTick replaced either', async () => {
  const ctx = new Context<AnyState>()
  const clock = FakeTimers.install()
  try {
    await useState(ctx)
  } finally {
    clock.uninstall()
  }
  // Node itself tells of the end of a process by `process.nextTick`: this waits for the real one.
  await ctx.close()
})
