// Calls of each kind, with text, bytes, keys, steps and closures around the size that the server takes: each is done, or a
// ValueTooLargeError, by the bytes that it takes in a frame, and the session lives on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AnyState, atomic, State } from 'zproc'
import { room } from '../kit/servers.ts'

const LIMIT = 20_000

// One, two, three and four bytes of UTF-8 for each, or for each two, UTF-16 units.
const characters = ['x', 'é', '漢', '😀']
const content = fc.record({
  bytes: fc.oneof(
    fc.integer({ min: LIMIT - 300, max: LIMIT + 300 }),
    fc.constantFrom(0, 100, LIMIT >> 1, 2 * LIMIT, 5 * LIMIT, 60 * LIMIT),
  ),
  of: fc.constantFrom(...characters, 'bytes'),
})
const made = ({ bytes, of }: { bytes: number; of: string }): Content =>
  of === 'bytes' ? new Uint8Array(bytes) : of.repeat(Math.ceil(bytes / Buffer.byteLength(of)))
type Content = string | Uint8Array

const weightOf = (value: Content): number => Buffer.byteLength(value)
const asText = (value: Content): string => (typeof value === 'string' ? value : 'y'.repeat(value.length))

const echo = atomic((_: AnyState, value: Content) => value.length)

/** A call that sends about so many bytes as the content has. */
const calls: Record<string, (state: State<AnyState>, value: Content) => Promise<unknown>> = {
  'set, its value': (state, value) => state.set('k', value),
  'set, its key': (state, value) => state.set(`k${asText(value)}`, 1),
  'set, of the whole state': (state, value) => state.set({ k: [value], list: [] }),
  'set, ephemeral': (state, value) => state.set('k', { value }, { ephemeral: true }),
  setDefault: (state, value) => state.setDefault('k', value),
  'update, its values': (state, value) =>
    state.update({ a: value.slice(0, value.length >> 1), b: value.slice(value.length >> 1) }),
  'update, its keys': (state, value) => state.update({ [`k${asText(value)}`]: 1 }),
  'equals, its values': (state, value) => state.equals({ k: value }),
  get: (state, value) => state.get(`k${asText(value)}`),
  has: (state, value) => state.has(`k${asText(value)}`),
  delete: (state, value) => state.delete(`k${asText(value)}`),
  pop: (state, value) => state.pop(`k${asText(value)}`, 0),
  ping: (state, value) => state.ping({ sentPayload: Buffer.from(value) }),
  'atomic, its arguments': (state, value) => echo(state, value),
  'atomic, its closure': (state, value) => atomic(() => value.length)(state),
  'async atomic, its changes': (state, value) =>
    atomic(async (all: AnyState) => {
      all.k = value
    })(state),
  'async atomic, its steps': (state, value) =>
    atomic(async (all: AnyState) => {
      all.list.push(value, 1)
    })(state),
}

// What a call may take besides its content: its name, its numbers, and a short function's code.
const BESIDES = 1500

test('a call is done or is a ValueTooLargeError, by its bytes, and the session lives on', async t => {
  const own = await room(t, { maxMessageBytes: LIMIT })
  let [done, refused, n] = [0, 0, 0]
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...Object.keys(calls)), content), { minLength: 1, maxLength: 8 }),
      async asked => {
        // Of a session of its own; the calls of the first programs are made before it begins.
        const state = new State<AnyState>(own.server().address, {
          namespace: `n${n}`,
          connectTimeout: 5000 + n++,
        })
        const first = state.set({ list: [], tied: 0 })
        const tied = state.set('alive', 1, { ephemeral: true })
        if (n % 2 === 0) await Promise.all([first, tied])
        const outcomes = asked.map(async ([kind, what]) => {
          const value = made(what)
          const error = await (calls[kind] as (typeof calls)[string])(state, value).then(
            () => undefined,
            (reason: Error) => reason,
          )
          if (error) {
            refused++
            assert.equal(error.name, 'ValueTooLargeError', `${kind}, ${weightOf(value)} bytes: ${error}`)
            const [, size] = /: (\d+) bytes to send; the server takes 20000 \(/.exec(error.message) ?? []
            assert.ok(Number(size) > LIMIT, error.message)
            assert.ok(
              Number(size) < weightOf(value) + BESIDES,
              `${kind} ${weightOf(value)}: ${error.message}`,
            )
            assert.ok(weightOf(value) > LIMIT - BESIDES, `${kind}, ${weightOf(value)} bytes are refused`)
          } else {
            done++
            assert.ok(weightOf(value) < LIMIT, `${kind}, ${weightOf(value)} bytes are taken`)
          }
        })
        await Promise.all([first, tied, ...outcomes])
        // In the same session still.
        if (!asked.some(([kind]) => kind === 'set, of the whole state'))
          assert.equal(await state.get('alive'), 1)
        await state.set('last', n)
        assert.equal(await state.get('last'), n)
        await state.close()
      },
    ),
    { numRuns: Number(process.env.ZPROC_SIZES ?? 150), seed: 1 },
  )
  assert.ok(done > 100 && refused > 100, `${done} done, ${refused} refused`)
})

test('a function that closes over more than the server takes is refused by its name, before it is sent', async t => {
  const own = await room(t, { maxMessageBytes: LIMIT })
  const state = own.state<AnyState>(t)
  const large = 'x'.repeat(2 * LIMIT)
  const measure = atomic(function measure() {
    return large.length
  })
  const refused = { name: 'ValueTooLargeError', message: /atomic function measure: \d+ bytes to send/ }
  const [first, second, size] = await Promise.allSettled([measure(state), measure(state), state.size()])
  for (const one of [first, second]) {
    assert.equal(one.status, 'rejected')
    assert.throws(() => {
      throw one.status === 'rejected' && one.reason
    }, refused)
  }
  assert.deepEqual(size, { status: 'fulfilled', value: 0 })
})
