import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import test from 'node:test'
import { checkKey, checkTree, describe, toWire } from '../../src/protocol/values.ts'

class Foo {
  x = 1
}
class Stack extends Array {}
class Oops extends Error {}
class Cache extends Map {}

const refused: [what: string, value: unknown, is: string][] = [
  ['a function', () => 1, 'is a function'],
  ['a class', Foo, 'is a class'],
  ['a symbol', Symbol('x'), 'is a symbol'],
  ['a promise', Promise.resolve(1), 'is a Promise'],
  ['an instance of a class', new Foo(), 'is an instance of Foo'],
  ['an instance of a subclass of Array', new Stack(), 'is an instance of Stack'],
  ['an instance of a subclass of Map', new Cache(), 'is an instance of Cache'],
  ["an error of a user's class", new Oops('x'), 'is an instance of Oops'],
  ['a WeakMap', new WeakMap(), 'is an instance of WeakMap'],
  ['a WeakSet', new WeakSet(), 'is an instance of WeakSet'],
  ['a WeakRef', new WeakRef({}), 'is an instance of WeakRef'],
  ['a URL', new URL('http://localhost'), 'is an instance of URL'],
  ['a stream', new PassThrough(), 'is an instance of PassThrough'],
  ['a boxed number', Object(1), 'is an instance of Number'],
  ['a boxed string', Object('x'), 'is an instance of String'],
  [
    'an instance of a class without a name',
    new (class extends Map {})(),
    'is an instance of an unnamed class',
  ],
  ['a generator', (function* () {})(), 'is an instance of Generator'],
  ['a proxy of a map', new Proxy(new Map(), {}), 'is an instance of Map'],
  ['an object that only claims to be a Date', Object.create(Date.prototype), 'is an instance of Date'],
  [
    'an object that inherits from another one',
    Object.create({ a: 1 }),
    'is an object with a prototype of its own',
  ],
  ['a SharedArrayBuffer', new SharedArrayBuffer(8), 'is memory shared between threads (SharedArrayBuffer)'],
  [
    'a view on shared memory',
    new Uint8Array(new SharedArrayBuffer(8)),
    'is memory shared between threads (SharedArrayBuffer)',
  ],
  ['a buffer that was handed over', detached(), 'is a detached ArrayBuffer'],
  ['arguments', callArguments(1), 'has a symbol as a key: Symbol(Symbol.iterator)'],
  ['Math', Math, 'has a symbol as a key: Symbol(Symbol.toStringTag)'],
  ['an object with a symbol as a key', { [Symbol('s')]: 1 }, 'has a symbol as a key: Symbol(s)'],
  [
    'an array with a symbol as a key',
    Object.assign([], { [Symbol('s')]: 1 }),
    'has a symbol as a key: Symbol(s)',
  ],
  [
    'an error with a symbol as a key',
    Object.assign(new Error('x'), { [Symbol('s')]: 1 }),
    'has a symbol as a key: Symbol(s)',
  ],
]

function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(8)
  structuredClone(buffer, { transfer: [buffer] })
  return buffer
}

function callArguments(..._: unknown[]): unknown {
  // biome-ignore lint/complexity/noArguments: it is what a user may send
  return arguments
}

for (const [what, value, is] of refused)
  test(`${what} is a TypeError that names the call and the path`, () => {
    const expected = (path: string) => ({ name: 'TypeError', message: `state.set('jobs', …): ${path} ${is}` })
    const call = "state.set('jobs', …)"
    assert.throws(() => toWire(value, call, 'jobs'), expected('jobs'))
    assert.throws(() => toWire([{ run: value }], call, 'jobs'), expected('jobs[0].run'))
    assert.throws(() => checkTree([{ run: value }], call, 'jobs'), expected('jobs[0].run'))
    assert.throws(() => toWire({ at: new Date(), run: value }, call), expected('run'))
    assert.throws(() => toWire(value, call), expected('the value'))
  })

const paths: [where: string, value: unknown][] = [
  ["jobs['a b'][\"'\"]".replace('"\'"', "'\\''"), { 'a b': { "'": print } }],
  ['jobs.größe[3]', { größe: [1, 2, 3, print] }],
  ["jobs.get('k').run", new Map([['k', { run: print }]])],
  ['jobs.get(7)', new Map([[7, print]])],
  [
    'jobs (value 1)',
    new Map<unknown, unknown>([
      [1, 1],
      [{}, print],
    ]),
  ],
  ['jobs (key 0).run', new Map([[{ run: print }, 1]])],
  ['jobs (element 1)[0]', new Set([1, [print]])],
  ['jobs.cause.detail', new Error('x', { cause: { detail: print } })],
  ['jobs.errors[1]', new AggregateError([1, print])],
  ['jobs.extra', Object.assign(new Error('x'), { extra: print })],
  ['jobs[2]', Object.assign([], { 2: print })],
  ['jobs.more', Object.assign([1], { more: print })],
  ['jobs.a.b', { a: Object.assign(Object.create(null), { b: print }) }],
]

function print(): void {}

for (const [where, value] of paths)
  test(`the path ${where} is found`, () => {
    assert.throws(() => toWire(value, 'call', 'jobs'), {
      name: 'TypeError',
      message: `call: ${where} is a function`,
    })
  })

test('__proto__ as a key of its own is refused at any depth', () => {
  const own = JSON.parse('{"__proto__": {"polluted": true}}')
  const message = 'call: jobs[0].a.__proto__ is refused as a key'
  assert.throws(() => toWire([{ a: own }], 'call', 'jobs'), { name: 'TypeError', message })
  assert.throws(() => checkTree([{ a: own }], 'call', 'jobs'), { name: 'TypeError', message })
  const bare = Object.assign(Object.create(null), own)
  assert.throws(() => toWire([{ a: bare }], 'call', 'jobs'), { name: 'TypeError', message })
})

test('what a Map, Set, Date or RegExp was given as a property is refused, not lost', () => {
  for (const value of [new Map(), new Set(), new Date(), /x/])
    assert.throws(() => toWire([Object.assign(value, { extra: 1 })], 'call', 'jobs'), {
      name: 'TypeError',
      message:
        /^call: jobs\[0\]\.extra is a property of an instance of (Map|Set|Date|RegExp), which carries none$/,
    })
})

test('an error that reading a property throws is thrown as it is', () => {
  const error = new Error('not now')
  const value = {
    get broken() {
      throw error
    },
  }
  assert.throws(() => toWire(value, 'call'), error)
  assert.throws(() => toWire([new Date(), value], 'call'), error)
})

test('keys of a state are strings, Unicode text, and not __proto__', () => {
  for (const key of ['', 'a', 'constructor', 'ключ', '💥']) checkKey(key, 'state.get')
  const refusals: [unknown, string][] = [
    [1, 'a key must be a string, got 1'],
    [undefined, 'a key must be a string, got undefined'],
    [Symbol('x'), 'a key must be a string, got a symbol'],
    [['a'], 'a key must be a string, got an array of 1'],
    ['__proto__', "'__proto__' is refused as a key"],
    ['a\ud800', "a key must be Unicode text, got 'a\\ud800', which has half a character in it"],
  ]
  for (const [key, message] of refusals)
    assert.throws(() => checkKey(key, 'state.get'), { name: 'TypeError', message: `state.get: ${message}` })
})

test('any value is described in a few words', () => {
  const descriptions: [unknown, string][] = [
    [null, 'null'],
    [undefined, 'undefined'],
    [-0, '-0'],
    [Number.NaN, 'NaN'],
    [12n, '12n'],
    ['text', "'text'"],
    ['it\'s "x"\n', "'it\\'s \"x\"\\n'"],
    ['x'.repeat(100), `'${'x'.repeat(60)}…'`],
    [Symbol('x'), 'a symbol'],
    [() => 1, 'a function'],
    [class {}, 'a class'],
    [[1, 2], 'an array of 2'],
    [{}, 'an object'],
    [Object.create(null), 'an object'],
    [{ constructor: 1 }, 'an object'],
    [Promise.resolve(), 'a Promise'],
    [new Foo(), 'an instance of Foo'],
    [new Date(0), 'an instance of Date'],
    [
      new Proxy(
        {},
        {
          get() {
            throw new Error('no')
          },
        },
      ),
      'an object',
    ],
  ]
  for (const [value, description] of descriptions) assert.equal(describe(value), description)
})
