import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Context, ping, State, startServer } from 'zproc'

/** What a program in JavaScript may call by mistake: the types would not let it. */
type Loose = Record<string, (...args: unknown[]) => unknown>

test('wrong arguments are refused at the call, which they are told by and shown', async t => {
  const ctx = new Context({ serverBackend: 'inline' })
  t.after(() => ctx.close())
  const loose = ctx as unknown as Loose
  const state = ctx.state as unknown as Loose
  const process = ctx.process(() => {}, { start: false }) as unknown as Loose
  const wrong: [what: string, call: () => unknown, message: RegExp][] = [
    [
      'a path as target',
      () => loose.process?.('./target.js'),
      /^ctx\.process: the target must .*'\.\/target\.js'/,
    ],
    ['no target', () => loose.process?.(), /^ctx\.process: the target must .*undefined/],
    ['no object', () => loose.process?.(() => {}, 5), /^ctx\.process: the options must be an object, got 5/],
    [
      'kwargs',
      () => loose.process?.(() => {}, { kwargs: [5] }),
      /kwargs must be an object, got an array of 1/,
    ],
    ['waitAll', () => loose.waitAll?.(5), /^ctx\.waitAll: the options must be an object, got 5/],
    ['safe', () => loose.waitAll?.({ safe: 5 }), /^ctx\.waitAll: safe must be true or false, got 5/],
    ['stop', () => process.stop?.('now'), /^process\.stop: the options must be an object, got 'now'/],
    [
      'timeout',
      () => loose.waitAll?.({ timeout: '5' }),
      /^ctx\.waitAll: timeout must be a number .*, got '5'/,
    ],
    ['fork', () => state.fork?.('other'), /^state\.fork: the options must be an object, got 'other'/],
    ['state.ping', () => state.ping?.(5), /^state\.ping: the options must be an object, got 5/],
    ['State', () => Reflect.construct(State, [ctx.serverAddress, 'x']), /^new State: the options .*'x'/],
    ['State, address', () => Reflect.construct(State, [{}]), /^new State: the address must .*got an object/],
    ['ping', () => Reflect.apply(ping, undefined, [ctx.serverAddress, 5]), /^ping: the options must .*got 5/],
    [
      'startServer',
      () => Reflect.apply(startServer, undefined, [null, 5]),
      /^startServer: the options .*got 5/,
    ],
    [
      'backend',
      () => Reflect.construct(Context, [{ serverBackend: 'x' }]),
      /^new Context: serverBackend .*got 'x'/,
    ],
    [
      'key',
      () => Reflect.construct(Context, [{ secretKey: '' }]),
      /secretKey must be a string that is not empty/,
    ],
  ]
  for (const [what, call, message] of wrong)
    await assert.rejects(async () => call(), { name: 'TypeError', message }, what)
})

test('a directory that is not there is named by the error of startServer', async () => {
  await assert.rejects(startServer('ipc:///no/such/directory/x.sock', { backend: 'inline' }), {
    name: 'ConnectionError',
    message: /there is no directory \/no\/such\/directory/,
  })
})

test('every call that starts something rejects with ClosedError once the Context is closed, as calls of its State do', async () => {
  const ctx = new Context<{ n: number }>({ serverBackend: 'inline' })
  await ctx.close()
  const closed = (call: string) => ({
    name: 'ClosedError',
    code: 'ZPROC_CLOSED',
    message: new RegExp(`^${call}: `),
  })
  const noop = () => {}
  const calls: Record<string, () => unknown> = {
    'ctx.process': () => ctx.process(noop),
    'ctx.processFactory': () => ctx.processFactory(noop),
    'ctx.processMap': () => ctx.processMap((n: number) => n, [1]),
    'ctx.run': () => ctx.run(noop),
    'ctx.callWhenChange': () => ctx.callWhenChange()(noop),
    'ctx.callWhenEqual': () => ctx.callWhenEqual('n', 1)(noop),
  }
  for (const [call, make] of Object.entries(calls)) await assert.rejects(async () => make(), closed(call))
  await assert.rejects(ctx.state.get('n'), { name: 'ClosedError' })
  await assert.rejects(ctx.ping(), { name: 'ClosedError' })
})
