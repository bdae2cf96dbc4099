// What a target sends is the user's and reaches p.messages(); what p.send() gives reaches the target. Neither is ever taken for
// what zproc says itself.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Context, currentProcess, startServer } from 'zproc'
import { closeServer, onBoth, openServer, run, stderrOf } from './kit.ts'

before(openServer)
after(closeServer)

onBoth('messages go both ways, and end with the process', async (t, backend) => {
  const target = async () => {
    const { parentPort } = await import('node:worker_threads')
    const port = parentPort ?? process
    const say = (message: unknown) => (parentPort ? parentPort.postMessage(message) : process.send?.(message))
    return new Promise(resolve => {
      port.on('message', (message: unknown) => {
        say({ heard: message })
        if (message === 'end') resolve('value')
      })
      for (const message of ['ready', null, { kind: 'returned', value: 1 }, new Map([[1, 2n]])]) say(message)
    })
  }
  const started = run(t, target, { backend })
  const heard: unknown[] = []
  for await (const message of started.messages()) {
    heard.push(message)
    if (heard.length === 4) assert.deepEqual([started.send({ a: 1 }), started.send('end')], [true, true])
  }
  const said = ['ready', null, { kind: 'returned', value: 1 }, new Map([[1, 2n]])]
  assert.deepEqual(heard, [...said, { heard: { a: 1 } }, { heard: 'end' }])
  assert.equal(await started.wait(), 'value')
  assert.equal(started.send('late'), false)
  assert.deepEqual(await started.messages().next(), { done: true, value: undefined })
})

onBoth('messages are those of all attempts, and a failure after one is retried', async (t, backend) => {
  const target = async () => {
    const { parentPort } = await import('node:worker_threads')
    const { attempt } = currentProcess()
    parentPort ? parentPort.postMessage(attempt) : process.send?.(attempt)
    if (attempt < 3) throw new RangeError(`attempt ${attempt}`)
    return attempt
  }
  await stderrOf(t, async () => {
    const started = run(t, target, { backend, retryFor: [RangeError], retryDelay: 1 })
    const heard: unknown[] = []
    for await (const message of started.messages()) heard.push(message)
    assert.deepEqual(heard, [1, 2, 3])
    assert.equal(await started.wait(), 3)
  })
})

onBoth('a message that cannot be copied is an error of the call that sends it', async (t, backend) => {
  const started = run(t, () => new Promise(() => {}), { backend })
  assert.throws(() => started.send(() => {}), /could not be cloned/)
})

test('a target that disconnects, or whose messages nobody reads, keeps its value', async t => {
  const target = async (code: string) => {
    process.send?.('x'.repeat(300_000))
    process.disconnect()
    const failed = await new Promise<unknown>(resolve =>
      process.send?.('late', undefined, undefined, resolve),
    )
    return [code, process.connected, (failed as NodeJS.ErrnoException).code]
  }
  const started = run(t, target, { args: [randomUUID()] })
  assert.deepEqual((await started.wait()).slice(1), [false, 'ERR_IPC_CHANNEL_CLOSED'])
})

test('a target that writes into the file of the line fails, and nothing else does', async t => {
  const target = async () => {
    const { writeSync } = await import('node:fs')
    writeSync(3, Buffer.alloc(64, 7))
    await new Promise(() => {})
  }
  const started = run(t, target)
  await assert.rejects(started.wait(), /it wrote into file 3, which belongs to zproc/)
})

test('what node --watch asks children to report is no answer of a process, and of no server', async t => {
  const before = process.env.WATCH_REPORT_DEPENDENCIES
  process.env.WATCH_REPORT_DEPENDENCIES = '1'
  t.after(() => {
    if (before === undefined) delete process.env.WATCH_REPORT_DEPENDENCIES
    else process.env.WATCH_REPORT_DEPENDENCIES = before
  })
  const server = await startServer()
  const ctx = new Context(server.address, { spares: 0 })
  await ctx.state.set('n', 1)
  assert.equal(await ctx.process(state => state.get('n')).wait(), 1)
  await ctx.close()
  await server.stop()
})
