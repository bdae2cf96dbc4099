// What a target started through node:child_process ends with it, however it ends; what it detached does not.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Context } from 'zproc'
import { program } from '../kit/programs.ts'
import { leftAfter, runs } from '../lifeline/processes.ts'
import { backends, closeServer, openServer, run } from './kit.ts'

before(openServer)
after(closeServer)

/** Starts a shell that starts a program, says their pids, and ends as it is told. */
async function starts(how: string): Promise<void> {
  const { spawn } = await import('node:child_process')
  const { parentPort } = await import('node:worker_threads')
  const say = (message: unknown) => (parentPort ? parentPort.postMessage(message) : process.send?.(message))
  const shell = spawn('/bin/sh', ['-c', 'sleep 300 & echo $!; trap "" TERM; while :; do sleep 300; done'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: how === 'detached',
  })
  const [line] = await new Promise<[Buffer]>(resolve => shell.stdout.once('data', data => resolve([data])))
  say([shell.pid, Number(line)])
  if (how === 'loop') for (;;);
  if (how === 'exit') process.exit(3)
  if (how === 'kill') process.kill(process.pid, 'SIGKILL')
  if (how === 'throw') throw new Error('it fails')
  if (how === 'wait') await new Promise(() => {})
}

for (const backend of backends)
  test(`what a target started is gone when its end is told (${backend})`, async t => {
    for (const how of ['return', 'exit', 'throw', 'kill', 'wait', 'loop']) {
      if (how === 'kill' && backend === 'thread') continue
      const started = run(t, starts, { backend, args: [how] })
      const { value } = await started.messages().next()
      const pids = value as number[]
      assert.equal(pids.length, 2)
      if (how === 'wait' || how === 'loop') {
        assert.deepEqual(pids.map(runs), [true, true])
        await started.stop({ killAfter: 100 })
      } else await started.wait().catch(() => {})
      assert.deepEqual(await leftAfter(pids, 0), [], how)
    }
  })

test('what it detached goes on', async t => {
  const started = run(t, starts, { args: ['detached'] })
  const { value } = await started.messages().next()
  const [shell, inner] = value as [number, number]
  t.after(() => process.kill(-shell, 'SIGKILL'))
  await started.wait()
  assert.deepEqual(await leftAfter([shell, inner], 50), [shell, inner])
})

test('what an item of a map started is gone when the Context is closed', async () => {
  const ctx = new Context({ serverBackend: 'inline', spares: 0 })
  const target = async () => {
    const { spawn } = await import('node:child_process')
    return spawn('sleep', ['300']).pid
  }
  const [pid] = (await ctx.processMap(target, [0], { count: 1 }).toArray()) as [number]
  assert.equal(runs(pid), true)
  await ctx.close()
  assert.deepEqual(await leftAfter([pid], 0), [])
})

test('a program that is killed takes with it what its targets started', async t => {
  const source = `
    import { Context } from 'zproc'
    const ctx = new Context({ stateful: false, spares: 0 })
    const target = async () => {
      const { spawn } = await import('node:child_process')
      process.send(spawn('sleep', ['300']).pid)
      for (;;);
    }
    for await (const pid of ctx.process(target).messages()) console.log(pid)
  `
  const started = program(t, source)
  const pid = Number(await started.line())
  assert.equal(runs(pid), true)
  started.child.kill('SIGKILL')
  assert.deepEqual(await leftAfter([pid], 2000), [])
})
