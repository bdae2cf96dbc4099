// What is redacted leaves the inspector by no way.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AnyState, atomic } from 'zproc'
import type { LogRow, TreeWindow, ValueShown } from '../../src/inspect/messages.ts'
import type { RedactFunction } from '../../src/inspect/redact.ts'
import { type Inspected, inspected, linesOf } from './kit.ts'

// In every value at a key that is redacted, at some depth.
const SECRET = 'hunter2'
const KEYS = ['password', 'api key', 'api.key', 'token*']
const hidden = fc.constantFrom('password', 'api key', 'api.key', 'token', 'tokens 1')
const secret = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(SECRET),
    fc.array(tie('value'), { minLength: 1, maxLength: 3 }),
    fc.record({ a: tie('value'), b: tie('value') }),
    tie('value').map(value => new Map([['k', value]])),
    tie('value').map(value => new Set([value])),
    fc.constant(new Error(SECRET)),
  ),
})).value
type Step = { how: 'set' | 'update' | 'push' | 'put' | 'delete'; key: string; value: unknown }
const step: fc.Arbitrary<Step> = fc.record({
  how: fc.constantFrom('set', 'update', 'push', 'put', 'delete'),
  key: hidden,
  value: secret,
})

const push = atomic((state: AnyState, key: string, value: unknown) => {
  if (Array.isArray(state[key])) state[key].push(value)
  else state[key] = [value]
})
const put = atomic((state: AnyState, key: string, value: unknown) => {
  const at = state[key]
  if (at && Object.getPrototypeOf(at) === Object.prototype) at.a = value
  else state[key] = { a: value }
})

async function act({ state }: Inspected, { how, key, value }: Step): Promise<unknown> {
  if (how === 'set') return state.set(key, value)
  if (how === 'update') return state.update({ [key]: value })
  if (how === 'delete') return state.delete(key)
  return (how === 'push' ? push : put)(state, key, value)
}

/** All that can be had of the inspector, in one text. */
async function everything({ call, send }: Inspected, keys: string[], newest: number): Promise<string> {
  const texts: unknown[] = []
  const ask = async (name: string, question: object) =>
    texts.push(await call(name, { namespace: 'default', ...question }))
  const open = keys.flatMap(key =>
    [[], ['a'], [0], ['a', 'a'], [0, 0], [0, 'a']].map(path => ({ key, path })),
  )
  for (const revision of [null, newest, Math.max(1, newest - 1)]) {
    await ask('tree', { revision, from: 0, count: 500, filter: '', order: 'put', open })
    for (const key of keys) await ask('value', { key, revision })
  }
  await ask('log', { from: 1, to: newest })
  await ask('search', { key: '', process: '', method: '', before: null, until: 0 })
  for (let revision = 1; revision <= newest; revision++) await ask('commit', { revision })
  for (const path of ['/', '/page.js']) texts.push((await send('GET', path)).text)
  return JSON.stringify(texts)
}

for (const [name, redaction] of [
  ['by the names of keys', { keys: KEYS }],
  ['by a function', { redact: ((key, value) => (isHidden(key) ? '***' : value)) as RedactFunction }],
  [
    'by a function that throws',
    {
      redact: ((key, value) => {
        if (isHidden(key)) throw new Error(`a secret: ${String(value)}`)
        return value
      }) as RedactFunction,
    },
  ],
] as const)
  test(`what is redacted ${name} is in no answer and in no line of the stream, however it was written`, async t => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async steps => {
        const room = await inspected(t, redaction)
        const lines = linesOf(await room.stream())
        await room.state.set('open', 'shown')
        for (const one of steps) await act(room, one)
        const newest = await newestOf(room)
        let told = ''
        for await (const line of lines) {
          told += JSON.stringify(line)
          if (line.type === 'tick' && line.revision === newest) break
        }
        const all = told + (await everything(room, [...Object.keys(await room.state.copy()), 'open'], newest))
        assert.ok(all.includes('shown'))
        assert.ok(
          !all.includes(SECRET),
          all.slice(Math.max(0, all.indexOf(SECRET) - 200), all.indexOf(SECRET)),
        )
        await room.inspector.close()
        await room.state.close()
      }),
      { numRuns: 6, interruptAfterTimeLimit: 20_000 },
    )
  })

const isHidden = (key: string): boolean => /^(password|api.key|token.*)$/.test(key)

async function newestOf({ state }: Inspected): Promise<number> {
  for await (const { revision } of state.history({ reverse: true })) return revision
  return 0
}

test('a key is redacted by its name, whole or with * and ?, and what else there is is shown', async t => {
  const { state, call } = await inspected(t, { keys: ['exact', 'a*z', 'n?', '(x)+'] })
  const hiddenKeys = ['exact', 'az', 'a\nz', 'abcz', 'n1', '(x)+']
  const shownKeys = ['exactly', 'inexact', 'Exact', 'n', 'n12', 'xx', 'bz']
  for (const key of [...hiddenKeys, ...shownKeys]) await state.set(key, { part: 'text' })
  const open = [...hiddenKeys, ...shownKeys].map(key => ({ key, path: [] }))
  const query = { namespace: 'default', revision: null, from: 0, count: 100, filter: '', order: 'put', open }
  const { rows } = await call<TreeWindow>('tree', query)
  const told = new Map(rows.filter(({ path }) => path.length === 0).map(row => [row.key, row]))
  for (const key of hiddenKeys) {
    assert.deepEqual([told.get(key)?.text, told.get(key)?.parts], ['(redacted)', null], key)
    const value = await call<ValueShown>('value', { namespace: 'default', key, revision: null })
    assert.deepEqual([value.text, value.json], ['(redacted)', null])
  }
  for (const key of shownKeys) assert.equal(told.get(key)?.text, '{ part: "text" }', key)
  assert.equal(rows.filter(({ path }) => path.length > 0).length, shownKeys.length)
})

test('a function gives what is shown in place of a value, of a copy that it may change', async t => {
  const redact: RedactFunction = (key, value, namespace) => {
    if (key === 'gone') return undefined
    const card = value as { number?: string }
    if (card?.number) card.number = `…${card.number.slice(-4)} of ${namespace}`
    return card
  }
  const { state, call } = await inspected(t, { redact })
  const number = '4111111111111111'
  await state.update({ card: { number, name: 'Ann' }, gone: 1, plain: 2 })
  const query = { namespace: 'default', revision: null, from: 0, count: 9, filter: '', order: 'put' }
  const { rows } = await call<TreeWindow>('tree', { ...query, open: [{ key: 'card', path: [] }] })
  assert.deepEqual(
    rows.map(({ label, text }) => [label, text]),
    [
      ['card', '{ number: "…1111 of default", name: "Ann" }'],
      ['number', '"…1111 of default"'],
      ['name', '"Ann"'],
      ['gone', '(redacted)'],
      ['plain', '2'],
    ],
  )
  // What was put in its place is not to be written back.
  assert.equal(
    (await call<ValueShown>('value', { namespace: 'default', key: 'card', revision: null })).json,
    null,
  )
  const [row] = await call<LogRow[]>('log', { namespace: 'default', from: 1, to: 1 })
  assert.match(JSON.stringify(row), /…1111 of default/)
  assert.deepEqual(await state.get('card'), { number, name: 'Ann' })
})

test('a function that gives what fails later, or cannot be copied, shows nothing, and the inspector goes on', async t => {
  const gives: Record<string, () => unknown> = {
    getter: () => ({
      get part() {
        throw new Error('a getter')
      },
    }),
    promise: async () => {
      throw new Error('a promise')
    },
    function: () => () => SECRET,
    proxy: () => new Proxy({}, {}),
  }
  const { state, call, stream } = await inspected(t, { redact: (key, value) => gives[key]?.() ?? value })
  const lines = linesOf(await stream())
  for (const key of Object.keys(gives)) await state.set(key, [SECRET])
  await state.set('plain', [1])
  for await (const line of lines) if (line.type === 'tick' && line.revision === 5) break
  const open = Object.keys(gives).map(key => ({ key, path: [] }))
  const query = { namespace: 'default', revision: null, from: 0, count: 9, filter: '', order: 'put', open }
  const { rows } = await call<TreeWindow>('tree', query)
  assert.deepEqual(
    rows.map(({ label, text }) => [label, text]),
    [...Object.keys(gives).map(key => [key, '(redacted)']), ['plain', '[1]']],
  )
})
