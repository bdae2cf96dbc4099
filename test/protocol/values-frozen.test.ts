import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { fromWire, frozenFromWire, sharedFromWire, toWire } from '../../src/protocol/values.ts'
import { equalToNode } from '../kit/same.ts'
import { anyValue, assertSame } from '../kit/values.ts'

const frozen = (value: unknown): unknown => frozenFromWire(toWire(value, 'test'))

test('any value can be frozen: still equal, each part of it frozen, and as good to send as before', () => {
  fc.assert(
    fc.property(anyValue, value => {
      const wire = toWire(value, 'test')
      const one = frozenFromWire(wire)
      assert.equal(frozenFromWire(wire), one)
      assertSame(fromWire(toWire(one, 'test')), fromWire(wire))
      if (equalToNode(fromWire(wire), value)) assert.notEqual(equalToNode(one, value), false)
      everyPart(one, part => assert.ok(Object.isFrozen(part) || ArrayBuffer.isView(part)))
    }),
    { numRuns: 1000 },
  )
})

function everyPart(root: unknown, check: (part: object) => void): void {
  const seen = new Set<unknown>()
  const todo = [root]
  while (todo.length > 0) {
    const part = todo.pop()
    if (typeof part !== 'object' || part === null || seen.has(part)) continue
    seen.add(part)
    check(part)
    if (ArrayBuffer.isView(part)) continue
    if (part instanceof Map) todo.push(...part.keys(), ...part.values())
    else if (part instanceof Set) todo.push(...part)
    if (part instanceof Error) todo.push(part.cause, (part as AggregateError).errors)
    todo.push(...Object.values(part))
  }
}

test('a frozen Map, Set or Date refuses to be changed, and says what to do', () => {
  const refusal = {
    name: 'TypeError',
    message: 'a snapshot cannot be changed: use the State to change the state',
  }
  const { map, set, date } = frozen({
    map: new Map([['a', 1]]),
    set: new Set([1]),
    date: new Date(0),
  }) as { map: Map<string, number>; set: Set<number>; date: Date }
  assert.throws(() => map.set('b', 2), refusal)
  assert.throws(() => map.delete('a'), refusal)
  assert.throws(() => map.clear(), refusal)
  assert.throws(() => set.add(2), refusal)
  assert.throws(() => set.delete(1), refusal)
  assert.throws(() => set.clear(), refusal)
  assert.throws(() => date.setTime(1), refusal)
  assert.throws(() => date.setUTCFullYear(2000), refusal)
  assert.deepEqual([map, set, date], [new Map([['a', 1]]), new Set([1]), new Date(0)])
})

test('a frozen object or list refuses to be changed', () => {
  const value = frozen({ list: [{ a: 1 }] }) as { list: { a?: number }[]; more?: number }
  assert.throws(() => value.list.push({}), TypeError)
  assert.throws(() => {
    delete value.list[0]?.a
  }, TypeError)
  assert.throws(() => {
    value.more = 1
  }, TypeError)
})

test('a fresh copy of a frozen value may be changed', () => {
  const wire = toWire({ list: [1], map: new Map() }, 'test')
  frozenFromWire(wire)
  const copy = fromWire(wire) as { list: number[]; map: Map<number, number> }
  copy.list.push(2)
  copy.map.set(1, 1)
  assert.deepEqual(sharedFromWire(wire), { list: [1], map: new Map() })
})

test('a frozen sparse array of any length is frozen soon', () => {
  assert.equal((frozen(Object.assign([], { 5: {}, length: 4e9 })) as unknown[]).length, 4e9)
})
