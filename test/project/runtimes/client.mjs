// A client of the server at the address that it is given: what it saw, as one JSON object. See runtimes.test.ts.
import { atomic, Context, ping, State } from 'zproc'

const address = process.argv[2]
const state = new State(address)
const other = new State(address)
const saw = {}
const step = async (name, run) => {
  saw[name] = await run().catch(error => `${error.name}: ${error.message.replace(address, 'it')}`)
}
const text = value => JSON.stringify(value, (_, it) => (typeof it === 'bigint' ? `${it}n` : it))

await step('ping', async () => typeof (await ping(address)))
await step('values', async () => {
  const shared = { deep: [1, undefined, null] }
  const cyclic = { shared, again: shared }
  cyclic.self = cyclic
  const values = {
    n: [Number.NaN, -0, Number.POSITIVE_INFINITY],
    i: 2n ** 70n,
    d: new Date(5),
    r: /a+/gi,
    cyclic,
  }
  const sets = { m: new Map([[{ k: 1 }, new Set([1])]]), b: Buffer.from('bytes'), f: new Float64Array([1.5]) }
  const error = new RangeError('failed', { cause: new Error('inner') })
  await state.set('values', { ...values, ...sets, error, buffer: new ArrayBuffer(3) })
  const got = await state.get('values')
  return [
    got.n.map(n => (Object.is(n, -0) ? '-0' : String(n))),
    text([got.i, got.d, got.f, got.buffer.byteLength]),
    String(got.r),
    got.cyclic.self === got.cyclic && got.cyclic.shared === got.cyclic.again && 1 in got.cyclic.shared.deep,
    text([...got.m].map(([key, set]) => [key, [...set]])),
    Buffer.isBuffer(got.b) && got.b.toString(),
    [got.error instanceof RangeError, got.error.message, got.error.cause.message, typeof got.error.stack],
  ]
})
await step('dictionary', async () => {
  const own = state.fork({ namespace: 'dictionary' })
  await own.update({ a: 1, b: 2, c: 3 })
  const popped = [
    await own.pop('a'),
    await own.setDefault('d', 4),
    await own.delete('b'),
    await own.popItem(),
  ]
  const listed = []
  for await (const key of own) listed.push(key)
  const seen = [popped, listed, await own.items(), await own.size(), await own.has('x'), await own.copy()]
  await own.close()
  return seen
})
await step('many writes at once', async () => {
  await Promise.all(Array.from({ length: 2000 }, (_, i) => state.set('many', i)))
  return state.get('many')
})
await step('a large value', async () => {
  await state.set('large', 'x'.repeat(5_000_000))
  const { length } = await state.get('large')
  await state.delete('large')
  return length
})
await step('a wrong value', () => state.set('jobs', [{ run() {} }]))
await step('a missing key', () => state.pop('missing'))
await step('a condition', async () => {
  const seen = other.getWhenEqual('light', 'green')
  await state.set('light', 'red')
  await state.set('light', 'green')
  return (await seen).light
})
await step('a test of its own', async () => {
  const seen = other.getWhen(snapshot => snapshot.count > 2)
  for (const count of [1, 2, 3]) await state.set('count', count)
  return (await seen).count
})
await step('a loop over every change', async () => {
  other.goLive()
  await other.ping()
  const seen = []
  const watched = (async () => {
    for await (const { step } of other.whenChange('step')) if (seen.push(step) === 100) return
  })()
  for (let step = 1; step <= 100; step++) void state.set('step', step)
  await watched
  return seen.join()
})
await step('a raw update', async () => {
  other.goLive()
  await other.ping()
  const seen = other.getRawUpdate()
  await state.set('raw', 1)
  const { before, after, by } = await seen
  return ['raw' in before, after.raw, by.pid === process.pid, by.method]
})
await step('a time limit', () => state.getWhenEqual('light', 'blue', { timeout: 50 }))
await step('an abort', () =>
  state.getWhenEqual('light', 'blue', { signal: AbortSignal.abort(new Error('enough')) }),
)
await step('a view', async () => {
  const view = await other.view()
  await other.set('viewed', { a: 1 })
  const seen = [view.get('viewed'), view.connected, Object.isFrozen(view.snapshot)]
  const changed = (async () => {
    for await (const snapshot of view.changes()) if (snapshot.viewed === 'last') return snapshot.viewed
  })()
  await state.set('viewed', 'last')
  seen.push(await changed)
  view.close()
  return seen
})
await step('a lease', async () => {
  await state.set('session', 'a', { ephemeral: true })
  await state.set('brief', 'b', { ttl: 100 })
  const leases = [await other.lease('session'), await other.lease('brief')]
  await other.getWhenNone('brief')
  return leases.map(lease => Object.keys(lease ?? {}).sort())
})
await step('a Context', async () => {
  const ctx = new Context(address)
  await ctx.state.set('by a Context', 1)
  const seen = await ctx.state.get('by a Context')
  await ctx.close()
  return seen
})
const refused = {}
const refuse = async (name, run) => {
  refused[name] = await Promise.resolve()
    .then(run)
    .then(
      value => `gave ${text(value)}`,
      error => `${error.name}: ${error.message}`,
    )
}
const ctx = new Context(address)
await refuse('atomic', () => atomic(draft => draft.many)(state))
await refuse('process', () => ctx.process(() => 1).wait())
await refuse('processMap', () => ctx.processMap(n => n, [1]).toArray())
await refuse('run', () => ctx.run(() => 1))
await refuse('callWhenEqual', async () => {
  await ctx
    .callWhenEqual(
      'many',
      1999,
    )(() => 1)
    .stop()
  return 'stopped'
})
await refuse('secretKey', () => new State(process.argv[3], { secretKey: process.argv[4] }).get('n'))
await ctx.close()
// The other side sees this key go with the session.
await state.set('here', process.versions.bun ?? process.versions.deno ?? 'Node', { ephemeral: true })
console.log(JSON.stringify({ saw, refused }))
await state.getWhenEqual('end', true)
process.exit()
