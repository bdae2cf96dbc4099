import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyError, ZprocError } from 'zproc'
import { contract } from '../kit/servers.ts'

contract('dict methods', room => {
  test('a key that is missing reads as undefined, or as the fallback', async t => {
    const state = room.state(t)
    assert.equal(await state.get('cookies'), undefined)
    assert.equal(await state.get('cookies', 7), 7)
    assert.equal(await state.get('cookies', null), null)
    assert.equal(await state.has('cookies'), false)
  })

  test('a key that holds undefined is there: no fallback takes its place', async t => {
    const state = room.state(t)
    await state.set('cookies', undefined)
    assert.equal(await state.get('cookies', 7), undefined)
    assert.equal(await state.has('cookies'), true)
    assert.deepEqual(await state.copy(), { cookies: undefined })
  })

  test('what was set can be read by everybody once the call has resolved', async t => {
    const [writer, reader] = await room.pair(t)
    assert.equal(await writer.set('cookies', 5), undefined)
    assert.equal(await reader.get('cookies'), 5)
    await writer.set('cookies', { count: 6 })
    assert.deepEqual(await reader.get('cookies'), { count: 6 })
  })

  test('keys, values, items and size tell of the whole state, in the order of first setting', async t => {
    const state = room.state(t)
    await state.set('b', 1)
    await state.set('a', [2])
    await state.set('b', 3)
    assert.deepEqual(await state.keys(), ['b', 'a'])
    assert.deepEqual(await state.values(), [3, [2]])
    assert.deepEqual(await state.items(), [
      ['b', 3],
      ['a', [2]],
    ])
    assert.equal(await state.size(), 2)
    assert.deepEqual(await state.copy(), { b: 3, a: [2] })
  })

  test('a loop over a State gives its keys', async t => {
    const state = room.state(t)
    await state.set({ x: 1, y: 2 })
    const keys: string[] = []
    for await (const key of state) keys.push(key)
    assert.deepEqual(keys, ['x', 'y'])
  })

  test('equals compares the whole state, values included', async t => {
    const state = room.state(t)
    await state.set({ x: 1, y: { z: [new Date(5)] } })
    assert.equal(await state.equals({ y: { z: [new Date(5)] }, x: 1 }), true)
    assert.equal(await state.equals({ x: 1 }), false)
    assert.equal(await state.equals({ x: 1, y: { z: [new Date(6)] } }), false)
    assert.equal(await state.equals({ x: 1, y: { z: [new Date(5)] }, w: undefined }), false)
    assert.equal(await state.equals({}), false)
  })

  test('set of an object replaces the whole state', async t => {
    const state = room.state(t)
    await state.set({ x: 1, y: 2 })
    await state.set({ y: 3 })
    assert.deepEqual(await state.copy(), { y: 3 })
    await state.set({})
    assert.equal(await state.size(), 0)
  })

  test('update puts some keys and leaves the others', async t => {
    const state = room.state(t)
    await state.set({ x: 1, y: 2 })
    assert.equal(await state.update({ y: 3, z: 4 }), undefined)
    assert.deepEqual(await state.copy(), { x: 1, y: 3, z: 4 })
  })

  test('delete says whether the key was there', async t => {
    const state = room.state(t)
    await state.set('x', undefined)
    assert.equal(await state.delete('x'), true)
    assert.equal(await state.delete('x'), false)
    assert.equal(await state.has('x'), false)
  })

  test('clear empties the state', async t => {
    const state = room.state(t)
    await state.set({ x: 1, y: 2 })
    assert.equal(await state.clear(), undefined)
    assert.deepEqual(await state.items(), [])
    await state.clear()
  })

  test('pop takes a key out and gives its value', async t => {
    const state = room.state(t)
    await state.set({ x: [1], y: 2 })
    assert.deepEqual(await state.pop('x'), [1])
    assert.deepEqual(await state.copy(), { y: 2 })
    assert.equal(await state.pop('x', 'none'), 'none')
    assert.equal(await state.pop('x', undefined), undefined)
    assert.equal(await state.pop('y', 'none'), 2)
  })

  test('pop of a missing key without a fallback is a KeyError that names it', async t => {
    const state = room.state(t)
    await assert.rejects(state.pop('x'), error => {
      assert.ok(error instanceof KeyError && error instanceof ZprocError)
      assert.equal(error.code, 'ZPROC_KEY')
      assert.equal(error.key, 'x')
      assert.match(error.message, /state\.pop\('x'\)/)
      return true
    })
  })

  test('popItem takes the newest key; of an empty state it is a KeyError', async t => {
    const state = room.state(t)
    await state.set({ x: 1, y: { z: 2 } })
    assert.deepEqual(await state.popItem(), ['y', { z: 2 }])
    assert.deepEqual(await state.popItem(), ['x', 1])
    await assert.rejects(state.popItem(), { name: 'KeyError', message: /state\.popItem\(\).*empty/ })
  })

  test('setDefault puts a value where there is none, and gives what is there', async t => {
    const state = room.state(t)
    assert.deepEqual(await state.setDefault('x', [1]), [1])
    assert.deepEqual(await state.setDefault('x', [2]), [1])
    await state.set('u', undefined)
    assert.equal(await state.setDefault('u', 3), undefined)
    assert.deepEqual(await state.copy(), { x: [1], u: undefined })
  })

  test('what is read belongs to the reader: changing it changes no state', async t => {
    const state = room.state(t)
    const given = { list: [1] }
    await state.set('x', given)
    given.list.push(2)
    const got = await state.get('x')
    got.list.push(3)
    const copy = await state.copy()
    copy.x.list.push(4)
    const popped = await state.setDefault('x', null)
    popped.list.push(5)
    const [value] = await state.values()
    value.list.push(6)
    assert.deepEqual(await state.get('x'), { list: [1] })
  })

  test('many calls in flight take effect in the order in which they were made', async t => {
    const state = room.state(t)
    const calls: Promise<unknown>[] = []
    for (let i = 0; i < 1000; i++) calls.push(state.set('i', i), state.get('i'))
    const results = await Promise.all(calls)
    for (let i = 0; i < 1000; i++) assert.equal(results[2 * i + 1], i)
  })

  test('any string but __proto__ is a key', async t => {
    const state = room.state(t)
    const keys = [
      '',
      'constructor',
      'toString',
      'length',
      '0',
      'ключ',
      '\u0000',
      'a.b',
      ' ',
      'x'.repeat(5000),
    ]
    const object = Object.fromEntries(keys.map((key, i) => [key, i]))
    for (const key of keys) await state.set(key, object[key])
    for (const key of keys) assert.equal(await state.get(key), object[key])
    assert.deepEqual(await state.copy(), object)
    assert.equal(await state.has('hasOwnProperty'), false)
    assert.equal(await state.get('valueOf'), undefined)
  })

  test('a key that is no string, or is __proto__, is a TypeError that shows it', async t => {
    const state = room.state(t)
    const wrong = [1, undefined, null, Symbol('s'), ['x']] as unknown as string[]
    for (const key of wrong) {
      for (const call of ['get', 'has', 'delete', 'pop'] as const)
        await assert.rejects((state[call] as (key: string) => Promise<unknown>).call(state, key), {
          name: 'TypeError',
          message: new RegExp(`state\\.${call}: .*string.*got`),
        })
      await assert.rejects(state.set(key, 1), {
        name: 'TypeError',
        message: /state\.set: .*string.*got/,
      })
      await assert.rejects(state.setDefault(key, 1), TypeError)
      await assert.rejects(state.getWhenEqual(key, 1), TypeError)
    }
    await assert.rejects(state.get(1 as unknown as string), /got 1/)
    await assert.rejects(state.set('__proto__', 1), { name: 'TypeError', message: /__proto__/ })
    await assert.rejects(state.update(JSON.parse('{"__proto__": 1}')), TypeError)
    await assert.rejects(state.set(JSON.parse('{"__proto__": 1}')), TypeError)
    assert.equal(await state.size(), 0)
  })

  test('the whole state is a plain object: anything else is a TypeError that shows it', async t => {
    const state = room.state(t)
    await state.set('kept', 1)
    for (const [wrong, shown] of [
      [5, '5'],
      ['text', "'text'"],
      [null, 'null'],
      [undefined, 'undefined'],
      [[1], 'an array of 1'],
      [new Map(), 'an instance of Map'],
      [() => 1, 'a function'],
    ] as const) {
      for (const call of ['set', 'update', 'equals'] as const)
        await assert.rejects((state[call] as (object: unknown) => Promise<unknown>).call(state, wrong), {
          name: 'TypeError',
          message: `state.${call}(…): the state must be a plain object, got ${shown}`,
        })
    }
    await assert.rejects(state.update({ [Symbol('s')]: 1 }), TypeError)
    assert.deepEqual(await state.copy(), { kept: 1 })
  })

  test('one call is one commit, or none when it has nothing to do', async t => {
    const [state, other] = await room.pair(t)
    const view = await other.view()
    const commits = async (call: () => Promise<unknown>): Promise<number> => {
      await other.set('mark', 0)
      const before = view.revision
      await call()
      await other.set('mark', 0)
      return view.revision - before - 1
    }
    assert.equal(await commits(() => state.set({ x: 1, y: 2, z: 3 })), 1)
    assert.equal(await commits(() => state.update({ x: 2, y: 3, z: 4 })), 1)
    assert.equal(await commits(() => state.set('x', 5)), 1)
    assert.equal(await commits(() => state.delete('x')), 1)
    assert.equal(await commits(() => state.delete('x')), 0)
    assert.equal(await commits(() => state.pop('x', 0)), 0)
    assert.equal(await commits(() => state.pop('y')), 1)
    assert.equal(await commits(() => state.popItem()), 1)
    assert.equal(await commits(() => state.setDefault('d', 1)), 1)
    assert.equal(await commits(() => state.setDefault('d', 2)), 0)
    assert.equal(await commits(() => state.clear()), 1)
    for (const call of ['size', 'keys', 'values', 'items', 'copy'] as const)
      assert.equal(await commits(() => (state[call] as () => Promise<unknown>).call(state)), 0)
    assert.equal(await commits(() => state.get('d')), 0)
    assert.equal(await commits(() => state.has('d')), 0)
    assert.equal(await commits(() => state.equals({})), 0)
  })
})
