// callWhen…: the handler runs in a new process, once for each update.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Context, currentProcess, type State } from 'zproc'

interface Room {
  x?: number | null
  y?: number
  seen?: unknown[]
  failed?: boolean
}

let ctx: Context<Room>
before(() => {
  ctx = new Context<Room>({ serverBackend: 'inline', spares: 0 })
})
after(() => ctx.close())

const note = async (
  snapshot: { x?: number | null; y?: number; seen?: readonly unknown[] },
  state: State<Room>,
) => {
  await state.set('seen', [...((await state.get('seen')) ?? []), snapshot.x])
}

/** What a handler has seen after `changes`, all of them made before its process can have started. */
async function seenAfter(
  begin: (ctx: Context<Room>) => { stop(): Promise<unknown> },
  changes: (state: State<Room>) => Promise<unknown>,
  count: number,
): Promise<unknown[] | undefined> {
  await ctx.state.set({ x: 0 })
  const handler = begin(ctx)
  await changes(ctx.state)
  const done = await ctx.state.getWhen(state => state.seen?.length === count)
  await handler.stop()
  return done.seen as unknown[]
}

const count = async (state: State<Room>) => {
  for (const x of [1, 1, 2, null, 3]) await state.set('x', x)
  await state.set('y', 1)
}

test('callWhenChange: each change of the keys, from the call on, its own writes excepted', async () => {
  const seen = await seenAfter(it => it.callWhenChange('x')(note), count, 4)
  assert.deepEqual(seen, [1, 2, null, 3])
})

test('callWhenChange with exclude: each change of other keys', async () => {
  const seen = await seenAfter(it => it.callWhenChange('x', 'seen', { exclude: true })(note), count, 1)
  assert.deepEqual(seen, [3])
})

test('callWhen: each update for which the test holds, the state at the call included', async () => {
  const seen = await seenAfter(it => it.callWhen(state => Number(state.x) < 2)(note), count, 3)
  // By somebody else: the writes of the handler are no reason to call it again.
  assert.deepEqual(seen, [0, 1, null])
})

test('callWhenEqual and callWhenNotEqual compare by value', async () => {
  assert.deepEqual((await seenAfter(it => it.callWhenEqual('x', 2)(note), count, 1))?.[0], 2)
  assert.deepEqual((await seenAfter(it => it.callWhenNotEqual('x', 0)(note), count, 3))?.slice(0, 3), [
    1,
    2,
    null,
  ])
})

test('callWhenNone, callWhenNotNone and callWhenAvailable look at one key', async () => {
  assert.deepEqual((await seenAfter(it => it.callWhenNone('x')(note), count, 1))?.[0], null)
  assert.deepEqual((await seenAfter(it => it.callWhenNotNone('x')(note), count, 3))?.slice(0, 3), [0, 1, 2])
  const late = (state: State<Room>) => state.set('y', 1)
  assert.deepEqual(await seenAfter(it => it.callWhenAvailable('y')(note), late, 1), [0])
})

test('the handler gets args, kwargs and, if asked for, a Context; without a state when it is not stateful', async () => {
  await ctx.state.set({ x: 0 })
  const withContext = ctx.callWhenChange('x', { passContext: true, args: ['a'], kwargs: { b: 1 } })(
    async (snapshot, inner, a, { b }) => {
      await inner.state.set('seen', [snapshot.x, a, b])
    },
  )
  await ctx.state.set('x', 5)
  await ctx.state.getWhenEqual('seen', [5, 'a', 1], { timeout: 30_000 })
  await withContext.stop()

  const stateless = ctx.callWhenChange('x', { stateful: false, args: [3] })((snapshot, three) => {
    throw new RangeError(`${snapshot.x} and ${three}`)
  })
  const failed = assert.rejects(stateless.wait(), /6 and 3/)
  await ctx.state.set('x', 6)
  await failed
})

test('a handler that is retried goes on with the update that it failed at', async t => {
  t.mock.method(process.stderr, 'write', () => true)
  // What it writes goes elsewhere: to a new attempt, the writes of the one before are somebody else's.
  const fragile = async (snapshot: { x?: number | null }, state: State<Room>) => {
    if (snapshot.x === 2 && currentProcess().attempt === 1) process.kill(process.pid, 'SIGKILL')
    const log = state.fork({ namespace: 'log' })
    await log.set('seen', [...((await log.get('seen')) ?? []), snapshot.x])
    await log.close()
    if (snapshot.x === 3 && currentProcess().attempt === 2) setTimeout(() => process.exit(1), 50)
  }
  const retry = { retryFor: ['SIGKILL', Error], retryDelay: 1 } as const
  for (const begin of [
    () => ctx.callWhenChange('x', retry)(fragile),
    () => ctx.callWhen(state => Number(state.x) > 0, retry)(fragile),
  ]) {
    const log = ctx.state.fork({ namespace: 'log' })
    await log.clear()
    await ctx.state.set({ x: 0 })
    const handler = begin()
    for (const x of [1, 2, 3]) await ctx.state.set('x', x)
    await log.getWhenEqual('seen', [1, 2, 3])
    // It ends between two updates; the third attempt has nothing to do but what is new.
    const { pid } = handler
    while (handler.pid === pid) await new Promise(next => setTimeout(next, 10))
    await ctx.state.set('x', 4)
    const { seen } = await log.getWhen(state => state.seen?.length === 4)
    assert.deepEqual(seen, [1, 2, 3, 4])
    await handler.stop()
    await log.close()
  }
})

test('wrong arguments are named at the call', () => {
  assert.throws(() => ctx.callWhenEqual(5 as never, 1 as never), {
    name: 'TypeError',
    message: 'ctx.callWhenEqual: a key must be a string, got 5',
  })
  assert.throws(() => ctx.callWhen(5 as never), {
    name: 'TypeError',
    message: 'ctx.callWhen: the test must be a function of the snapshot, got 5',
  })
  assert.throws(() => ctx.callWhenEqual('x', 1 as never, { own: true }), {
    name: 'TypeError',
    message: /^ctx\.callWhenEqual: own: true is for changes/,
  })
  assert.throws(() => ctx.callWhenChange('x', { timeout: -1 }), {
    name: 'RangeError',
    message: 'ctx.callWhenChange: timeout must be a number of milliseconds, 0 or more, got -1',
  })
})
