import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { atomic, State, startServer } from 'zproc'
import { deferred } from '../../src/async/deferred.ts'
import { program } from '../kit/programs.ts'
import { impostor } from '../kit/raw.ts'
import { runs } from '../lifeline/processes.ts'

const begin = `import { atomic, ping, State, startServer } from 'zproc'
const address = process.argv[2]!
`

test('a program with idle States, views and past watchers ends by itself', async t => {
  const server = await startServer(null, { backend: 'inline' })
  t.after(() => server.stop())
  const run = program(
    t,
    `${begin}
    const unused = new State(address)
    const state = new State(address)
    await state.set('x', 1)
    const view = await state.view()
    await state.getWhenEqual('x', 1)
    await state.getWhenEqual('x', 1, { live: true })
    await state.getWhenChange({ timeout: 1 }).catch(() => {})
    for await (const _ of state.whenAvailable('x')) break
    state.goLive()
    await ping(address)
    console.log(view.get('x'))`,
    [server.address],
  )
  const { code, stdout, stderr } = await run.ended()
  assert.deepEqual([code, stdout, stderr], [0, '1\n', ''])
})

for (const [what, wait] of [
  ['a one-shot watcher', `await state.getWhenEqual('go', true)`],
  ['a live watcher', `await state.getWhenEqual('go', true, { live: true })`],
  ['a loop', `for await (const _ of state.whenChange('go')) break`],
  ['a watcher of a State that was never used', `await new State(address).getWhenChange('go')`],
] as const) {
  test(`${what} that is awaited keeps its program alive`, async t => {
    const server = await startServer(null, { backend: 'inline' })
    t.after(() => server.stop())
    const run = program(
      t,
      `${begin}
      const state = new State(address)
      await state.set('ready', true)
      const waiting = (async () => { ${wait} })()
      await state.size()
      console.log('waiting')
      await waiting
      console.log('done')`,
      [server.address],
    )
    assert.equal(await run.line(), 'waiting')
    // Long enough for a program that has nothing to wait for to end.
    const early = await Promise.race([run.ended(), delay(150)])
    assert.equal(early, undefined)
    const state = new State(server.address)
    t.after(() => state.close())
    await state.set('go', true)
    const { code, stdout } = await run.ended()
    assert.deepEqual([code, stdout], [0, 'waiting\ndone\n'])
  })
}

test("a server of its own, closed or unref'd, lets a program end and leaves nothing behind", async t => {
  for (const backend of ['process', 'thread', 'inline'] as const) {
    for (const end of ['await server.stop()', 'server.unref()']) {
      const run = program(
        t,
        `import { existsSync } from 'node:fs'
        ${begin}
        const server = await startServer(null, { backend: '${backend}' })
        const state = new State(server.address)
        await state.set('x', 1)
        console.log(server.pid, server.address.slice(6), existsSync(server.address.slice(6)))
        ${end}`,
      )
      const { code, stdout, stderr } = await run.ended()
      const [pid = '', path = '', existed] = stdout.trim().split(' ')
      assert.deepEqual([code, existed, stderr], [0, 'true', ''], `${backend}, ${end}`)
      assert.equal(await goes(Number(pid), path), true, `${backend}, ${end}: left something behind`)
    }
  }
})

async function goes(pid: number, path: string): Promise<boolean> {
  for (let i = 0; i < 300; i++) {
    if (!runs(pid) && !existsSync(path)) return true
    await delay(10)
  }
  return false
}

test('a client that is killed while it holds a namespace holds it no longer', async t => {
  const server = await startServer(null, { backend: 'inline', atomicTimeout: 60_000 })
  t.after(() => server.stop())
  const run = program(
    t,
    `${begin}
    const state = new State(address)
    await atomic(async (s: Record<string, unknown>) => {
      s.x = 1
      console.log('held')
      await new Promise(resolve => setTimeout(resolve, 60_000))
    })(state)`,
    [server.address],
  )
  assert.equal(await run.line(), 'held')
  const state = new State(server.address)
  t.after(() => state.close())
  const write = state.set('y', 1)
  assert.equal(await Promise.race([write, state.ping()]), server.pid)
  run.child.kill('SIGKILL')
  await write
  assert.deepEqual(await state.copy(), { y: 1 })
})

test('kill -9 of the server rejects everything that waits for it', async t => {
  const server = await startServer()
  t.after(() => server.stop())
  const state = new State(server.address)
  await state.set('x', 1)
  const view = await state.view()
  const changes = view.changes()
  const held = deferred<void>()
  const holding = atomic(async () => {
    held.resolve()
    await new Promise(() => {})
  })
  const waiting: Promise<unknown>[] = [
    state.getWhenChange(),
    state.getWhenEqual('x', 2, { live: true }),
    state.whenChange().next(),
    state.rawUpdates({ live: true }).next(),
    holding(state),
  ]
  await held.promise
  waiting.push(state.set('y', 1))
  const rejected = Promise.all(waiting.map(one => assert.rejects(one, { name: 'ConnectionError' })))
  process.kill(server.pid, 'SIGKILL')
  await rejected
  assert.equal(view.connected, false)
  const gone = { name: 'ConnectionError', message: new RegExp(server.address) }
  assert.throws(() => view.get('x'), gone)
  assert.throws(() => view.snapshot, gone)
  await assert.rejects(changes.next(), gone)
  await assert.rejects(state.get('x'), { name: 'ConnectionError', message: new RegExp(server.address) })
  await assert.rejects(state.getWhenChange(), { name: 'ConnectionError' })
  await state.close()
  // The address is free again, though nobody could tidy up.
  const again = await startServer(server.address, { backend: 'inline' })
  const fresh = new State(again.address)
  assert.equal(await fresh.size(), 0)
  await fresh.close()
  await again.stop()
})

test('a ping that nobody answered in time does not keep its program alive', async t => {
  // It takes the connection and says nothing.
  const address = await impostor(t, () => {})
  const run = program(
    t,
    `import { ping } from 'zproc'
    await ping(process.argv[2]!, { timeout: 50 }).catch(error => console.log(error.name))`,
    [address],
  )
  assert.equal(await run.line(), 'TimeoutError')
  const began = performance.now()
  assert.equal((await run.ended()).code, 0)
  // To give up connecting would take ten seconds.
  assert.ok(performance.now() - began < 5000)
})
