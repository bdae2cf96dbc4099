// What holds for processes of their own, and not for threads.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { runInNewContext } from 'node:vm'
import {
  atomic,
  currentProcess,
  Process,
  ProcessWaitError,
  SignalException,
  State,
  signalToException,
  startServer,
} from 'zproc'
import { leftAfter } from '../lifeline/processes.ts'
import { address, closeServer, openServer, run, stderrOf } from './kit.ts'

before(openServer)
after(closeServer)

const forever = () => new Promise(() => {})

test('a process that was killed from outside fails with the signal', async t => {
  const started = run(t, (signal: NodeJS.Signals) => process.kill(process.pid, signal), {
    args: ['SIGKILL'],
    name: 'victim',
  })
  await assert.rejects(started.wait(), error => {
    assert.ok(error instanceof ProcessWaitError)
    assert.equal(error.exitCode, -9)
    assert.match(error.message, /^process 'victim' \(pid \d+\) was ended by SIGKILL$/)
    return true
  })
})

test('a process that ignores SIGTERM is killed', async t => {
  const namespace = randomUUID()
  const deaf = async (state: State<{ up: boolean }>) => {
    process.on('SIGTERM', () => {})
    await state.set('up', true)
    await new Promise(() => {})
  }
  const started = run(t, deaf, { stateful: true, namespace })
  const state = new State<{ up: boolean }>(address(), { namespace })
  await state.getWhenEqual('up', true)
  assert.equal(await started.stop({ killAfter: 50 }), -9)
  await state.close()
})

test('a signal can be retried; other ends are not', async t => {
  const dies = (first: NodeJS.Signals) => {
    process.kill(process.pid, currentProcess().attempt === 1 ? first : 'SIGKILL')
    return new Promise(() => {})
  }
  const started = run(t, dies, { args: ['SIGUSR2'], retryFor: ['SIGUSR2'], retryDelay: 1 })
  const printed = await stderrOf(t, async () => {
    await assert.rejects(started.wait(), { exitCode: -9 })
  })
  assert.match(printed, /attempt 1, was ended by SIGUSR2/)
})

test('an exit code and a native abort are errors, for retryFor: [Error]', async t => {
  const target = () => {
    if (currentProcess().attempt === 1) process.exit(3)
    if (currentProcess().attempt === 2) process.abort()
    return 'third time lucky'
  }
  const started = run(t, target, { retryFor: [Error], retryDelay: 1 })
  const printed = await stderrOf(t, async () => assert.equal(await started.wait(), 'third time lucky'))
  assert.match(printed, /attempt 1, ended with exit code 3/)
  assert.match(printed, /attempt 2, was ended by SIGABRT/)
})

test('running out of memory and rejections that nobody handles are errors, for retryFor: [Error]', async t => {
  const target = () => {
    const { attempt } = currentProcess()
    if (attempt === 3) return 'third time lucky'
    if (attempt === 1) void Promise.reject(new RangeError('unhandled'))
    const eaten: string[][] = []
    if (attempt === 2) for (;;) eaten.push(Array.from({ length: 1000 }, (_, i) => `${i} ${eaten.length}`))
    return new Promise(() => {})
  }
  const started = run(t, target, { retryFor: [Error], retryDelay: 1, memoryLimit: 30, stdio: 'pipe' })
  const printed = await stderrOf(t, async () => assert.equal(await started.wait(), 'third time lucky'))
  assert.match(printed, /attempt 1, failed: RangeError: unhandled/)
  assert.match(printed, /attempt 2, ran out of memory \(memoryLimit: 30 MB\)/)
})

test('a module that cannot be loaded is reported as that, and not retried unless asked for', async t => {
  const broken = new URL('./fixtures/broken.js', import.meta.url)
  const failing = run(t, broken, { retryFor: [Error], retryDelay: 1, name: 'broken' })
  await assert.rejects(failing.wait(), error => {
    assert.ok(error instanceof ProcessWaitError)
    assert.match(error.message, /^process 'broken' \(pid \d+\) failed before its target ran: /)
    assert.match(error.message, /there-is-no-such-module/)
    assert.equal(error.causes.length, 1)
    return true
  })
  const asked = run(t, broken, { retryBoot: true, maxRetries: 1, retryDelay: 1 })
  await stderrOf(t, () =>
    assert.rejects(asked.wait(), (error: ProcessWaitError) => error.causes.length === 2),
  )
})

test('so is a module with a syntax error', async t => {
  const wrong = new URL('data:text/javascript,export default ( =>')
  await stderrOf(t, async () => {
    const failing = run(t, wrong, { retryFor: [Error], name: 'wrong' })
    await assert.rejects(failing.wait(), (error: ProcessWaitError) => {
      assert.match(error.message, /^process 'wrong' \(pid \d+\) failed before its target ran: SyntaxError: /)
      assert.equal(error.causes.length, 1)
      return true
    })
  })
})

test('a flag that node does not know is a failure before the target ran', async t => {
  const started = run(t, () => {}, { execArgv: ['--no-such-flag'], stdio: 'pipe' })
  await assert.rejects(started.wait(), /failed before its target ran: it ended with exit code 9/)
})

test('stopping a process that waits for a retry ends the waiting', async t => {
  const fails = () => {
    throw new Error('no')
  }
  await stderrOf(t, async reported => {
    const started = run(t, fails, { retryFor: [Error], retryDelay: 60_000 })
    await reported
    assert.equal(started.isAlive, true)
    assert.equal(await started.stop(), 1)
    assert.equal(started.isAlive, false)
    await assert.rejects(started.wait(), /was stopped while it waited to be retried/)
  })
})

test('a budget of restarts ends a crash loop', async t => {
  const fails = () => {
    throw new Error('no')
  }
  await stderrOf(t, async () => {
    const started = run(t, fails, { retryFor: [Error], retryDelay: 1, maxRestarts: 2, within: 60_000 })
    await assert.rejects(started.wait(), (error: ProcessWaitError) => error.causes.length === 3)
  })
})

test('errors of classes of the user are retried by name, and by the names of their ancestors', async t => {
  class Flaky extends Error {}
  class VeryFlaky extends Flaky {}
  const target = (kind: string) => {
    if (currentProcess().attempt > 1) return 'ok'
    throw kind === 'flaky' ? new VeryFlaky('x') : new TypeError('y')
  }
  await stderrOf(t, async () => {
    const retried = run(t, target, { args: ['flaky'], retryFor: [Flaky], retryDelay: 1 })
    assert.equal(await retried.wait(), 'ok')
    const not = run(t, target, { args: ['other'], retryFor: [Flaky], retryDelay: 1 })
    await assert.rejects(not.wait(), ProcessWaitError)
  })
})

test('errors of another realm are retried, by classes of another realm as well', async t => {
  const target = (foreign: boolean) => {
    if (currentProcess().attempt > 1) return 'ok'
    throw foreign ? runInNewContext("new RangeError('from elsewhere')") : new RangeError('from here')
  }
  const Foreign: typeof RangeError = runInNewContext('RangeError')
  assert.notEqual(Foreign, RangeError)
  const printed = await stderrOf(t, async () => {
    for (const [foreign, One] of [
      [true, RangeError],
      [false, Foreign],
      [true, Foreign],
    ] as const)
      assert.equal(await run(t, target, { args: [foreign], retryFor: [One], retryDelay: 1 }).wait(), 'ok')
    const not = run(t, target, { args: [true], retryFor: [TypeError], retryDelay: 1 })
    await assert.rejects(not.wait(), ProcessWaitError)
  })
  assert.match(printed, /attempt 1, failed: RangeError: from elsewhere/)
})

test('retryDelay may be a function of the attempt; what it throws ends the process', async t => {
  const fails = () => {
    throw new Error('no')
  }
  const delays: number[] = []
  await stderrOf(t, async () => {
    const retryDelay = (attempt: number) => {
      delays.push(attempt)
      if (attempt === 3) throw new RangeError('enough')
      return 1
    }
    const started = run(t, fails, { retryFor: [Error], retryDelay })
    await assert.rejects(
      started.wait(),
      (error: ProcessWaitError) => (error.cause as Error).message === 'enough',
    )
  })
  assert.deepEqual(delays, [1, 2, 3])
})

test('a signal is an exception after signalToException, and can be retried as that signal', async t => {
  const target = async (state: State) => {
    signalToException('SIGTERM')
    if (currentProcess().attempt === 2) return 'again'
    await state.set('up', true)
    await state.getWhenAvailable('never')
  }
  const namespace = randomUUID()
  const started = run(t, target, { stateful: true, namespace, retryFor: ['SIGTERM'], retryDelay: 1 })
  const state = new State(address(), { namespace })
  await state.getWhenEqual('up', true)
  const printed = await stderrOf(t, async () => {
    process.kill(started.pid as number, 'SIGTERM')
    assert.equal(await started.wait(), 'again')
  })
  assert.match(printed, /failed: SignalException: received SIGTERM/)
  await state.close()
})

test('a signal that came between two awaits rejects the next one', async t => {
  const target = async (state: State) => {
    signalToException('SIGUSR2')
    const came = new Promise(next => process.once('SIGUSR2', next))
    process.kill(process.pid, 'SIGUSR2')
    await came
    try {
      await state.get('x')
    } catch (error) {
      return [error instanceof SignalException, (error as SignalException).signal, await state.get('x')]
    }
  }
  const started = run(t, target, { stateful: true, namespace: randomUUID() })
  assert.deepEqual(await started.wait(), [true, 'SIGUSR2', undefined])
})

test('a signal that interrupts the waiting for a hold leaves nothing held', async t => {
  // Longer than the test may take: only a release can let the others in.
  const server = await startServer(null, { backend: 'inline', atomicTimeout: 100_000 })
  t.after(() => server.stop())
  const state = new State(server.address)
  t.after(() => state.close())
  await state.set('n', 1)
  let letGo = () => {}
  const holdOn = atomic(async (_: object) => {
    await new Promise<void>(resolve => {
      letGo = resolve
    })
  })
  const held = holdOn(state)
  const target = async (mine: State<{ n: number }>) => {
    signalToException('SIGUSR2')
    const change = atomic(async (draft: { n: number }) => {
      draft.n = 100
    })
    const waiting = change(mine)
    // A read is answered after what was asked before it: the server knows that somebody waits.
    await mine.get('n')
    process.kill(process.pid, 'SIGUSR2')
    const { name } = await waiting.catch(error => error)
    // Alive, as it is, until it is told to end: what it was granted late is not given back by its end.
    process.stdout.write(`${name}\n`)
    await new Promise(() => {})
  }
  const started = new Process(target, server.address, { stdio: 'pipe' })
  t.after(() => started.stop({ killAfter: 100 }))
  const [line] = await once(started.stdout as Readable, 'data')
  assert.equal(String(line), 'SignalException\n')
  letGo()
  await held
  await state.set('n', 2)
  assert.equal(await state.get('n'), 2)
})

test('signalToException takes names of signals that can be handled', () => {
  assert.throws(() => signalToException('SIGKILL'), {
    message: 'signalToException: SIGKILL cannot be handled by any process',
  })
  assert.throws(() => signalToException('TERM' as never), {
    message: "signalToException: the signal must be a name like 'SIGTERM', got 'TERM'",
  })
})

test('a process has the directory, environment and flags that it is given', async t => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'cwd-')))
  t.after(() => rmSync(directory, { recursive: true }))
  const env = { ...process.env, FROM_TEST: 'yes' }
  const seen = () => [process.cwd(), process.env.FROM_TEST, process.execArgv.includes('--no-warnings')]
  const started = run(t, seen, { cwd: directory, env, execArgv: ['--no-warnings'] })
  assert.deepEqual(await started.wait(), [directory, 'yes', true])
})

test('what a process prints is read from its streams, over all attempts', async t => {
  const target = () => {
    process.stdout.write(`out ${currentProcess().attempt}\n`)
    process.stderr.write('err\n')
    if (currentProcess().attempt === 1) throw new Error('once')
  }
  const started = run(t, target, { stdio: 'pipe', retryFor: [Error], retryDelay: 1 })
  assert.ok(started.stdout && started.stderr)
  const streams = Promise.all([text(started.stdout), text(started.stderr)])
  await stderrOf(t, () => started.wait())
  assert.deepEqual(await streams, ['out 1\nout 2\n', 'err\nerr\n'])
})

test('prefix labels each line, whole ones only', async t => {
  const target = () => {
    process.stderr.write('one\ntw')
    process.stderr.write('o\nthree')
  }
  const printed = await stderrOf(t, () => run(t, target, { prefix: true, name: 'ann' }).wait())
  assert.equal(printed, '[ann] one\n[ann] two\n[ann] three\n')
})

test('what was printed before the end is never lost, whatever the end is', async t => {
  const target = (end: string) => {
    for (let i = 0; i < 20_000; i++) console.log(`line ${i} of many, long enough to fill a pipe`)
    if (end === 'exit') process.exit(1)
    if (end === 'kill') process.kill(process.pid, 'SIGKILL')
    if (end === 'throw') throw new Error('end')
  }
  for (const end of ['return', 'exit', 'kill', 'throw']) {
    const started = run(t, target, { args: [end], stdio: 'pipe' })
    assert.ok(started.stdout)
    const [printed] = await Promise.all([text(started.stdout), started.wait().catch(() => {})])
    assert.equal(printed.split('\n').length, 20_001, end)
  }
})

test('a failure that nobody waits for is told on stderr, once', async t => {
  const target = () => {
    throw new RangeError('unheard')
  }
  const printed = await stderrOf(t, async reported => {
    const started = run(t, target, { name: 'lonely' })
    await reported
    await assert.rejects(started.wait())
  })
  assert.match(printed, /^\[lonely\] process 'lonely' \(pid \d+\) failed: RangeError: unheard\n/)
  assert.equal(printed.match(/failed:/g)?.length, 1)
})

test('a failure that somebody waits for is not printed', async t => {
  const target = () => {
    throw new RangeError('heard')
  }
  const printed = await stderrOf(t, () => assert.rejects(run(t, target).wait()))
  assert.equal(printed, '')
})

test('a process that has to be killed takes no other with it', async t => {
  const namespace = randomUUID()
  const state = new State<Record<string, boolean>>(address(), { namespace })
  const deaf = async (its: State<Record<string, boolean>>, name: string) => {
    process.on('SIGTERM', () => {})
    await its.set(name, true)
    return its.getWhenAvailable('end')
  }
  const [one, other] = ['one', 'other'].map(name => run(t, deaf, { stateful: true, namespace, args: [name] }))
  assert.ok(one && other)
  await state.getWhen(it => it.one === true && it.other === true)
  assert.equal(await one.stop({ killAfter: 1 }), -9)
  assert.equal(other.isAlive, true)
  await state.set('end', true)
  assert.deepEqual(await other.wait(), { one: true, other: true, end: true })
  await state.close()
})

test('a stopped process leaves nothing behind', async t => {
  const started = run(t, forever)
  const pid = started.pid as number
  await started.stop()
  assert.deepEqual(await leftAfter([pid], 0), [])
})

test('wrong options are named at the call', () => {
  const wrong = (options: object, name: string, message: string) =>
    assert.throws(() => new Process(() => {}, address(), { ...options, start: false }), {
      name,
      message: `new Process: ${message}`,
    })
  wrong({ args: 5 }, 'TypeError', 'args must be an array, got 5')
  wrong({ stateful: 'no' }, 'TypeError', "stateful must be true or false, got 'no'")
  wrong({ name: '' }, 'TypeError', "name must be a string that is not empty, got ''")
  wrong({ maxRetries: -1 }, 'RangeError', 'maxRetries must be a whole number, 0 or more, or Infinity, got -1')
  wrong(
    { retryDelay: -5 },
    'RangeError',
    'retryDelay must be a number of milliseconds, 0 or more, or a function, got -5',
  )
  wrong({ backend: 'fiber' }, 'TypeError', "backend must be 'process' or 'thread', got 'fiber'")
  wrong({ memoryLimit: 0 }, 'RangeError', 'memoryLimit must be a whole number, 1 or more, got 0')
  wrong({ signal: {} }, 'TypeError', 'signal must be an AbortSignal, got an object')
  wrong(
    { retryFor: ['SIGNOPE'] },
    'TypeError',
    "retryFor must be an array of error classes and names of signals like 'SIGTERM', got 'SIGNOPE' in it",
  )
  wrong(
    { stdio: 'pipe', prefix: true },
    'TypeError',
    "prefix labels what is printed here; it cannot go with stdio: 'pipe'",
  )
  wrong(
    { backend: 'thread', cwd: '/' },
    'TypeError',
    "a thread shares its process's directory; cwd needs backend: 'process'",
  )
  wrong(
    { backend: 'thread', retryFor: ['SIGTERM'] },
    'TypeError',
    "a thread gets no signals; retryFor: ['SIGTERM'] needs backend: 'process'",
  )
  wrong({ passContext: true }, 'TypeError', 'passContext needs ctx.process(…): there is no Context to join')
  assert.throws(() => new Process('f' as never, address()), {
    name: 'TypeError',
    message:
      "new Process: the target must be a function or the URL of a module that exports one as default, got 'f'",
  })
})
