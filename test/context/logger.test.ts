// The option `logger`: what goes to stderr without it; and NODE_DEBUG=zproc.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Context, type ContextOptions, type Logger, ping, startServer } from 'zproc'
import { deferred } from '../../src/async/deferred.ts'
import { cancel, holdOpen } from '../../src/async/interval.ts'
import { tell } from '../../src/async/logger.ts'
import { program } from '../kit/programs.ts'

interface Entry {
  level: 'info' | 'warn' | 'error' | 'debug'
  details: Record<string, unknown>
  message: string
}

/** A logger that keeps what it gets, and something that resolves with the first entry of that kind. */
function kept() {
  const entries: Entry[] = []
  let heard = deferred<void>()
  const at = (level: Entry['level']) => (details: object, message: string) => {
    entries.push({ level, details: { ...details }, message })
    heard.resolve()
    heard = deferred()
  }
  const logger: Logger = { info: at('info'), warn: at('warn'), error: at('error'), debug: at('debug') }
  const first = async (message: RegExp): Promise<Entry> => {
    for (;;) {
      const found = entries.find(entry => message.test(entry.message))
      if (found) return found
      await heard.promise
    }
  }
  return { logger, entries, first }
}

const context = (t: TestContext, options: ContextOptions) => {
  const ctx = new Context({ serverBackend: 'inline', spares: 0, ...options })
  // A Context does not.
  const alive = holdOpen()
  t.after(() => {
    cancel(alive)
    return ctx.close()
  })
  return ctx
}

const fails = () => {
  throw new RangeError('too far')
}

for (const backend of ['process', 'thread', 'inline'] as const)
  test(`what a server (${backend}) says of its clients goes to its logger`, async t => {
    const { logger, first } = kept()
    const secretKey = 'a very much secret key'
    const server = await startServer('tcp://127.0.0.1:0', { backend, secretKey, logger })
    t.after(() => server.stop())
    await assert.rejects(ping(server.address), { code: 'ZPROC_AUTHENTICATION' })
    const { level, details } = await first(/^refused a client that gave no secret key$/)
    assert.deepEqual([level, details], ['warn', { address: server.address }])
  })

test('servers in one process have loggers of their own', async t => {
  const [one, other] = [kept(), kept()]
  const secretKey = 'a very much secret key'
  const start = async ({ logger }: { logger: Logger }) => {
    const server = await startServer(null, { backend: 'inline', secretKey, logger })
    t.after(() => server.stop())
    return server
  }
  const first = await start(one)
  await start(other)
  await assert.rejects(ping(first.address), { code: 'ZPROC_AUTHENTICATION' })
  await one.first(/^refused a client/)
  assert.deepEqual(other.entries, [])
})

test('failures of processes go to the logger, with the error and without a stack in the message', async t => {
  const { logger, first } = kept()
  const ctx = context(t, { logger })
  const baker = ctx.process(fails, {
    name: 'baker',
    stateful: false,
    backend: 'thread',
    retryFor: [RangeError],
    maxRetries: 1,
    retryDelay: 0,
  })
  const retried = await first(/next attempt in 0 ms$/)
  assert.equal(
    retried.message,
    `process 'baker' (pid ${process.pid}), attempt 1, failed: RangeError: too far; next attempt in 0 ms`,
  )
  const { err, ...details } = retried.details
  assert.ok(err instanceof RangeError)
  assert.deepEqual(
    [retried.level, details],
    ['warn', { process: 'baker', childPid: process.pid, reason: 'error', attempt: 1, delay: 0 }],
  )
  // Nothing waits for it.
  const failed = await first(/^process 'baker' \(pid \d+\) failed: RangeError: too far$/)
  assert.equal(failed.level, 'error')
  assert.equal(baker.isAlive, false)
  assert.equal((await first(/attempt 2, begins$/)).level, 'debug')
})

test('a map that fails while nothing reads it is told to the logger', async t => {
  const { logger, first } = kept()
  const ctx = context(t, { logger })
  const results = ctx.processMap(fails, [1], { count: 1 })
  const { level, details } = await first(/^processMap fails failed, and its results are not being read$/)
  assert.equal(level, 'error')
  assert.ok(details.err instanceof RangeError)
  await assert.rejects(results.toArray())
})

test('a logger that throws changes nothing, and what it was given goes to stderr', async t => {
  const { code, stderr } = await program(
    t,
    `import { Context } from 'zproc'
    const fails = () => { throw new Error('no logger') }
    const ctx = new Context({ serverBackend: 'inline', spares: 0, logger: { info: fails, warn: fails, error: fails, debug: fails } })
    const ended = new Promise<void>(resolve => void (async () => {
      for await (const event of ctx.events()) if (event.type === 'exited') resolve()
    })())
    ctx.process(() => { throw new RangeError('too far') }, { name: 'baker', stateful: false })
    await ended
    await ctx.close()`,
  ).ended()
  assert.equal(code, 0)
  assert.match(
    stderr,
    /^process 'baker' \(pid \d+\) failed: RangeError: too far\nzproc: the logger failed: no logger$/m,
  )
})

test('what a logger throws may be anything', t => {
  const written: unknown[] = []
  t.mock.method(process.stderr, 'write', (text: unknown) => written.push(text) > 0)
  for (const thrown of [Object.create(null), Symbol('no'), undefined]) {
    const fails = () => {
      throw thrown
    }
    tell({ info: fails, warn: fails, error: fails }, 'warn', {}, 'a client was refused')
  }
  assert.equal(written.length, 3)
  for (const text of written)
    assert.match(String(text), /^a client was refused\nzproc: the logger failed: .+\n$/)
})

test('what is no logger is refused where it is given', () => {
  for (const logger of [console.log, {}, null, { info() {}, warn() {} }]) {
    // @ts-expect-error
    assert.throws(() => new Context({ logger }), {
      name: 'TypeError',
      message:
        /^new Context: logger must be a logger with the methods info, warn and error \(object, message\), got /,
    })
  }
})

test('NODE_DEBUG=zproc shows the steps of connections, sessions and processes', async t => {
  const source = `import { Context } from 'zproc'
    const ctx = new Context({ spares: 0 })
    await ctx.process(async state => state.set('n', 1), { name: 'baker' }).wait()
    await ctx.close()`
  const { code, stderr } = await program(t, source, [], { env: { NODE_DEBUG: 'zproc' } }).ended()
  assert.equal(code, 0)
  const steps = [
    /connection to ipc:.*: connects$/m,
    /connection to ipc:.*: session \d+ begins, server pid \d+$/m,
    /server: session \d+ of process \d+ is connected$/m,
    /process 'baker' \(pid \d+\), attempt 1, begins$/m,
    /process 'baker' \(pid \d+\), attempt 1, has ended: returned, exit code 0$/m,
    /server: session \d+ of process \d+ is over$/m,
  ]
  for (const step of steps) assert.match(stderr, step)
  const quiet = await program(t, source, [], { env: { NODE_DEBUG: '' } }).ended()
  assert.deepEqual([quiet.code, quiet.stderr], [0, ''])
})
