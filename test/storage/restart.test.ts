// A server with a data folder is the same server when it is started again, however it ended. KILLS=n sets how often one is
// killed under load.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AnyState, atomic, Context, type Server, type ServerOptions, State, startServer } from 'zproc'
import { random } from '../history/random.ts'

const KILLS = Number(process.env.KILLS ?? 40)

/** A server that can be ended and started again at its address, with its folder. */
async function lasting(t: TestContext, options: ServerOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'zproc-restart-'))
  const address = `ipc://${join(folder, 'socket')}`
  const data = join(folder, 'data')
  const start = () => startServer(address, { backend: 'inline', data, ...options })
  let server: Server = await start()
  t.after(async () => {
    await server.stop()
    rmSync(folder, { recursive: true })
  })
  return {
    address,
    data,
    get pid() {
      return server.pid
    },
    state: (connectTimeout = 60_000) => {
      const state = new State<AnyState>(address, { connectTimeout })
      t.after(() => state.close())
      return state
    },
    restart: async () => {
      await server.stop()
      server = await start()
    },
    kill: async () => {
      process.kill(server.pid, 'SIGKILL')
      await server.exited
      server = await start()
    },
  }
}

test('a server that is started again has its state, its revisions and its sessions', async t => {
  const home = await lasting(t)
  const [state, other] = [home.state(), home.state()]
  const value = { list: [1, [2], new Map([['k', new Date(0)]])], text: 'ü', big: 2n ** 70n, none: undefined }
  await state.set({ a: 1, value })
  await state.set('mine', 1, { ephemeral: true })
  await atomic((s: AnyState) => s.value.list.push('x'))(state)
  await state.update({ b: 2, c: 3 })
  await state.delete('a')
  const seen: number[] = []
  const loop = (async () => {
    for await (const { n } of other.whenChange('n')) if (seen.push(n) === 3) return
  })()
  await state.set('n', 1)
  const before = await state.copy()
  const raw = state.fork().getRawUpdate()
  await state.fork().set('n', 2)
  const { revision } = await raw
  await home.restart()
  assert.deepEqual(await state.copy(), { ...before, n: 2 })
  assert.deepEqual(await state.keys(), ['value', 'mine', 'b', 'c', 'n'])
  const next = other.fork().getRawUpdate({ timeout: 10_000 })
  await state.set('n', 3)
  assert.equal((await next).revision, revision + 1)
  await loop
  assert.deepEqual(seen, [1, 2, 3])
})

test('ephemeral keys go with their sessions, time to live goes on, when the server is started again', async t => {
  const home = await lasting(t, { graceTime: 400 })
  const [state, leaving] = [home.state(), home.state()]
  await state.set('stays', 1, { ephemeral: true })
  // Longer than it takes to start the server again.
  await state.set('ends', 1, { ttl: 5000 })
  const ctx = new Context<AnyState>(home.address)
  await ctx.process(s => s.set('dead', 1, { ephemeral: true })).wait()
  await ctx
    .process(async s => {
      await s.set('killed', 1, { ephemeral: true })
      process.kill(process.pid, 'SIGKILL')
    })
    .wait()
    .catch(() => {})
  await ctx.close()
  await leaving.close()
  await home.restart()
  assert.equal(await state.get('stays'), 1)
  assert.equal(await state.get('ends'), 1)
  await state.getWhenNone('killed', { timeout: 20_000 })
  await state.getWhenNone('ends', { timeout: 20_000 })
  assert.deepEqual(await state.keys(), ['stays'])
  assert.equal((await state.lease('stays'))?.ephemeral, true)
})

test('a folder has one server at a time', async t => {
  const home = await lasting(t)
  await assert.rejects(startServer(null, { backend: 'inline', data: home.data }), {
    name: 'StorageError',
    code: 'ZPROC_STORAGE',
    message: new RegExp(`is in use by the server of process ${home.pid}:`),
  })
})

for (const durability of ['none', { interval: 50 }] as const)
  test(`with durability ${JSON.stringify(durability)} what was flushed is there after a restart`, async t => {
    const home = await lasting(t, { durability, backend: 'process' })
    const state = home.state()
    for (let n = 1; n <= 50; n++) await state.set('n', n)
    await state.flushed()
    await home.kill()
    assert.equal(await state.get('n'), 50)
  })

test('flushed says that a server without a folder keeps nothing', async t => {
  const server = await startServer(null, { backend: 'inline' })
  const state = new State(server.address)
  t.after(async () => {
    await state.close()
    await server.stop()
  })
  await assert.rejects(state.flushed(), { code: 'ZPROC_STORAGE' })
})

test(`a server that is killed ${KILLS} times under load has done each call once, and watchers see each update once`, async t => {
  const home = await lasting(t, { backend: 'process', graceTime: 60_000 })
  const ctx = new Context<AnyState>(home.address, { connectTimeout: 60_000 })
  t.after(() => ctx.close())
  const counted = home.state()
  await counted.set({ n: 0, stop: false })
  const add = atomic((state: AnyState) => ++state.n)
  // Each keeps ten calls in flight, and gives what they returned.
  const writers = Array.from({ length: 3 }, () =>
    ctx.process(async state => {
      const results: number[] = []
      const view = await state.view()
      while (!view.get('stop'))
        results.push(...((await Promise.all(Array.from({ length: 10 }, () => add(state)))) as number[]))
      return results
    }),
  )
  const watcher = ctx.process(async state => {
    const seen: number[] = []
    for await (const { n, stop } of state.whenChange()) {
      seen.push(n)
      if (stop) return seen
    }
  })
  const choices = random(Number(process.env.SEED ?? 1))
  await counted.getWhen(({ n }) => n > 0, { live: true })
  for (let kill = 0; kill < KILLS; kill++) {
    const before = await counted.get('n')
    await counted.getWhen(({ n }) => n > before, { live: true })
    await sleep(choices.below(20))
    await home.kill()
  }
  await counted.set('stop', true)
  const results = (await Promise.all(writers.map(writer => writer.wait()))).flat().sort((a, b) => a - b)
  const n = (await counted.get('n')) as number
  assert.deepEqual(
    results,
    Array.from({ length: n }, (_, i) => i + 1),
  )
  // Whatever comes behind `stop` is the last calls of the writers.
  const seen = (await watcher.wait()) as number[]
  const steps = seen.filter((value, i) => i === 0 || value !== (seen[i - 1] as number) + 1)
  assert.ok(steps.length <= 2, `the watcher saw ${steps} out of order`)
})
