import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atomic } from 'zproc'
import { room } from '../kit/servers.ts'

interface Shop {
  count: number
  sold: number[]
}

const sell = atomic((shop: Shop, many: number) => {
  shop.count -= many
  shop.sold.push(many)
  return shop.sold
})

test('a server that runs no code has atomic functions run by who calls them, with the same results', async t => {
  const [a, b] = await (await room(t, { allowCode: false })).pairAt(t, { count: 200, sold: [] })
  const [one, two] = [a, b] as unknown as Parameters<typeof sell>[0][]
  await Promise.all(
    Array.from({ length: 100 }, (_, i) => sell((i % 2 ? one : two) as typeof one & object, 2)),
  )
  assert.equal(await a.get('count'), 0)
  assert.deepEqual(await b.get('sold'), Array(100).fill(2))
})

test('there too, one that throws changes nothing', async t => {
  const [state] = await (await room(t, { allowCode: false })).pairAt(t, { count: 1 })
  const fail = atomic((shop: { count: number }) => {
    shop.count = 0
    throw new RangeError('sold out')
  })
  await assert.rejects(fail(state as never), { name: 'RangeError', message: 'sold out' })
  assert.equal(await state.get('count'), 1)
})

test('a server with code allowed runs them itself', async t => {
  const [state] = await (await room(t, { backend: 'thread' })).pairAt(t, { count: 1 })
  const where = atomic((_shop: object) => (globalThis as { only?: string }).only)
  ;(globalThis as { only?: string }).only = 'here'
  t.after(() => {
    delete (globalThis as { only?: string }).only
  })
  assert.equal(await where(state), undefined)
})

test('allowCode must be true or false', async t => {
  await assert.rejects(room(t, { allowCode: 'no' as never }), {
    name: 'TypeError',
    message: "startServer: allowCode must be true or false, got 'no'",
  })
})
