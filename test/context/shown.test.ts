// What `util.inspect` and `console.log` show of zproc's objects: what they are, and no secrets.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { type AnyState, Context, State, startServer } from 'zproc'

const shown = (value: unknown) => inspect(value, { breakLength: Infinity })

test('a Server, State, view, Context and Process show what they are', async t => {
  const secretKey = 'a very much secret key'
  const server = await startServer(null, { backend: 'inline', secretKey })
  t.after(() => server.stop())
  const { address } = server
  assert.equal(shown(server), `Server { address: '${address}', pid: ${process.pid} }`)
  const ctx = new Context<AnyState>(address, { namespace: 'shop', secretKey, spares: 0 })
  t.after(() => ctx.close())
  const { state } = ctx
  await state.set('n', 1)
  assert.equal(shown(state), `State { serverAddress: '${address}', namespace: 'shop' }`)
  const view = await state.view()
  assert.equal(
    shown(view),
    `StateView { serverAddress: '${address}', namespace: 'shop', revision: 1, connected: true }`,
  )
  view.close()
  const fork = state.fork()
  assert.deepEqual(await fork.getWhenAvailable('n'), { n: 1 })
  await fork.close()
  assert.match(shown(fork), /^State \{ serverAddress: '.*', namespace: 'shop', .*isClosed: true \}$/)
  const child = ctx.process(async function bake() {})
  assert.equal(
    shown(child),
    `Process { name: 'bake', pid: ${child.pid}, isAlive: true, namespace: 'shop', serverAddress: '${address}' }`,
  )
  assert.equal(
    shown(ctx),
    `Context { serverAddress: '${address}', namespace: 'shop', processes: 1, workers: 0 }`,
  )
  await child.wait()
  assert.equal(
    shown(child),
    `Process { name: 'bake', pid: ${child.pid}, isAlive: false, exitCode: 0, namespace: 'shop', serverAddress: '${address}' }`,
  )
  assert.equal(inspect({ deep: { ctx } }, { depth: 0 }), '{ deep: [Object] }')
  assert.equal(shown({ deep: { deeper: { deepest: state } } }), '{ deep: { deeper: { deepest: [State] } } }')
})

test('a server of a Context is shown, and passwords in addresses are not', async t => {
  const ctx = new Context({ serverBackend: 'inline', spares: 0 })
  t.after(() => ctx.close())
  assert.equal(shown(ctx.serverProcess), `Server { address: '${ctx.serverAddress}' }`)
  await ctx.ready
  assert.equal(shown(ctx.serverProcess), `Server { address: '${ctx.serverAddress}', pid: ${process.pid} }`)
  assert.match(shown(ctx), new RegExp(`^Context { serverAddress: '.*', serverPid: ${process.pid}, `))
  const state = new State('redis://user:word@127.0.0.1:1/0')
  t.after(() => state.close())
  assert.match(shown(state), /^State \{ serverAddress: 'redis:\/\/\*\*\*@127\.0\.0\.1:1\/0'/)
  assert.doesNotMatch(shown(state), /word/)
})
