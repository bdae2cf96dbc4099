import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnyState, atomic, Process, type State } from 'zproc'
import { program } from '../kit/programs.ts'
import { contract, room } from '../kit/servers.ts'
import { take } from '../kit/watching.ts'

const begin = `import { atomic, State } from 'zproc'
const [address, namespace, secretKey] = process.argv.slice(2)
const state = new State(address!, { namespace: namespace!, secretKey })
`

contract('ephemeral keys', room => {
  test('ephemeral keys go with the process that set them, in one commit', async t => {
    const soon = await room.set(t, { graceTime: 300 })
    const state = soon.state<AnyState>(t)
    await state.set('kept', 0)
    const run = program(
      t,
      `${begin}
      await state.set('a', 1, { ephemeral: true })
      await state.fork().set('b', { deep: [2] }, { ephemeral: true })
      await state.set('kept', 1, { ephemeral: false })
      await state.set('ready', process.pid, { ephemeral: true })
      setInterval(() => {}, 1000)`,
      [state.serverAddress, state.namespace, ...(soon.secretKey ? [soon.secretKey] : [])],
    )
    await state.getWhenAvailable('ready')
    const updates = state.rawUpdates()
    run.child.kill('SIGKILL')
    const [{ before, after, by, identical } = assert.fail()] = await take(updates, 1)
    assert.deepEqual(before, { kept: 1, a: 1, b: { deep: [2] }, ready: run.pid })
    assert.deepEqual([after, by.method, by.pid, identical], [{ kept: 1 }, 'expire', run.pid, false])
    assert.deepEqual(await state.copy(), { kept: 1 })
    await updates.return?.()
  })

  test('a key that is put anew is ephemeral no more; one that an atomic function changes still is', async t => {
    const [state, other] = await room.pair(t)
    const keys = ['set', 'update', 'atomic', 'nested', 'deleted', 'untouched', 'own']
    for (const key of keys) await other.set(key, 1, { ephemeral: true })
    await other.set('own', 2)
    await state.set('set', 1)
    await state.update({ update: 2 })
    await other.set('nested', { list: [1] }, { ephemeral: true })
    await atomic((s: AnyState) => {
      s.atomic += 1
      s.nested.list.push(2)
    })(state)
    await state.delete('deleted')
    await state.set('deleted', 'again')
    await other.close()
    for await (const { by } of state.rawUpdates()) if (by.method === 'expire') break
    assert.deepEqual(await state.copy(), { set: 1, update: 2, deleted: 'again', own: 2 })
  })

  test('a state that is replaced or cleared holds nothing ephemeral', async t => {
    const [state, other] = await room.pair(t)
    await other.set('a', 1, { ephemeral: true })
    await state.clear()
    await state.set('a', 2)
    await other.set('b', 1, { ephemeral: true })
    await state.set({ a: 3, b: 3 })
    await other.set('c', 1, { ephemeral: true })
    await other.close()
    for await (const { by } of state.rawUpdates()) if (by.method === 'expire') break
    assert.deepEqual(await state.copy(), { a: 3, b: 3 })
  })

  test('ephemeral keys stay while their process has a State, and go when the last is closed', async t => {
    const [state, other] = await room.pair(t)
    const second = state.fork()
    await state.set('a', 1, { ephemeral: true })
    await state.close()
    assert.equal(await other.get('a'), 1)
    await second.close()
    assert.deepEqual(await other.getWhen(s => !('a' in s)), {})
    await assert.rejects(other.set('x', 1, { ephemeral: 'yes' as never }), {
      name: 'TypeError',
      message: /'yes'/,
    })
    await assert.rejects(other.set('x', 1, 5 as never), { name: 'TypeError', message: /5/ })
  })
})

test('ephemeral keys go with the thread that set them, though its process lives on', {
  skip: process.platform !== 'linux' && 'threads have no ids of their own there: they go with the grace time',
}, async t => {
  const own = await room(t, { graceTime: 60_000 })
  const state = own.state<AnyState>(t)
  const target = async (mine: State<AnyState>) => {
    await mine.set('a', 1, { ephemeral: true })
    await new Promise(() => {})
  }
  const { serverAddress, namespace } = state
  const thread = new Process(target, serverAddress, { backend: 'thread', namespace })
  await state.getWhenAvailable('a')
  const gone = state.getWhen(all => !('a' in all))
  await thread.stop()
  await gone
})

test('ephemeral keys that wait for a hold come neither late nor for ever', async t => {
  const own = await room(t, { atomicTimeout: 20_000 })
  const [state, other] = await own.pair(t)
  let release = () => {}
  const holding = atomic(async (s: AnyState) => {
    s.held = true
    await new Promise<void>(resolve => {
      release = resolve
    })
  })
  const held = holding(other)
  await other.ping()
  const run = program(
    t,
    `${begin}
    await state.size()
    state.set('late', 1, { ephemeral: true })
    await state.ping()
    console.log('waiting')
    setInterval(() => {}, 1000)`,
    [state.serverAddress, state.namespace],
  )
  assert.equal(await run.line(), 'waiting')
  run.child.kill('SIGKILL')
  await run.ended()
  release()
  await held
  // It comes when the namespace is free, and goes at once or a moment later.
  for await (const { by } of state.rawUpdates()) if (by.method === 'expire') break
  assert.deepEqual(await other.copy(), { held: true })
})

test('holds, watchers and what they were to be sent go with a client that is killed', async t => {
  const own = await room(t, { atomicTimeout: 60_000 })
  const state = own.state<AnyState>(t)
  await state.set('text', '')
  const run = program(
    t,
    `${begin}
    const loop = state.whenChange('text')
    await loop.next()
    // What comes now it does not look at.
    atomic(async () => {
      console.log('ready')
      await new Promise(() => {})
    })(state)
    setInterval(() => {}, 1000)`,
    [state.serverAddress, state.namespace],
  )
  const view = await state.view()
  const ready = run.line().then(() => true)
  while (!(await Promise.race([ready, state.set('text', Math.random()).then(() => false)])));
  const write = state.set('text', 'after the hold')
  run.child.kill('SIGKILL')
  await write
  assert.equal(view.get('text'), 'after the hold')
})
