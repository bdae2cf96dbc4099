// A server with a data folder is the same server when it is started again, however it ended.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, atomic, Context, State, startServer } from 'zproc'
import { lasting } from './lasting.ts'

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
  // Longer than it takes to start the server again.
  await state.set('ends', 1, { ttl: 5000 })
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
