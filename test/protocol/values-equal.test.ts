import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { deepEqual } from '../../src/protocol/value-equal.ts'
import { equalWires, fromWire, Packed, toWire, type Wire } from '../../src/protocol/values.ts'
import { costs } from '../kit/cost.ts'
import { equalToNode } from '../kit/same.ts'
import { anyTree, anyValue } from '../kit/values.ts'

function equal(a: unknown, b: unknown): boolean {
  const [one, other] = [toWire(a, 'test'), toWire(b, 'test')]
  const answer = equalWires(one, other)
  assert.equal(equalWires(other, one), answer, 'equality goes both ways')
  assert.equal(equalWires(anew(one), anew(other)), answer, 'it makes no difference where bytes lie')
  return answer
}

const anew = (wire: Wire): Wire => (wire instanceof Packed ? new Packed(Uint8Array.from(wire.bytes)) : wire)

test('a value is equal to itself and to its copy', () => {
  fc.assert(
    fc.property(anyValue, value => {
      const wire = toWire(value, 'test')
      assert.ok(equalWires(wire, wire))
      assert.ok(equalWires(wire, toWire(fromWire(wire), 'test')))
      if (typeof value === 'object' && value !== null)
        assert.ok(equalWires(wire, Packed.of(fromWire(wire), wire instanceof Packed && wire.isTree)))
    }),
    { numRuns: 2000 },
  )
})

test('any two values are equal if and only if Node says so', () => {
  const similar = fc.oneof(
    fc.tuple(anyValue, anyValue),
    fc.tuple(anyTree, anyTree),
    fc.tuple(small(), small()),
    fc.tuple(small(), small()),
  )
  fc.assert(
    fc.property(similar, ([a, b]) => {
      const answer = equal(a, b)
      assert.equal(answer, equalToNode(a, b) ?? answer)
    }),
    { numRuns: 3000 },
  )
})

// Few and small values, so that many pairs are equal or nearly so.
const small = (): fc.Arbitrary<unknown> =>
  fc.letrec(tie => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(0, 1, -0, undefined, 'a', Number.NaN),
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom('a', 'b'), tie('value'), { maxKeys: 2 }),
      fc.array(tie('value'), { maxLength: 3 }).map(items => new Set(items)),
      fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 2 }).map(items => new Map(items)),
    ),
  })).value

const pairs: [what: string, a: unknown, b: unknown, equal: boolean][] = [
  ['NaN and NaN', Number.NaN, Number.NaN, true],
  ['0 and -0', 0, -0, false],
  ['-0 and -0', -0, -0, true],
  ['0 and -0 in a list', [0], [-0], false],
  ['1 and 1n', 1, 1n, false],
  ['null and undefined', null, undefined, false],
  ['keys in another order', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }, true],
  ['values swapped between keys', { a: 1, b: 2 }, { a: 2, b: 1 }, false],
  ['elements in another order', [1, 2], [2, 1], false],
  ['a key with undefined and no key', { a: undefined }, {}, false],
  ['a hole and undefined', new Array(1), [undefined], false],
  ['holes and holes', new Array(4e9), new Array(4e9), true],
  ['an object and one without a prototype', {}, Object.create(null), false],
  ['an object and an array', {}, [], false],
  ['lists with other properties', Object.assign([1], { a: 1 }), Object.assign([1], { a: 2 }), false],
  ['long lists, one with a property', long(), Object.assign(long(), { a: 1 }), false],
  ['shared parts and copies', (part => [part, part])({ a: 1 }), [{ a: 1 }, { a: 1 }], true],
  ['dates', new Date(1), new Date(1), true],
  ['other dates', new Date(1), new Date(2), false],
  ['invalid dates', [new Date(Number.NaN), 1n], [new Date(Number.NaN), 1n], true],
  ['patterns that stand elsewhere', at(1), at(2), false],
  ['sets in another order', new Set([1, { a: 1 }, { b: 2 }]), new Set([{ b: 2 }, { a: 1 }, 1]), true],
  ['sets with other objects', new Set([{ a: 1 }, { b: 2 }]), new Set([{ a: 1 }, { b: 3 }]), false],
  [
    'sets where one object answers for two',
    new Set([{ a: 1 }, { a: 1 }]),
    new Set([{ a: 1 }, { a: 2 }]),
    false,
  ],
  [
    'maps in another order',
    new Map<unknown, unknown>([
      ['a', 1],
      [{}, 2],
    ]),
    new Map<unknown, unknown>([
      [{}, 2],
      ['a', 1],
    ]),
    true,
  ],
  [
    'maps with other values',
    new Map([
      [{}, 1],
      [{}, 2],
    ]),
    new Map([
      [{}, 1],
      [{}, 3],
    ]),
    false,
  ],
  [
    'maps with objects as keys in another order',
    new Map([
      [{ a: 1 }, 1],
      [{ a: 2 }, 2],
    ]),
    new Map([
      [{ a: 2 }, 2],
      [{ a: 1 }, 1],
    ]),
    true,
  ],
  ['bytes', [Buffer.from('a')], [Buffer.from('a')], true],
  ['other bytes', [Buffer.from('a')], [Buffer.from('b')], false],
  ['a Buffer and a Uint8Array', Buffer.from('a'), Uint8Array.from(Buffer.from('a')), false],
  ['array buffers', Uint8Array.of(1).buffer, Uint8Array.of(2).buffer, false],
  ['errors from other places', new Error('x'), new Error('x'), true],
  ['errors of other classes', new Error('x'), new TypeError('x'), false],
  ['errors with other causes', new Error('x', { cause: 1 }), new Error('x', { cause: 2 }), false],
  ['errors with and without a cause', new Error('x', { cause: undefined }), new Error('x'), false],
  ['errors with other fields', Object.assign(new Error('x'), { a: 1 }), new Error('x'), false],
  ['cycles', cycle(1), cycle(1), true],
  ['cycles of another length', cycle(1), cycle(2), true],
  ['cycles with another content', cycle(1, 'a'), cycle(1, 'b'), false],
]

function long(): number[] {
  return Array.from({ length: 1000 }, (_, i) => i)
}

function at(index: number): RegExp {
  const pattern = /x/g
  pattern.lastIndex = index
  return pattern
}

function cycle(length: number, content = ''): object {
  const start: { next?: object; content: string } = { content }
  let last = start
  for (let i = 1; i < length; i++) {
    const next = { content }
    last.next = next
    last = next
  }
  last.next = start
  return start
}

for (const [what, a, b, answer] of pairs)
  test(`${what} are ${answer ? 'equal' : 'not equal'}`, () => {
    assert.equal(equal(a, b), answer)
  })

test('deep values are compared, however deep', () => {
  const deep = (end: unknown) => {
    let value: unknown = end
    for (let i = 0; i < 9000; i++) value = i % 2 ? [value, 1n] : new Set([value])
    return value
  }
  assert.equal(equal(deep([1]), deep([1])), true)
  assert.equal(equal(deep([1, { a: 1, b: 2 }]), deep([1, { b: 2, a: 1 }])), true)
  assert.equal(equal(deep([1]), deep([2])), false)
})

test('sets that would take for ever to match are answered soon', () => {
  // Each pair differs only at its end, and each has to be tried with each other one.
  const objects = (from: number) =>
    new Set(Array.from({ length: 5000 }, (_, i) => ({ same: 'x', n: [from + ((i * 7919) % 5000)] })))
  const start = performance.now()
  assert.equal(equal(objects(0), objects(1)), false)
  assert.ok(performance.now() - start < 10_000)
})

test('trees that differ are told apart without decoding them', () => {
  // Bytes that nothing could decode: comparing these must not try.
  const one = new Packed(Uint8Array.of(0, 0xc1, 1))
  assert.equal(equalWires(one, new Packed(Uint8Array.of(0, 0xc1, 2))), false)
  assert.equal(equalWires(one, new Packed(Uint8Array.of(0, 0xc1))), false)
  assert.equal(equalWires(one, new Packed(Uint8Array.of(0, 0xc1, 1))), true)
})

/** A value as a graph: objects by their numbers, what they hold, and whether its order counts. */
interface Graph {
  kinds: ('object' | 'set' | 'map')[]
  /** Three for each object: a number below 0 is a primitive. */
  held: number[][]
}

const COUNT = 6
const graphs: fc.Arbitrary<Graph> = fc.record({
  kinds: fc.array(fc.constantFrom('object', 'set', 'set', 'set', 'map'), {
    minLength: COUNT,
    maxLength: COUNT,
  }),
  held: fc.array(fc.array(fc.integer({ min: -1, max: COUNT - 1 }), { minLength: 3, maxLength: 3 }), {
    minLength: COUNT,
    maxLength: COUNT,
  }),
}) as fc.Arbitrary<Graph>

function built({ kinds, held }: Graph): object {
  const all = kinds.map(kind => (kind === 'object' ? {} : kind === 'set' ? new Set() : new Map()))
  for (const [i, value] of all.entries()) {
    const [a, b, c] = (held[i] as number[]).map(at => (at < 0 ? at : all[at]))
    if (value instanceof Set) value.add(a).add(b).add(c)
    else if (value instanceof Map) value.set(a, b).set(c, a)
    else Object.assign(value, { a, b, c })
  }
  return all[0] as object
}

/** Equal, as long as nothing tells them apart: pairs are struck out until no more have to be, every order of a Set is tried. */
function model(a: object, b: object): boolean {
  const objects = (root: object) => {
    const all = new Set([root])
    for (const one of all)
      for (const part of one instanceof Map ? [...one].flat() : one instanceof Set ? one : Object.values(one))
        if (typeof part === 'object') all.add(part)
    return [...all]
  }
  const equals = new Map(
    objects(a).map(x => [x, new Set(objects(b).filter(y => x.constructor === y.constructor))]),
  )
  const same = (x: unknown, y: unknown): boolean =>
    Object.is(x, y) || (typeof x === 'object' && equals.get(x as object)?.has(y as object)) === true
  const matched = (x: unknown[], y: unknown[]): boolean =>
    x.length === y.length &&
    (x.length === 0 || y.some((part, i) => bothSame(x[0], part) && matched(x.slice(1), y.toSpliced(i, 1))))
  const bothSame = (x: unknown, y: unknown): boolean =>
    Array.isArray(x) && Array.isArray(y) ? x.every((part, i) => same(part, y[i])) : same(x, y)
  for (let again = true; again; ) {
    again = false
    for (const [x, all] of equals)
      for (const y of all) {
        const holds =
          x instanceof Map || x instanceof Set
            ? matched([...x], [...(y as Set<unknown>)])
            : Object.values(x).every((part, i) => same(part, Object.values(y)[i]))
        if (!holds) again = all.delete(y)
      }
  }
  return same(a, b)
}

const edits = fc.array(fc.tuple(fc.nat(COUNT - 1), fc.nat(2), fc.integer({ min: -1, max: COUNT - 1 })), {
  maxLength: 2,
})

test('values that hold themselves are equal if and only if nothing tells them apart, in any order', () => {
  let equals = 0
  fc.assert(
    fc.property(graphs, edits, fc.boolean(), ({ kinds, held }, changes, reversed) => {
      // Nearly equal: what differs is a part or two, or the order of those in Sets.
      const others = held.map(parts => [...parts])
      for (const [at, part, value] of changes) (others[at] as number[])[part] = value
      if (reversed) for (const [i, parts] of others.entries()) if (kinds[i] === 'set') parts.reverse()
      const [x, y] = [built({ kinds, held }), built({ kinds, held: others })]
      const expected = model(x, y)
      if (expected) equals++
      assert.equal(equal(x, y), expected)
    }),
    { numRuns: 10_000 },
  )
  assert.ok(equals > 1000)
})

test('large objects in Sets that come in another order are compared in less time than they are read', () => {
  const count = 1000
  const fields = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`field${i}`, i]))
  const make = (from: number) =>
    new Set(Array.from({ length: count }, (_, i) => ({ ...fields, last: (i + from) % count, in: [i, {}] })))
  const other = [...make(0)].reverse()
  const different = other.map(held => (held.last === 7 ? { ...held, field1: 2 } : held))
  const wires = [make(0), new Set(other), new Set(different)].map(value => toWire(value, 'test'))
  const { reading, same, unequal } = costs(5, {
    reading: () => [wires[0], wires[1]].map(wire => (wire as Packed).read()),
    same: () => assert.equal(equalWires(wires[0] as Wire, wires[1] as Wire), true),
    unequal: () => assert.equal(equalWires(wires[0] as Wire, wires[2] as Wire), false),
  })
  assert.ok(same < reading && unequal < reading, `${same} and ${unequal} µs to compare, ${reading} to read`)
})

test('large objects in Sets whose keys come in another order as well cost little more than to copy them', () => {
  const count = 1000
  const fields = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`field${i}`, i]))
  const make = (from: number) =>
    new Set(Array.from({ length: count }, (_, i) => ({ ...fields, last: (i + from) % count })))
  const [a, b] = [make(0), make(count / 2)]
  const different = new Set([...b].map(held => (held.last === 7 ? { ...held, field1: 2 } : held)))
  const { copying, comparing } = costs(5, {
    copying: () => structuredClone([a, b]),
    comparing: () => {
      assert.equal(deepEqual(a, b), true)
      assert.equal(deepEqual(a, different), false)
    },
  })
  assert.ok(comparing < 20 * copying, `${comparing} µs to compare twice, ${copying} µs to copy`)
})
