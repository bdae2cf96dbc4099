import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AnyState, atomic, TimeoutError, ValueTooLargeError } from 'zproc'
import { contract, room as ownRoom } from '../kit/servers.ts'
import { anyObject, anyValue, assertSame } from '../kit/values.ts'

const echo = atomic((_: AnyState, value: unknown) => value)
const keep = atomic((state: AnyState, value: unknown) => {
  state.kept = { value }
})

contract('values', room => {
  test('any value comes back equal and of the same type, by every way', async t => {
    const [state, other] = await room.pair(t)
    const view = await state.view()
    await fc.assert(
      fc.asyncProperty(anyValue, async value => {
        await state.set('value', value)
        assertSame(await other.get('value'), value)
        assertSame(view.get('value'), value)
        assertSame(await echo(state, value), value)
        await keep(state, value)
        assertSame(await other.get('kept'), { value })
        assertSame(view.get('kept'), { value })
        assert.equal(await other.equals({ value, kept: { value } }), true)
        assertSame((await state.getWhenEqual('value', value, { live: true })).value, value)
      }),
      { numRuns: 60 },
    )
  })

  test('any object is a state', async t => {
    const [state, other] = await room.pair(t)
    await fc.assert(
      fc.asyncProperty(anyObject, anyObject, async (whole, part) => {
        await state.set(whole)
        assertSame(await other.copy(), whole)
        assert.deepEqual(
          await other.keys(),
          (await other.items()).map(([key]) => key),
        )
        await state.update(part)
        assertSame(await other.copy(), { ...whole, ...part })
        assert.equal(await other.equals({ ...whole, ...part }), true)
      }),
      { numRuns: 60 },
    )
  })

  test('the kinds of value, one by one', async t => {
    const state = room.state(t)
    const sparse: unknown[] = []
    sparse[3] = 'x'
    const keyObject = { key: [1] }
    const kinds: Record<string, unknown> = {
      null: null,
      undefined: undefined,
      nan: Number.NaN,
      infinities: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      minusZero: [-0, 0],
      largest: [
        Number.MAX_SAFE_INTEGER,
        Number.MIN_SAFE_INTEGER,
        2 ** 53,
        2 ** 64,
        Number.MAX_VALUE,
        Number.MIN_VALUE,
        2 ** 32,
        -(2 ** 31) - 1,
      ],
      bigint: [0n, -1n, 2n ** 64n, -(2n ** 64n), 2n ** 1000n],
      loneSurrogates: ['\ud800', 'a\udc00b', '\udc00\ud800'],
      text: ['', 'ü', '👩‍👩‍👧', '\u0000', 'x'.repeat(100_000)],
      sparse,
      mapOfObjects: new Map<unknown, unknown>([
        [keyObject, new Map([[{ a: 1 }, 1]])],
        [Number.NaN, 'nan'],
        [undefined, null],
      ]),
      set: new Set([1, '1', null, { a: 1 }]),
      dates: [new Date(0), { nested: [new Date(8.64e15)] }],
      regexps: [/a\/b/giu, /^$/m],
      emptyBuffer: Buffer.alloc(0),
      buffer: Buffer.from('bytes'),
      arrayBuffer: new Uint8Array([1, 2, 3]).buffer,
      dataView: new DataView(new Uint8Array([1, 2, 3]).buffer, 1, 1),
      views: [
        new Float64Array([0.1, -0]),
        new BigInt64Array([-1n]),
        new Uint8Array(new ArrayBuffer(8), 3, 2),
      ],
      empty: [[], {}, new Map(), new Set(), ''],
      undefineds: [undefined, { a: undefined }, [undefined, undefined]],
      oddKeys: { '': 1, constructor: 2, toString: 3, '0': 4, 'a.b': 5, length: 6 },
    }
    await state.set(kinds)
    const copy = await state.copy()
    for (const [name, value] of Object.entries(kinds)) {
      assert.deepStrictEqual(copy[name], value, name)
      assert.deepStrictEqual(await state.get(name), value, name)
      assert.deepStrictEqual(await echo(state, value), value, name)
    }
    assert.equal(0 in copy.sparse, false)
    await state.set('invalid', [new Date(Number.NaN)])
    assert.ok(Number.isNaN((await state.get('invalid'))[0].getTime()))
    await state.getWhenEqual('invalid', [new Date(Number.NaN)])
    assert.ok(Buffer.isBuffer(copy.buffer) && Buffer.isBuffer(copy.emptyBuffer))
    assert.ok(!Buffer.isBuffer(copy.views[2]))
  })

  test('errors keep class, fields, stack and cause', async t => {
    const state = room.state(t)
    const error = Object.assign(
      new RangeError('outer', { cause: new TypeError('inner', { cause: { n: 1 } }) }),
      {
        status: 5,
        when: new Date(1),
      },
    )
    await state.set('error', error)
    const back = await state.get('error')
    assert.ok(back instanceof RangeError && back.cause instanceof TypeError)
    assert.deepStrictEqual(back, error)
    assert.equal(back.stack, error.stack)
    assert.deepEqual(back.cause.cause, { n: 1 })
    assert.equal(back.status, 5)
    assert.deepEqual(Object.keys(back), Object.keys(error))
    await state.set('many', new AggregateError([new Error('a'), 5], 'several'))
    const many = await state.get('many')
    assert.ok(many instanceof AggregateError)
    assert.equal(many.errors[0].message, 'a')
    await state.set('own', new TimeoutError('late'))
    const own = await state.get('own')
    assert.ok(own instanceof TimeoutError)
    assert.equal(own.code, 'ZPROC_TIMEOUT')
  })

  test('what is shared stays shared and what is cyclic stays cyclic', async t => {
    const [state, other] = await room.pair(t)
    const shared = { n: 1 }
    const cyclic: AnyState = { a: shared, b: [shared], map: new Map(), set: new Set() }
    cyclic.self = cyclic
    cyclic.map.set(cyclic.map, cyclic)
    cyclic.set.add(cyclic.set)
    await state.set('value', cyclic)
    for (const back of [
      await other.get('value'),
      (await other.getWhenChange()).value,
      await echo(state, cyclic),
    ]) {
      assert.equal(back.self, back)
      assert.equal(back.a, back.b[0])
      assert.equal(back.map.get(back.map), back)
      assert.ok(back.set.has(back.set))
    }
  })

  test('10 MB come back as they were', async t => {
    const [state, other] = await room.pair(t)
    const big = Buffer.alloc(10 << 20, 'zproc')
    await state.set('big', { big })
    const back = await other.get('big')
    assert.ok(big.equals(back.big))
    assert.ok(big.equals((await other.getWhenChange()).big.big))
  })

  test('what is no data is a TypeError that names its path, and nothing was sent', async t => {
    const state = room.state(t)
    class Job {
      run = 1
    }
    class OwnError extends Error {}
    class OwnMap extends Map {}
    class OwnList extends Array {}
    const refused: [value: unknown, path: RegExp][] = [
      [() => 1, /state\.set\('jobs', …\): jobs is a function/],
      [[{ run: () => 1 }], /state\.set\('jobs', …\): jobs\[0\]\.run is a function/],
      [{ 'odd key': Symbol('s') }, /jobs\[.odd key.\] is a symbol/],
      [{ a: Promise.resolve() }, /jobs\.a is a [pP]romise/],
      [new Job(), /jobs is an instance of Job/],
      [{ deep: [[new Job()]] }, /jobs\.deep\[0\]\[0\] is an instance of Job/],
      [new OwnError('x'), /jobs is an instance of OwnError/],
      [class {}, /jobs is a class/],
      [new Map([['k', () => 1]]), /jobs.* is a function/],
      [new Map([[() => 1, 'k']]), /jobs.* is a function/],
      [new Set([() => 1]), /jobs.* is a function/],
      [new WeakMap(), /jobs is an instance of WeakMap/],
      [new OwnMap(), /jobs is an instance of/],
      [new OwnList(), /jobs is an instance of/],
      [new URL('http://a.b'), /jobs is an instance of URL/],
      [new Error('x', { cause: () => 1 }), /jobs\.cause is a function/],
      [{ [Symbol('s')]: 1 }, /jobs.*Symbol\(s\)/],
      [JSON.parse('{"a": {"__proto__": 1}}'), /jobs\.a.*__proto__/],
      [[1, JSON.parse('[{"__proto__": {}}]')], /jobs\[1\]\[0\].*__proto__/],
    ]
    for (const [value, path] of refused) {
      await assert.rejects(state.set('jobs', value), { name: 'TypeError', message: path })
      await assert.rejects(state.setDefault('jobs', value), TypeError)
      await assert.rejects(state.update({ jobs: value }), { name: 'TypeError' })
      await assert.rejects(state.set({ fine: 1, jobs: value }), { name: 'TypeError' })
      await assert.rejects(state.getWhenEqual('jobs', value), TypeError)
      await assert.rejects(echo(state, value), TypeError)
    }
    assert.equal(await state.size(), 0)
  })

  test('the prototype of objects is out of reach', async t => {
    const state = room.state(t)
    await assert.rejects(state.set('x', JSON.parse('{"__proto__": {"polluted": 1}}')), TypeError)
    await state.set('constructor', { prototype: { polluted: 1 } })
    assert.equal((await state.copy()).constructor.prototype.polluted, 1)
    assert.equal(({} as AnyState).polluted, undefined)
  })
})

test('a value larger than maxMessageBytes is ValueTooLargeError, whenever it is sent, and the State goes on', async t => {
  const room = await ownRoom(t, { maxMessageBytes: 100_000 })
  const state = room.state(t)
  const large = 'x'.repeat(5_000_000)
  // The first before the connection is made, and so before the client has heard of the limit.
  for (let i = 0; i < 2; i++) {
    await assert.rejects(state.set('x', large), error => {
      assert.ok(error instanceof ValueTooLargeError)
      assert.equal(error.code, 'ZPROC_VALUE_TOO_LARGE')
      assert.match(error.message, /state\.set.*100000/)
      return true
    })
    await assert.rejects(state.update({ a: large, b: 1 }), ValueTooLargeError)
    await assert.rejects(echo(state, [large]), ValueTooLargeError)
    await state.set('small', i)
  }
  assert.deepEqual(await state.copy(), { small: 1 })
})

test('many small calls may be larger together than maxMessageBytes', async t => {
  const room = await ownRoom(t, { maxMessageBytes: 10_000 })
  const state = room.state(t)
  const text = 'x'.repeat(1000)
  await Promise.all(Array.from({ length: 10_000 }, (_, n) => state.set(`k${n % 10}`, text + n)))
  assert.equal(await state.get('k9'), `${text}9999`)
})
