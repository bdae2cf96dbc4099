// Every export of the package works inside every kind of target: what a target needs is decided from the target alone, never
// from a path or a word in it. (This file's own path must have the name of no export in it.)
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import * as zproc from 'zproc'
import {
  AtomicTimeoutError,
  AuthenticationError,
  atomic,
  backoff,
  ClosedError,
  ConnectionError,
  Context,
  currentProcess,
  describeServer,
  diagnose,
  itemSignal,
  KeyError,
  MissedUpdatesError,
  Process,
  ProcessExit,
  ProcessWaitError,
  ping,
  RemoteException,
  ShippingError,
  SignalException,
  State,
  StorageError,
  signalToException,
  startServer,
  TimeoutError,
  ValueTooLargeError,
  WorkerCrashError,
  waitForServer,
  ZprocError,
} from 'zproc'
import { joinedWorker } from '../map/hosts.ts'

interface Room {
  n: number
  go?: boolean
  seen?: unknown
}
type Use = (state: State<Room>) => unknown

const count = atomic((state: Room) => ++state.n)
const slow = atomic(async (state: Room) => ++state.n)
const held = { deep: [new Map([['count', atomic((state: Room) => ++state.n)]])] }
const through = (state: State<Room>) => count(state)
const delay = backoff({ base: 8, jitter: 0 })
const errors = {
  AtomicTimeoutError,
  AuthenticationError,
  ClosedError,
  ConnectionError,
  KeyError,
  MissedUpdatesError,
  ProcessExit,
  ProcessWaitError,
  RemoteException,
  ShippingError,
  SignalException,
  StorageError,
  TimeoutError,
  ValueTooLargeError,
  WorkerCrashError,
}

/** What one target does with an export, by the export's name, with `true` as the result. These are in a target each. */
const alone: Record<string, Use> = {
  atomic: async state => (await count(state)) > 0,
  'atomic, async': async state => (await slow(state)) > 0,
  'atomic, in a data structure': async state => (await held.deep[0]?.get('count')?.(state)) !== undefined,
  'atomic, in a function around': async state => (await through(state)) > 0,
}

/** These are in one target together: none of them has an atomic function from around it. */
const together: Record<string, Use> = {
  'atomic, made inside': async state => (await atomic((inner: Room) => ++inner.n)(state)) > 0,
  'atomic, of the namespace': async state => (await zproc.atomic((inner: Room) => ++inner.n)(state)) > 0,
  [Object.keys(errors).join()]: () =>
    Object.entries(errors).every(
      ([name, error]) => error.name === name && error.prototype instanceof ZprocError,
    ),
  ZprocError: () => {
    try {
      throw new KeyError('none')
    } catch (error) {
      return error instanceof ZprocError
    }
  },
  backoff: () => delay(1) === 8 && backoff({ base: 4, jitter: 0 })(2) === 8,
  currentProcess: () => currentProcess().parent !== null && currentProcess().pid === process.pid,
  describeServer: async state => (await describeServer(state.serverAddress)).server.pid > 0,
  diagnose: async state => Array.isArray(diagnose(await describeServer(state.serverAddress))),
  itemSignal: () => itemSignal === zproc.itemSignal,
  ping: async state => typeof (await ping(state.serverAddress)) === 'number',
  waitForServer: async state => typeof (await waitForServer(state.serverAddress)) === 'number',
  State: async state => {
    const other = new State<Room>(state.serverAddress, { namespace: 'other' })
    await other.set('n', 1)
    const found = await other.get('n')
    await other.close()
    return found === 1 && state instanceof State
  },
  Context: async state => {
    const joined = new Context<Room>(state.serverAddress, { spares: 0, namespace: 'another' })
    await joined.state.set('n', 2)
    const found = await joined.state.get('n')
    await joined.close()
    return found === 2
  },
  Process: state => {
    const target: Use = async inner => (await inner.size()) >= 0
    const { serverAddress, namespace } = state
    return new Process(target, serverAddress, { namespace, backend: 'thread' }).wait()
  },
  startServer: async () => {
    const server = await startServer(null, { backend: 'inline' })
    const pid = await ping(server.address)
    await server.stop()
    return pid === process.pid
  },
  signalToException: () => typeof signalToException === 'function',
}

const others: Use = async state => {
  const wrong: string[] = []
  for (const [name, use] of Object.entries(together)) if ((await use(state)) !== true) wrong.push(name)
  return wrong.length === 0 || wrong
}

let ctx: Context<Room>
before(() => {
  ctx = new Context<Room>({ namespace: randomUUID(), serverBackend: 'inline', spares: 0 })
})
after(() => ctx.close())

/** What a handler wrote, of the process that `begin` starts. */
async function seen(begin: () => Process<void>): Promise<unknown> {
  const cursor = ctx.state.fork()
  const handler = begin()
  const { seen } = await cursor.getWhen(state => state.seen !== undefined)
  await handler.stop()
  await cursor.close()
  return seen
}

const kinds: Record<string, (use: Use) => Promise<unknown>> = {
  process: use => ctx.process(use).wait(),
  thread: use => ctx.process(use, { backend: 'thread' }).wait(),
  map: async use => (await ctx.processMap(use as never, null, { ...one }).toArray())[0],
  'shared pool': async use =>
    (await ctx.processMap(use as never, null, { ...one, pool: 'shared' }).toArray())[0],
  handler: use =>
    seen(() =>
      ctx.callWhenEqual(
        'go',
        true,
      )(async (_, state) => {
        await state.set('seen', await use(state as unknown as State<Room>))
      }),
    ),
  // A test gets no State: here it only has the function in it.
  'test of a handler': use =>
    seen(() =>
      ctx.callWhen(state => typeof use === 'function' && state.go)(async (_, state) => {
        await state.set('seen', true)
      }),
    ),
}
const one = { stateful: true, count: 1, mapArgs: [[]] }

test('each export of the package is in the table', () => {
  const used = new Set(Object.keys({ ...alone, ...together }).flatMap(use => use.split(',')))
  assert.deepEqual(
    Object.keys(zproc).filter(name => !used.has(name)),
    [],
  )
})

for (const [kind, run] of Object.entries(kinds))
  test(`each export works in a target of the kind: ${kind}`, async t => {
    if (kind === 'shared pool')
      await joinedWorker(t, ctx.serverAddress, '--namespace', ctx.namespace, '--count', '1')
    for (const [name, use] of [...Object.entries(alone), ['the others', others] as const]) {
      await ctx.state.set({ n: 0, go: true })
      const result = await run(use).catch((error: Error) => `${error.name}: ${error.message}`)
      assert.equal(result, true, `${name}: ${String(result)}`)
    }
  })
