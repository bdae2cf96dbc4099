// What holds for every process, whether it is one or a thread.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import {
  atomic,
  currentProcess,
  Process,
  ProcessExit,
  ProcessWaitError,
  RemoteException,
  State,
  TimeoutError,
} from 'zproc'
import { address, closeServer, onBoth, openServer, run, stderrOf } from './kit.ts'

before(openServer)
after(closeServer)

onBoth('the target gets a State, its args and its kwargs last', async (t, backend) => {
  const namespace = randomUUID()
  const target = async (state: State<{ sum: number }>, a: number, b: number, { c }: { c: number }) => {
    await state.set('sum', a + b + c)
    return [a, b, { c }]
  }
  const started = run(t, target, { backend, namespace, stateful: true, args: [1, 2], kwargs: { c: 3 } })
  assert.deepEqual(await started.wait(), [1, 2, { c: 3 }])
  const state = new State<{ sum: number }>(address(), { namespace })
  assert.equal(await state.get('sum'), 6)
  await state.close()
})

onBoth('writes that the target did not await are made before it ends', async (t, backend) => {
  const namespace = randomUUID()
  const target = (state: State<{ n: number }>) => {
    for (let n = 1; n <= 100; n++) void state.set('n', n)
  }
  await run(t, target, { backend, namespace, stateful: true }).wait()
  const state = new State<{ n: number }>(address(), { namespace })
  assert.equal(await state.get('n'), 100)
  await state.close()
})

onBoth('a target may use atomic functions from around it', async (t, backend) => {
  const namespace = randomUUID()
  const increment = atomic((state: { n?: number }, by: number) => {
    state.n = (state.n ?? 0) + by
    return state.n
  })
  const target = async (state: State<{ n?: number }>) => [
    await increment(state, 2),
    await increment(state, 3),
  ]
  assert.deepEqual(await run(t, target, { backend, namespace, stateful: true }).wait(), [2, 5])
})

onBoth('a module is run by its URL: the default export', async (t, backend) => {
  const started = run<unknown>(t, new URL('./fixtures/default-export.ts', import.meta.url), {
    backend,
    stateful: true,
    namespace: randomUUID(),
    args: [21],
  })
  assert.equal(started.name, 'default-export.ts')
  assert.equal(await started.wait(), 42)
})

onBoth('a process has a name, a pid, a target and an exit code', async (t, backend) => {
  function baker() {
    return currentProcess().name
  }
  const started = run(t, baker, { backend, namespace: 'kitchen' })
  assert.equal(started.name, 'baker')
  assert.equal(started.target, baker)
  assert.equal(started.namespace, 'kitchen')
  assert.equal(started.serverAddress, address())
  assert.equal(typeof started.pid, 'number')
  assert.equal(started.isAlive, true)
  assert.equal(started.exitCode, null)
  assert.equal(await started.wait(), 'baker')
  assert.equal(started.isAlive, false)
  assert.equal(started.exitCode, 0)
  assert.equal(await run(t, baker, { backend, name: 'ann' }).wait(), 'ann')
  assert.equal(await run(t, () => currentProcess().name, { backend }).wait(), 'anonymous')
})

onBoth('values of every kind come back as they are', async (t, backend) => {
  const values = [
    undefined,
    null,
    -0,
    Number.NaN,
    10n ** 30n,
    new Map([[{ a: 1 }, new Set([1])]]),
    new Date(5),
  ]
  const echo = (...given: unknown[]) => given
  assert.deepEqual(await run(t, echo, { backend, args: values }).wait(), values)
})

onBoth(
  'a value of 100 MB arrives whole, wherever it is waited for, though the process ends at once',
  async (t, backend) => {
    const started = run(t, () => new Uint8Array(100e6).fill(7), { backend, start: false })
    const before = [started.wait(), started.wait()]
    await assert.rejects(started.wait({ timeout: 1 }), TimeoutError)
    started.start()
    await assert.rejects(started.wait({ timeout: 1 }), TimeoutError)
    for (const value of [
      ...(await Promise.all(before)),
      await started.wait(),
      await started.wait({ timeout: 1 }),
    ]) {
      assert.equal(value.length, 100e6)
      assert.equal(value[99_999_999], 7)
    }
  },
)

onBoth('what is no data is refused at the call, with its path', async (_, backend) => {
  const make = (options: object) => () => new Process(() => {}, address(), { backend, ...options })
  assert.throws(make({ args: [1, { a: [() => {}] }] }), {
    name: 'TypeError',
    message: 'new Process: args[1].a[0] is a function',
  })
  assert.throws(make({ kwargs: { b: Symbol('s') } }), {
    name: 'TypeError',
    message: 'new Process: kwargs.b is a symbol',
  })
})

onBoth('a result that is no data fails the process, with its path', async (t, backend) => {
  const started = run(t, () => ({ later: new Promise(() => {}) }), { backend, name: 'promiser' })
  const error = await failure(started)
  assert.equal((error.cause as Error).message, "process 'promiser': the value it returned.later is a Promise")
})

onBoth('a failure rejects with the error as it was thrown', async (t, backend) => {
  const target = () => {
    const thrown = new RangeError('too many', { cause: new Error('deeper') })
    throw Object.assign(thrown, { limit: 7 })
  }
  const started = run(t, target, { backend, name: 'thrower' })
  const error = await failure(started)
  assert.equal(error.exitCode, 1)
  assert.equal(error.process, started)
  assert.equal(error.message, `process 'thrower' (pid ${started.pid}) failed: RangeError: too many`)
  const cause = error.cause as RangeError & { limit: number }
  assert.ok(cause instanceof RangeError)
  assert.equal(cause.limit, 7)
  assert.equal((cause.cause as Error).message, 'deeper')
  assert.match(cause.stack ?? '', /contract\.test\.ts/)
  assert.deepEqual(error.causes, [cause])
})

onBoth('unhandled rejections and exceptions out of turn fail the process', async (t, backend) => {
  const rejects = () => {
    void Promise.reject(new SyntaxError('unhandled'))
    return new Promise(() => {})
  }
  const throws = () => {
    setTimeout(() => {
      throw new TypeError('out of turn')
    })
    return new Promise(() => {})
  }
  assert.equal(((await failure(run(t, rejects, { backend }))).cause as Error).name, 'SyntaxError')
  const error = await failure(run(t, throws, { backend }))
  assert.equal((error.cause as Error).message, 'out of turn')
  assert.equal(error.exitCode, 1)
})

onBoth('a target that listens for uncaught exceptions itself goes on', async (t, backend) => {
  const target = () =>
    new Promise(resolve => {
      process.on('uncaughtException', error => resolve(error.message))
      setTimeout(() => {
        throw new Error('mine')
      })
    })
  assert.equal(await run(t, target, { backend }).wait(), 'mine')
})

onBoth('a returned RemoteException rejects with the error in it', async (t, backend) => {
  const started = run(t, () => new RemoteException(new TypeError('as a value')), { backend })
  await assert.rejects(started.wait(), { name: 'TypeError', message: 'as a value' })
  assert.equal(started.exitCode, 0)
})

onBoth('ProcessExit ends the process with its status', async (t, backend) => {
  const exits = (status: number) => {
    throw new ProcessExit(status)
  }
  const started = run(t, exits, { backend, args: [7] })
  assert.equal((await failure(started)).exitCode, 7)
  assert.equal(started.exitCode, 7)
  assert.equal(await run(t, exits, { backend, args: [0] }).wait(), undefined)
})

onBoth('process.exit ends the process with its status', async (t, backend) => {
  const started = run(t, (status: number) => process.exit(status), { backend, args: [9], name: 'quitter' })
  const error = await failure(started)
  assert.equal(error.exitCode, 9)
  assert.match(error.message, /^process 'quitter' \(pid \d+\) ended with exit code 9$/)
  assert.equal(await run(t, () => process.exit(0), { backend }).wait(), undefined)
})

onBoth('wait works from many places, before the start and after the end', async (t, backend) => {
  const started = run(t, () => 5, { backend, start: false })
  const early = [started.wait(), started.wait()]
  assert.equal(started.isAlive, false)
  assert.equal(started.pid, undefined)
  assert.equal(typeof started.start(), 'number')
  assert.deepEqual(await Promise.all([...early, started.wait()]), [5, 5, 5])
  assert.equal(await started.wait(), 5)
})

onBoth('wait gives up after its timeout, and a later one still works', async (t, backend) => {
  const slow = () => new Promise(resolve => setTimeout(resolve, 400, 'late'))
  const started = run(t, slow, { backend, name: 'slow' })
  await assert.rejects(started.wait({ timeout: 10 }), error => {
    assert.ok(error instanceof TimeoutError)
    assert.equal(error.message, "process.wait: 'slow' has not ended within 10 ms")
    return true
  })
  assert.equal(await started.wait(), 'late')
})

onBoth('a process is started once', async (t, backend) => {
  const started = run(t, () => {}, { backend, name: 'once' })
  const again = "process.start: 'once' was started already; make a new Process to run the target again"
  assert.throws(() => started.start(), { message: again })
  await started.wait()
  assert.throws(() => started.start(), { message: again.replace('was started', 'has ended') })
})

onBoth('stop ends a process that waits for nothing', async (t, backend) => {
  const started = run(t, () => new Promise(() => {}), { backend })
  assert.equal(await started.stop(), -15)
  assert.equal(started.exitCode, -15)
  assert.equal((await failure(started)).exitCode, -15)
  assert.equal(await started.stop(), -15)
})

onBoth('stop ends a process that is caught in a loop', async (t, backend) => {
  const started = run(
    t,
    () => {
      for (;;);
    },
    { backend },
  )
  assert.equal(await started.stop({ killAfter: 200 }), -15)
})

onBoth('a process that was stopped before its start never starts', async (t, backend) => {
  const started = run(t, () => {}, { backend, start: false, name: 'never' })
  assert.equal(await started.stop(), null)
  assert.match((await failure(started)).message, /^process 'never' was stopped before it was started$/)
  assert.throws(() => started.start())
})

onBoth('an AbortSignal stops the process', async (t, backend) => {
  const controller = new AbortController()
  const started = run(t, () => new Promise(() => {}), { backend, signal: controller.signal })
  controller.abort()
  assert.equal((await failure(started)).exitCode, -15)
  const late = run(t, () => {}, { backend, signal: controller.signal })
  assert.equal(late.isAlive, false)
})

onBoth('a target that reads its signal ends by itself when it is asked to', async (t, backend) => {
  const target = async (state: State<{ up: boolean }>) => {
    const { signal } = currentProcess()
    const asked = new Promise(resolve => signal.addEventListener('abort', () => resolve('tidied up')))
    await state.set('up', true)
    return asked
  }
  const namespace = randomUUID()
  const started = run(t, target, { backend, namespace, stateful: true })
  const state = new State<{ up: boolean }>(address(), { namespace })
  await state.getWhenEqual('up', true)
  assert.equal(await started.stop(), 0)
  assert.equal(await started.wait(), 'tidied up')
  await state.close()
})

onBoth('a target that is asked to end and does not is killed', async (t, backend) => {
  const target = async (state: State<{ up: boolean }>) => {
    void currentProcess().signal
    await state.set('up', true)
    await new Promise(() => {})
  }
  const namespace = randomUUID()
  const started = run(t, target, { backend, namespace, stateful: true })
  const state = new State<{ up: boolean }>(address(), { namespace })
  await state.getWhenEqual('up', true)
  assert.equal(await started.stop({ killAfter: 50 }), -9)
  await state.close()
})

onBoth('a target knows its name, attempt and parent', async (t, backend) => {
  const target = () => {
    const { name, pid, attempt, parent } = currentProcess()
    return { name, pid, attempt, parent, own: process.pid }
  }
  const started = run(t, target, { backend, name: 'me' })
  const { pid } = started
  const parent = { name: 'main', pid: process.pid }
  assert.deepEqual(await started.wait(), { name: 'me', pid, attempt: 1, parent, own: pid })
  assert.equal(currentProcess().parent, null)
  assert.equal(currentProcess().name, 'main')
})

onBoth('a failure is retried, in a fresh child, with other arguments', async (t, backend) => {
  const target = (n: number, { ok }: { ok: boolean }) => {
    const { attempt } = currentProcess()
    if (!ok || attempt < 3) throw new RangeError(`attempt ${attempt} with ${n}`)
    return [attempt, n]
  }
  const started = run(t, target, {
    backend,
    name: 'tries',
    args: [1],
    kwargs: { ok: false },
    retryFor: [RangeError],
    retryDelay: 5,
    retryArgs: [2],
    retryKwargs: { ok: true },
  })
  const printed = await stderrOf(t, async () => assert.deepEqual(await started.wait(), [3, 2]))
  assert.match(
    printed,
    /^\[tries\] process 'tries' \(pid \d+\), attempt 1, failed: RangeError: attempt 1 with 1\n/,
  )
  assert.match(printed, /attempt 1 with 1\n\[tries\] {5}at .*contract\.test\.ts/)
  assert.match(printed, /\[tries\] next attempt in 5 ms\n/)
  assert.match(printed, /attempt 2, failed: RangeError: attempt 2 with 2/)
})

onBoth('after the last attempt every cause is told', async (t, backend) => {
  const target = () => {
    throw new Error(`attempt ${currentProcess().attempt}`)
  }
  const started = run(t, target, { backend, retryFor: [Error], retryDelay: 1, maxRetries: 2 })
  await stderrOf(t, async () => {
    const error = await failure(started)
    assert.deepEqual(
      error.causes.map(cause => (cause as Error).message),
      ['attempt 1', 'attempt 2', 'attempt 3'],
    )
    assert.equal(error.cause, error.causes[2])
  })
})

test('a thread has the name of its process, where Node shows the names of threads', async t => {
  const shown = async () => {
    const threads: object = await import('node:worker_threads')
    return 'threadName' in threads ? threads.threadName : 'zproc orders'
  }
  assert.equal(await run(t, shown, { backend: 'thread', name: 'orders' }).wait(), 'zproc orders')
})

onBoth('the heap has the limit that it is given', async (t, backend) => {
  const eater = () => {
    const eaten: string[][] = []
    for (;;) eaten.push(Array.from({ length: 1000 }, (_, i) => `${i} ${eaten.length}`))
  }
  const started = run(t, eater, { backend, memoryLimit: 30, name: 'eater', stdio: 'pipe' })
  const error = await failure(started)
  assert.match(error.message, /^process 'eater' \(pid \d+\) ran out of memory \(memoryLimit: 30 MB\)$/)
})

async function failure(started: Process): Promise<ProcessWaitError> {
  try {
    await started.wait()
  } catch (error) {
    assert.ok(error instanceof ProcessWaitError, String(error))
    return error
  }
  assert.fail('the process did not fail')
}
