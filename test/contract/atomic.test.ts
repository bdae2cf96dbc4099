import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type AnyState, AtomicTimeoutError, atomic, State } from 'zproc'
import { deferred } from '../../src/async/deferred.ts'
import { elsewhere } from '../kit/elsewhere.ts'
import { contract } from '../kit/servers.ts'
import { assertPending } from '../kit/watching.ts'

const increment = atomic((state: AnyState, step: number) => {
  state.count = (state.count ?? 0) + step
  return state.count
})

contract('atomic', room => {
  test('an atomic function changes the state in place and returns what it likes', async t => {
    const [state, other] = await room.pair(t)
    assert.equal(await increment(state, 5), 5)
    assert.equal(await increment(other, 2), 7)
    assert.deepEqual(await state.copy(), { count: 7 })
  })

  test('calls from many States never lose an increment', async t => {
    const [a, b] = await room.pair(t)
    const results = await Promise.all(Array.from({ length: 500 }, (_, i) => increment(i % 2 ? a : b, 1)))
    assert.equal(await a.get('count'), 500)
    assert.equal(new Set(results).size, 500)
  })

  test('nested values can be changed the way plain ones can', async t => {
    const [state, other] = await room.pair(t)
    await state.set({
      list: [3, 1, 2],
      deep: { a: { b: [{ c: 1 }] }, gone: 1 },
      map: new Map<string, unknown>([['k', { v: 1 }]]),
      set: new Set([1]),
      date: new Date(0),
      text: 'a',
    })
    const change = atomic((s: AnyState) => {
      s.list.sort()
      s.list.push(4, 5)
      s.list.shift()
      s.list.splice(1, 1, 'x', 'y')
      s.list.length = 4
      s.deep.a.b[0].c++
      s.deep.a.b.unshift({ c: 0 })
      delete s.deep.gone
      s.map.get('k').v = 2
      s.map.set('l', [1])
      s.set.add(2).delete(1)
      s.date.setTime(5)
      s.text += 'b'
      s.fresh = { list: [] }
      s.fresh.list.push(s.text)
      delete s.nothing
    })
    assert.equal(await change(state), undefined)
    const expected = {
      list: [2, 'x', 'y', 4],
      deep: { a: { b: [{ c: 0 }, { c: 2 }] } },
      map: new Map<string, unknown>([
        ['k', { v: 2 }],
        ['l', [1]],
      ]),
      set: new Set([2]),
      date: new Date(5),
      text: 'ab',
      fresh: { list: ['ab'] },
    }
    assert.deepEqual(await state.copy(), expected)
    // Watchers arrive at the same state by the changes alone.
    assert.deepEqual(await other.getWhenChange('fresh'), expected)
  })

  test('the state reads as a plain object inside: keys, in, spread, JSON, has-own, entries', async t => {
    const state = room.state(t)
    await state.set({ b: 1, a: { x: [1] } })
    const look = atomic((s: AnyState) => {
      s.c = 2
      delete s.b
      const keys: string[] = []
      for (const key in s) keys.push(key)
      return {
        keys,
        objectKeys: Object.keys(s),
        has: ['a' in s, 'b' in s, 'c' in s],
        own: [Object.hasOwn(s, 'a'), Object.hasOwn(s, 'b')],
        spread: { ...s },
        json: JSON.stringify(s),
        entries: Object.entries(s),
        missing: s.missing,
        same: Object.is(s.a, s.a),
      }
    })
    assert.deepEqual(await look(state), {
      keys: ['a', 'c'],
      objectKeys: ['a', 'c'],
      has: [true, false, true],
      own: [true, false],
      spread: { a: { x: [1] }, c: 2 },
      json: '{"a":{"x":[1]},"c":2}',
      entries: [
        ['a', { x: [1] }],
        ['c', 2],
      ],
      missing: undefined,
      same: true,
    })
  })

  test('many keys are changed in one call, each as it was left last', async t => {
    const [state, other] = await room.pairAt(t, { a: 1, b: 2, c: 3, d: { n: 1 } })
    const change = atomic((s: AnyState) => {
      s.b = s.a + s.b
      s.a = 10
      s.b += 1
      delete s.c
      s.d.n++
      s.e = s.d.n
      delete s.e
      s.a = 1
      return [Object.keys(s), 'c' in s, s.c]
    })
    assert.deepEqual(await change(state), [['a', 'b', 'd'], false, undefined])
    assert.deepEqual(await other.copy(), { a: 1, b: 4, d: { n: 2 } })
  })

  test('the state that is given cannot be frozen or made another kind of object, and nobody else notices', async t => {
    const [state, other] = await room.pairAt(t, { n: 1 })
    for (const [wrong, message] of [
      [atomic((s: AnyState) => void Object.freeze(s)), /cannot be frozen/],
      [atomic((s: AnyState) => void Object.preventExtensions(s)), /cannot be frozen/],
      [atomic((s: AnyState) => void Object.setPrototypeOf(s, Array.prototype)), /stays one/],
    ] as const)
      await assert.rejects(wrong(state), { name: 'TypeError', message })
    assert.equal(await increment(other, 1), 1)
    assert.deepEqual(await state.copy(), { n: 1, count: 1 })
  })

  test('parts of the state can be returned, moved, shared and put beside themselves', async t => {
    const state = room.state(t)
    await state.set({ a: { list: [1] }, b: { x: 1 } })
    const move = atomic((s: AnyState) => {
      s.c = s.a
      s.c.list.push(2)
      s.d = s.b.x
      s.b.self = { copy: s.a.list }
      delete s.a
      return [s.c, s.b]
    })
    assert.deepEqual(await move(state), [{ list: [1, 2] }, { x: 1, self: { copy: [1, 2] } }])
    assert.deepEqual(await state.copy(), { c: { list: [1, 2] }, b: { x: 1, self: { copy: [1, 2] } }, d: 1 })
  })

  test('a value can be made to hold itself', async t => {
    const state = room.state(t)
    await state.set({ a: { x: 1 } })
    const tie = atomic((s: AnyState) => {
      const ring: AnyState = { name: 'ring' }
      ring.self = ring
      s.ring = ring
    })
    await tie(state)
    const ring = await state.get('ring')
    assert.equal(ring.self, ring)
    const untie = atomic((s: AnyState) => {
      s.ring.self.name = 'cut'
      const { name } = s.ring
      delete s.ring.self
      return name
    })
    assert.equal(await untie(state), 'cut')
    assert.deepEqual(await state.get('ring'), { name: 'cut' })
  })

  test('one call is one commit by one author, whatever it changes; none if it changes nothing', async t => {
    const [state, other] = await room.pair(t)
    await state.size()
    const change = atomic((s: AnyState) => {
      s.x = 1
      s.y = { z: 2 }
      s.y.z = 3
    })
    const look = atomic((s: AnyState) => Object.keys(s).length + (s.y?.z ?? 0))
    await change(other)
    assert.equal(await look(other), 5)
    await change(other)
    await other.set('end', 1)
    const first = await state.getRawUpdate()
    assert.deepEqual([first.before, first.after, first.by.method], [{}, { x: 1, y: { z: 3 } }, 'atomic'])
    const second = await state.getRawUpdate({ duplicateOkay: true })
    assert.deepEqual([second.revision, second.identical], [2, true])
    assert.equal((await state.getRawUpdate()).revision, 3)
  })

  test('if it throws, nothing has changed and the caller gets the same error', async t => {
    const state = room.state(t)
    await state.set({ a: { list: [1] }, b: 1 })
    const fail = atomic((s: AnyState, how: string) => {
      s.b = 2
      s.a.list.push(2)
      delete s.a
      s.c = 1
      if (how === 'range') throw Object.assign(new RangeError('too far'), { limit: 5 })
      if (how === 'cause') throw new Error('outer', { cause: new TypeError('inner') })
      if (how === 'own') {
        class OddError extends Error {
          override name = 'OddError'
          level = 3
        }
        throw new OddError('odd')
      }
      throw { plain: [1] }
    })
    await assert.rejects(fail(state, 'range'), error => {
      assert.ok(error instanceof RangeError)
      assert.equal(error.message, 'too far')
      assert.equal((error as unknown as { limit: number }).limit, 5)
      assert.match(error.stack ?? '', /RangeError: too far[\s\S]*atomic\.test\.ts/)
      return true
    })
    await assert.rejects(fail(state, 'cause'), (error: Error) => {
      assert.ok(error.cause instanceof TypeError)
      assert.equal((error.cause as Error).message, 'inner')
      return true
    })
    await assert.rejects(fail(state, 'own'), (error: Error & { level?: number }) => {
      assert.ok(error instanceof Error)
      assert.deepEqual([error.name, error.message, error.level], ['OddError', 'odd', 3])
      assert.equal(error.constructor.name, 'OddError')
      return true
    })
    await assert.rejects(fail(state, 'plain'), error => {
      assert.deepEqual(error, { plain: [1] })
      return true
    })
    assert.deepEqual(await state.copy(), { a: { list: [1] }, b: 1 })
  })

  test('what is no data cannot be put, returned or given: a TypeError with its path, and nothing has changed', async t => {
    const state = room.state(t)
    await state.set('list', [1])
    const put = atomic((s: AnyState) => {
      s.x = 1
      s.jobs = [{ run: () => 1 }]
    })
    await assert.rejects(put(state), {
      name: 'TypeError',
      message: /atomic function .*: jobs\[0\]\.run is a function/,
    })
    const nested = atomic((s: AnyState) => {
      s.list.push({ run: Symbol('s') })
    })
    await assert.rejects(nested(state), { name: 'TypeError', message: /list\[1\]\.run is a symbol/ })
    const give = atomic((s: AnyState) => {
      s.x = 1
      return { fn: () => 1 }
    })
    await assert.rejects(give(state), { name: 'TypeError', message: /fn is a function/ })
    const symbol = atomic((s: AnyState) => {
      ;(s as Record<symbol, unknown>)[Symbol('key')] = 1
    })
    await assert.rejects(symbol(state), TypeError)
    const proto = atomic((s: AnyState) => {
      Object.defineProperty(s, '__proto__', { value: 1 })
    })
    await assert.rejects(proto(state), TypeError)
    const take = atomic((s: AnyState, _given: unknown) => {
      s.x = 1
    })
    await assert.rejects(
      take(state, () => 1),
      { name: 'TypeError', message: /argument 1.* is a function/ },
    )
    assert.deepEqual(await state.copy(), { list: [1] })
  })

  test('arguments and results travel as values do', async t => {
    const state = room.state(t)
    const echo = atomic((_: AnyState, ...given: unknown[]) => given)
    const sparse: unknown[] = []
    sparse[2] = 1
    const given = [
      1n,
      new Date(1),
      new Map([[{ k: 1 }, new Set([Number.NaN])]]),
      undefined,
      sparse,
      Buffer.from('x'),
      -0,
    ]
    assert.deepEqual(await echo(state, ...given), given)
    const put = atomic((s: AnyState, value: object) => {
      s.value = value
    })
    const shared = { n: 1 }
    await put(state, [shared, shared])
    const [first, second] = await state.get('value')
    assert.equal(first, second)
  })

  test('a plain function that returns a promise is refused with the way out', async t => {
    const state = room.state(t)
    const promise = atomic((s: AnyState) => {
      s.x = 1
      return Promise.resolve(1)
    })
    await assert.rejects(promise(state), { name: 'TypeError', message: /async/ })
    assert.equal(await state.size(), 0)
  })

  test('a hung function is stopped after atomicTimeout and the server goes on', async t => {
    const [state, other] = await room.pair(t)
    const hang = atomic((s: AnyState) => {
      s.x = 1
      for (;;) s.y = (s.y ?? 0) + 1
    })
    await Promise.all([
      assert.rejects(hang(state), error => {
        assert.ok(error instanceof AtomicTimeoutError)
        assert.equal(error.code, 'ZPROC_ATOMIC_TIMEOUT')
        assert.match(error.message, /1000 ms/)
        return true
      }),
      other.set('z', 1),
    ])
    assert.deepEqual(await state.copy(), { z: 1 })
  })

  test('an async function runs in the caller, and alone', async t => {
    const [state, other] = await room.pair(t)
    await state.set('x', 1)
    const running = deferred<void>()
    const gate = deferred<void>()
    const slow = atomic(async (s: AnyState) => {
      s.x = 2
      running.resolve()
      await gate.promise
      s.y = { list: [process.pid] }
      s.y.list.push(s.x)
      return s.y
    })
    const call = slow(state)
    await running.promise
    const writes = [other.set('x', 10), increment(other, 1), other.delete('x')]
    for (const write of writes) await assertPending(write, other, state)
    assert.deepEqual(await other.copy(), { x: 1 })
    gate.resolve()
    assert.deepEqual(await call, { list: [process.pid, 2] })
    assert.deepEqual(await Promise.all(writes), [undefined, 1, true])
    assert.deepEqual(await state.copy(), { y: { list: [process.pid, 2] }, count: 1 })
  })

  test('async functions wait for each other in order', async t => {
    const [state, other] = await room.pair(t)
    const append = atomic(async (s: AnyState, n: number) => {
      const { list = [] } = s
      await delay(1)
      s.list = [...list, n]
    })
    await Promise.all(Array.from({ length: 20 }, (_, n) => append(n % 2 ? state : other, n)))
    const list: number[] = await state.get('list')
    assert.deepEqual(
      [...list].sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, n) => n),
    )
    assert.deepEqual(
      list.filter(n => n % 2),
      [1, 3, 5, 7, 9, 11, 13, 15, 17, 19],
    )
  })

  test('an async function is one commit, or none if it throws', async t => {
    const [state, other] = await room.pairAt(t, { a: [1], b: 1 })
    const fail = atomic(async (s: AnyState) => {
      s.b = 2
      s.a.push(2)
      await delay(1)
      throw new RangeError('no')
    })
    await assert.rejects(fail(other), { name: 'RangeError', message: 'no' })
    const bad = atomic(async (s: AnyState) => {
      s.b = 2
      s.f = () => 1
    })
    await assert.rejects(bad(other), { name: 'TypeError', message: /f is a function/ })
    assert.deepEqual(await state.copy(), { a: [1], b: 1 })
    const change = atomic(async (s: AnyState) => {
      s.a.push(2)
      await delay(1)
      s.b = { c: 3 }
      delete s.nothing
    })
    await change(other)
    const update = await state.getRawUpdate()
    assert.deepEqual(
      [update.before, update.after],
      [
        { a: [1], b: 1 },
        { a: [1, 2], b: { c: 3 } },
      ],
    )
    assert.equal(update.by.method, 'atomic')
  })

  test('an atomic function inside another on the same namespace is an error, not a deadlock', async t => {
    const [state, other] = await room.pair(t)
    const outer = atomic(async (s: AnyState) => {
      s.x = 1
      await increment(state, 1)
    })
    await assert.rejects(outer(state), { name: 'TypeError', message: /inside another atomic function/ })
    const elsewhere = atomic(async (s: AnyState) => {
      s.x = await increment(room.state(t), 3)
    })
    await elsewhere(other)
    assert.deepEqual(await state.copy(), { x: 3 })
    const plain = atomic((s: AnyState) => {
      s.x = 5
      return increment(s as never, 1)
    })
    await assert.rejects(plain(state))
    assert.deepEqual(await state.copy(), { x: 3 })
  })

  test('a write inside an async atomic function on the same namespace is an error, and none once that is over', async t => {
    const [state, other] = await room.pair(t)
    const write = atomic(async (s: AnyState) => {
      s.x = 1
      await state.set('y', 1)
    })
    await assert.rejects(write(state), {
      name: 'TypeError',
      message:
        'state.set was called inside an atomic function on the same namespace, and would wait for that to end: change the state that the function is given instead',
    })
    let later: Promise<unknown> | undefined
    const over = deferred<void>()
    const begin = atomic(async (s: AnyState) => {
      s.read = await state.get('x', 'nothing')
      s.elsewhere = await room.state(t).set('z', 1)
      later = over.promise.then(() => increment(state, 3))
    })
    await begin(other)
    over.resolve()
    await later
    assert.deepEqual(await state.copy(), { read: 'nothing', elsewhere: undefined, count: 3 })
  })

  test('wrong calls are shown', async t => {
    const state = room.state(t)
    assert.throws(() => atomic(5 as never), { name: 'TypeError', message: /atomic: .*got 5/ })
    await assert.rejects(increment({} as never, 1), {
      name: 'TypeError',
      message: /atomic function increment|first argument must be a State/,
    })
    await assert.rejects(increment(undefined as never, 1), { name: 'TypeError', message: /got undefined/ })
    await state.close()
    await assert.rejects(increment(state, 1), { name: 'ClosedError', message: /closed/ })
  })

  test('many different functions can be used in turn', async t => {
    const state = room.state(t)
    const functions = Array.from({ length: 15 }, (_, i) =>
      // Each has its own text, as functions that are written have.
      atomic(new Function('state', `state.n = ${i}; return ${i}`) as (state: AnyState) => number),
    )
    for (let round = 0; round < 2; round++) {
      const results = await Promise.all(functions.map(fn => fn(state)))
      assert.deepEqual(
        results,
        functions.map((_, i) => i),
      )
    }
    assert.equal(await state.get('n'), 14)
  })
})

contract('atomic functions that take too long', home => {
  test('an async function that holds on for too long loses its hold, and nothing of it is committed', async t => {
    const room = await home.set(t, { atomicTimeout: 50 })
    const [state, other] = await room.pair(t)
    const gate = deferred<void>()
    const running = deferred<void>()
    const hang = atomic(async (s: AnyState) => {
      s.x = 1
      running.resolve()
      await gate.promise
      s.y = 1
    })
    const call = hang(state)
    await running.promise
    const write = other.set('z', 1)
    await assert.rejects(call, { name: 'AtomicTimeoutError', message: /atomic function .*50 ms/ })
    await write
    gate.resolve()
    await increment(state, 1)
    assert.deepEqual(await other.copy(), { z: 1, count: 1 })
  })

  test('a hold ends with the connection of its holder', async t => {
    const room = await home.set(t, { atomicTimeout: 20_000 })
    const { secretKey } = room
    const { address } = room.server()
    const holder = new State<AnyState>(elsewhere(address), { secretKey })
    const state = new State<AnyState>(address, { secretKey })
    t.after(() => state.close())
    const running = deferred<void>()
    const forever = deferred<void>()
    const hang = atomic(async (s: AnyState) => {
      s.x = 1
      running.resolve()
      await forever.promise
    })
    const call = hang(holder)
    call.catch(() => {})
    await running.promise
    const write = state.set('z', 1)
    await assertPending(write, state)
    const closing = holder.close()
    forever.resolve()
    await closing
    await call.catch(() => {})
    await write
    assert.equal(await state.get('z'), 1)
  })

  test('a hung recursion is stopped as a loop is', async t => {
    const room = await home.set(t, { atomicTimeout: 50 })
    const state = room.state(t)
    const hang = atomic((s: AnyState) => {
      const again = (depth: number): number => (depth === 0 ? 0 : again(depth - 1) + again(depth - 1))
      s.x = again(60)
    })
    await assert.rejects(hang(state), { name: 'AtomicTimeoutError' })
    assert.equal(await state.size(), 0)
  })
})
