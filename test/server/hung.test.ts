import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { type AnyState, atomic, Context, type HungServer, ping, State, startServer } from 'zproc'
import { deferred } from '../../src/async/deferred.ts'
import { program } from '../kit/programs.ts'

// The engine cannot be interrupted in a regular expression that tries everything: 2 to the 40th ways.
const catastrophe = atomic(function catastrophe(all: AnyState) {
  all.matches = /^(a+)+$/.test(`${'a'.repeat(40)}b`)
})

const quiet = (t: TestContext): string[] => {
  const lines: string[] = []
  t.mock.method(console, 'error', (line: string) => lines.push(line))
  return lines
}

for (const backend of ['process', 'thread'] as const)
  test(`a server that hangs in a ${backend} is reported within five seconds, and can be stopped`, async t => {
    const lines = quiet(t)
    const reports: HungServer[] = []
    let report = () => {}
    const reported = new Promise<void>(resolve => {
      report = resolve
    })
    const server = await startServer(null, {
      backend,
      onHung: hung => {
        reports.push(hung)
        report()
      },
    })
    t.after(() => server.stop())
    const state = new State<AnyState>(server.address)
    t.after(() => state.close())
    await atomic((all: AnyState) => void Object.assign(all, { fine: true }))(state)
    const began = performance.now()
    const failed = assert.rejects(catastrophe(state), { name: 'ConnectionError', outcome: 'unknown' })
    await reported
    const noticed = performance.now() - began
    assert.ok(noticed > 1000 && noticed < 5000, `${noticed} ms`)
    const { ms, ...rest } = reports[0] as HungServer
    const name = rest.name
    const { address } = server
    assert.deepEqual(rest, { address, during: 'atomic', function: 'catastrophe', pid: process.pid, name })
    assert.ok(ms >= 2500, `${ms}`)
    assert.deepEqual(lines, [
      `zproc: the server at ${server.address} has been stuck for ${ms} ms in the atomic function catastrophe, called by process ${process.pid} (${name}): it answers nobody until that ends; stop() ends the server`,
    ])
    await server.stop()
    await failed
    assert.equal(reports.length, 1)
    await assert.rejects(ping(server.address), { name: 'ConnectionError' })
  })

/** Large sets, and what is in them, in one order or the other: to tell that they are equal takes a while for each. */
const sets = (order: 1 | -1) => {
  const element = (n: number) => (order > 0 ? { n, same: true } : { same: true, n })
  const one = () => new Set(Array.from({ length: SIZE }, (_, i) => element(order > 0 ? i : SIZE - 1 - i)))
  return Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`set ${i}`, one()]))
}
const SIZE = 200_000

for (const backend of ['process', 'thread'] as const)
  test(`a server that hangs in a method, in a ${backend}, is reported within five seconds`, async t => {
    const lines = quiet(t)
    const hung = deferred<HungServer>()
    // On a busy machine one of the calls before may take long as well.
    const onHung = (how: HungServer) => how.function === 'equals' && hung.resolve(how)
    const server = await startServer('tcp://127.0.0.1:0', { backend, onHung })
    t.after(() => server.stop())
    const state = new State<AnyState>(server.address)
    t.after(() => state.close())
    // One at a time: on a busy machine all of them would keep it at work for too long.
    for (const [key, value] of Object.entries(sets(1))) await state.set(key, value)
    const other = sets(-1)
    const failed = assert.rejects(state.equals(other), { name: 'ConnectionError' })
    // The sets are encoded by now.
    const began = performance.now()
    const { ms, name, ...rest } = await hung.promise
    const noticed = performance.now() - began
    assert.ok(noticed < 5000, `${noticed} ms`)
    const { address } = server
    assert.deepEqual(rest, { address, during: 'method', function: 'equals', pid: process.pid })
    assert.match(lines.join('\n'), /stuck for \d+ ms in the method equals, called by process \d+ \(/)
    await server.stop()
    await failed
  })

test('a server process that is stopped is reported within five seconds, each time, and can be ended', {
  skip: process.platform === 'win32' && 'there is no SIGSTOP',
}, async t => {
  let goesOn = deferred<void>()
  const lines: string[] = []
  t.mock.method(console, 'error', (line: string) => {
    lines.push(line)
    if (line.endsWith(' goes on')) goesOn.resolve()
  })
  let hung = deferred<HungServer>()
  const server = await startServer(null, { onHung: what => hung.resolve(what) })
  t.after(() => server.stop())
  const { address } = server
  for (let time = 0; time < 3; time++) {
    const began = performance.now()
    process.kill(server.pid, 'SIGSTOP')
    const { ms, ...rest } = await hung.promise
    const noticed = performance.now() - began
    assert.deepEqual(rest, { address, during: 'process', function: '', pid: 0, name: '' })
    // At first it may not have said yet that it is alive.
    if (time > 0) assert.ok(noticed < 5000, `${noticed} ms`)
    hung = deferred()
    goesOn = deferred()
    if (time === 2) break
    process.kill(server.pid, 'SIGCONT')
    await goesOn.promise
    assert.equal(await ping(address), server.pid)
  }
  assert.match(lines[0] ?? '', /not been heard of for \d+ ms, as if its process had been stopped/)
  assert.equal(lines[1], `zproc: the server at ${address} goes on`)
  assert.equal(lines.length, 5)
  const began = performance.now()
  await server.stop()
  assert.ok(performance.now() - began < 1500)
})

test('a Context tells of it as an event, and can be closed', async t => {
  quiet(t)
  const ctx = new Context<AnyState>()
  t.after(() => ctx.close())
  const events = ctx.events()
  const failed = assert.rejects(catastrophe(ctx.state), { name: 'ConnectionError' })
  let { value } = await events.next()
  if (value.type === 'connected') value = (await events.next()).value
  assert.equal(value.type, 'serverHung')
  assert.equal(value.function, 'catastrophe')
  assert.equal(value.address, ctx.serverAddress)
  await ctx.close()
  await failed
})

test('the client is named as the process that called', async t => {
  const run = program(
    t,
    `import { atomic, Context } from 'zproc'
    const ctx = new Context<{ x: boolean }>()
    ctx.process(
      async state => {
        await atomic((all: { x: boolean }) => {
          all.x = /^(a+)+$/.test('a'.repeat(40) + 'b')
        })(state)
      },
      { name: 'culprit' },
    ).wait().catch(() => {})
    for await (const event of ctx.events())
      if (event.type === 'serverHung') {
        console.log(event.name, event.pid === ctx.processList[0]!.pid, event.function)
        break
      }
    await ctx.close()`,
  )
  const { code, stdout, stderr } = await run.ended()
  assert.deepEqual([code, stdout], [0, 'culprit true \n'], stderr)
  assert.match(
    stderr,
    /^zproc: the server at ipc:\S+ has been stuck for \d+ ms in the atomic function \(anonymous\), called by process \d+ \(culprit\)/,
  )
})

test('long functions that end, errors, and many names are no reason to report anything', async t => {
  const lines = quiet(t)
  const server = await startServer(null, { atomicTimeout: 100, onHung: () => assert.fail() })
  t.after(() => server.stop())
  const state = new State<AnyState>(server.address)
  t.after(() => state.close())
  await assert.rejects(
    atomic(() => {
      for (;;);
    })(state),
    { name: 'AtomicTimeoutError' },
  )
  await assert.rejects(
    atomic(() => {
      throw new RangeError('no')
    })(state),
    RangeError,
  )
  // Idle for longer than its patience, as the last thing that ran failed.
  await once(AbortSignal.timeout(3000), 'abort')
  assert.equal(await ping(server.address), server.pid)
  assert.deepEqual(lines, [])
})
