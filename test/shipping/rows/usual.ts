// More of what people write, rows for the same table as in rows.ts.
import { format, promisify } from 'node:util'
import { about, ships, stays } from './row.js'

const base = 5
const options = { retries: 2, nested: { list: [1, 2] } }

about('Data')
const found = Object.assign(/a(?<letter>.)/gy, { label: 'ab' })
found.lastIndex = 2
ships(
  'RegExp and Date with a `lastIndex` and properties of their own',
  () => [found.lastIndex, found.exec('aaab')?.groups?.letter, found.label, noon.zone, noon.getTime()],
  [2, 'b', 'ab', 'utc', 5],
)
const noon = Object.assign(new Date(5), { zone: 'utc' })
const memory = new ArrayBuffer(16)
const window = new Uint8Array(memory, 4, 4)
const slice = Buffer.from(memory, 6, 4)
ships('a Buffer that shares its memory with a view', () => {
  slice[0] = 7
  return [window[2], window.byteOffset, slice.length]
}, [7, 4, 4])
const boxes = [Object(1), Object('ab'), Object(true), Object(2n)]
ships('boxed numbers, strings, booleans, bigints', () => boxes.map(box => typeof box.valueOf()), [
  'number',
  'string',
  'boolean',
  'bigint',
])
// biome-ignore lint/suspicious/noSparseArray: a hole is what is tried
const sparse = [1, , 3]
sparse[9] = 4
ships('sparse arrays', () => [sparse.length, Object.keys(sparse)], [10, ['0', '2', '9']])
const marked = {
  [Symbol.iterator]: function* () {
    yield base
  },
  [Symbol.toPrimitive]: () => 42,
  [Symbol.toStringTag]: 'Marked',
}
ships(
  'objects with well-known symbols as keys',
  () => [[...marked], +(marked as unknown as number), Object.prototype.toString.call(marked)],
  [[5], 42, '[object Marked]'],
)
const hidden = Object.create(null, { seen: { value: 1, enumerable: true }, unseen: { value: 2 } })
ships('properties that are not enumerable', () => [hidden.seen, hidden.unseen, Object.keys(hidden)], [
  1,
  2,
  ['seen'],
])
const many = new AggregateError([new Error('one'), new TypeError('two')], 'both')
ships(
  'AggregateError',
  () => [many instanceof AggregateError, many.errors[1] instanceof TypeError, many.errors[0].message],
  [true, true, 'one'],
)
const keyed = new Map<unknown, string>([
  [Date, 'date'],
  [options, 'options'],
])
ships('Maps with classes and objects as keys', () => [keyed.get(Date), keyed.get(options)], [
  'date',
  'options',
])
const notes = new WeakMap([[options, 'kept']])
const known = new WeakSet<object>([Buffer, options])
ships(
  'WeakMap, WeakSet: what else is sent is still in them',
  () => [notes.get(options), known.has(options), known.has({})],
  ['kept', true, false],
)

about('Functions')
ships(
  'parameters from patterns, with captured defaults',
  (({ a = base, b: { c = options.retries } = {} }: { a?: number; b?: { c?: number } } = {}, [d = a] = []) => [
    a,
    c,
    d,
  ]) as () => unknown,
  [5, 2, 5],
)
const memo = (() => {
  const cache = new Map<number, number>()
  return function fib(n: number): number {
    const hit = cache.get(n)
    if (hit !== undefined) return hit
    const value = n < 2 ? n : fib(n - 1) + fib(n - 2)
    cache.set(n, value)
    return value
  }
})()
ships('memoised functions, with their cache', () => memo(50), 12586269025)
const lazily = (() => {
  let made: object | undefined
  return () => {
    made ??= { id: 1 }
    return made
  }
})()
ships(
  'values made at the first call',
  () => {
    const first = lazily()
    return first === lazily()
  },
  true,
)
const pipe =
  (...steps: ((n: number) => number)[]) =>
  (n: number) =>
    steps.reduce((at, step) => step(at), n)
const piped = pipe(
  n => n + base,
  n => n * 2,
)
ships('functions made of functions', () => piped(1), 12)
const twins = [() => 1, () => 2, () => 1]
ships('functions alike in one line', () => twins.map(twin => twin()), [1, 2, 1])
function Old(this: { n: number }, n: number) {
  this.n = n
}
Old.prototype = {
  constructor: Old,
  get(this: { n: number }) {
    return this.n
  },
}
function Older(this: { n: number }, n: number) {
  Old.call(this, n)
}
Older.prototype = Object.create(Old.prototype)
Older.prototype.constructor = Older
const NewOlder = Older as unknown as new (n: number) => { n: number; get(): number }
const older = new NewOlder(3)
ships(
  'inheritance between constructor functions',
  () => [
    older.get(),
    older instanceof Older,
    older instanceof Old,
    new NewOlder(4) instanceof Old,
    Object.getPrototypeOf(Older.prototype) === Old.prototype,
  ],
  [3, true, true, true, true],
)
let count = 0
// biome-ignore lint/suspicious/noFunctionAssign: a function that replaces itself is what is tried
function first(): number {
  count++
  // @ts-expect-error: JavaScript allows it
  first = () => -1
  return count
}
ships('functions that replace themselves', () => [first(), first(), count], [1, -1, 1])
const fixed = Object.freeze(Object.assign(() => base, { unit: 'g' }))
ships('frozen functions', () => [fixed(), fixed.unit, Object.isFrozen(fixed)], [5, 'g', true])
const renamed = Object.defineProperties((n: number) => n, { name: { value: 'other' }, length: { value: 9 } })
ships('functions with another name and length', () => [renamed.name, renamed.length], ['other', 9])
const wait = promisify(setTimeout)
ships('what `promisify` makes of a function of Node', async () => [await wait(1), format('%d', base)], [
  undefined,
  '5',
])
ships('`arguments` and `new.target` of the function itself', () => {
  function Target(this: unknown, ..._: number[]) {
    // biome-ignore lint/complexity/noArguments: `arguments` is what is tried
    return new.target ? { made: arguments.length } : arguments.length
  }
  return [
    (Target as (...n: number[]) => number)(1, 2),
    new (Target as unknown as new (n: number) => object)(1),
  ]
}, [2, { made: 1 }])
ships('loops with labels', () => {
  const out: number[] = []
  outer: for (const i of [1, 2, 3]) {
    for (const j of [1, 2, 3]) {
      if (j === 2) continue outer
      if (i === 3) break outer
      out.push(i * j)
    }
  }
  return out
}, [1, 2])
ships(
  '`catch` without a variable, `finally`',
  async () => {
    try {
      await Promise.reject(new Error('x'))
      return 'no'
    } catch {
      return base
    } finally {
      await null
    }
  },
  5,
)
async function* numbers(to = base) {
  for (let i = 0; i < to; i++) yield i
}
async function* doubled(of: AsyncIterable<number>) {
  for await (const n of of) yield n * 2
}
ships('async generators in a row', async () => {
  const out: number[] = []
  for await (const n of doubled(numbers(3))) out.push(n)
  return out
}, [0, 2, 4])

about('Classes')
class Node1 {
  next: Node2 | undefined
  link(): this {
    this.next = new Node2(this)
    return this
  }
}
class Node2 {
  readonly back: Node1
  constructor(back: Node1) {
    this.back = back
  }
  root(): Node1 {
    return this.back instanceof Node1 ? this.back : new Node1()
  }
}
const linked = new Node1().link()
ships(
  'classes that refer to each other, and their instances',
  () => [linked.next?.root() === linked, new Node1().link().next?.back instanceof Node1],
  [true, true],
)
class Bytes extends Uint8Array {
  total(): number {
    return this.reduce((a, b) => a + b, 0)
  }
}
const few = new Bytes([1, 2, 3])
class Day extends Date {
  get iso(): string {
    return this.toISOString()
  }
}
const day = new Day(0)
class Pattern extends RegExp {
  get text(): string {
    return this.source
  }
}
const matcher = new Pattern('a+', 'g')
ships(
  'subclasses of Date, RegExp and typed arrays, and their instances',
  () => [
    few.total(),
    few instanceof Bytes,
    day.iso,
    day instanceof Day,
    matcher.text,
    'aab'.replace(matcher, 'x'),
  ],
  [6, true, '1970-01-01T00:00:00.000Z', true, 'a+', 'xb'],
)
class Cached extends Map<string, number> {
  #hits = 0
  override get(key: string): number | undefined {
    this.#hits++
    return super.get(key)
  }
  get hits(): number {
    return this.#hits
  }
}
const cached = new Cached()
cached.set('a', 1)
cached.get('a')
ships(
  'private fields beside the entries of a Map',
  () => [cached.get('a'), cached.hits, cached.size],
  [1, 2, 1],
)
const name = 'dynamic'
class Computed {
  [name] = 1;
  [`${name}Method`]() {
    return 2
  }
  get [`${name}Getter`]() {
    return 3
  }
}
const computed: Record<string, unknown> & { dynamicMethod?(): number } = new Computed() as never
ships(
  'instances with computed names',
  () => [computed[name], computed.dynamicMethod?.(), computed.dynamicGetter],
  [1, 2, 3],
)
const prototype = Node1.prototype
ships('the prototype of a class is that of the class there', () => prototype === Node1.prototype, true)
const frozenClass = Object.freeze(
  class {
    static unit = 'g'
    n = base
  },
)
ships('frozen classes', () => [frozenClass.unit, new frozenClass().n, Object.isFrozen(frozenClass)], [
  'g',
  5,
  true,
])
class Observed {
  #listeners = new Set<(n: number) => void>()
  on(listener: (n: number) => void): this {
    this.#listeners.add(listener)
    return this
  }
  emit(n: number): void {
    for (const listener of this.#listeners) listener(n)
  }
}
const heard: number[] = []
const observed = new Observed().on(n => heard.push(n))
ships('an instance with listeners that share a variable with the function', () => {
  observed.emit(1)
  return heard
}, [1])

about('Imports and globals')
const clock = performance
const streams = { out: process.stdout, err: process.stderr }
ships(
  'the clock and the streams of the process, in variables',
  () => [clock === performance, streams.out === process.stdout, streams.err === process.stderr],
  [true, true, true],
)
const { Headers: Head, structuredClone: clone } = globalThis
const has = Object.prototype.hasOwnProperty
ships(
  'classes and methods of the platform under other names',
  () => [new Head([['a', 'b']]).get('a'), clone({ a: [1] }), has.call({ a: 1 }, 'a')],
  ['b', { a: [1] }, true],
)

about('Not sent')
const key = 'key'
class Keyed {
  [`${key}Of`]() {
    return 1
  }
}
stays(
  'a class with a computed name that nothing else can tell',
  function make() {
    return new Keyed()
  },
  'ctx.process(make): `make` uses `Keyed`, which uses `key`, which was needed only while the class was made, and is gone (FILE:LINE). Write the name of the member out.',
)
const counted = (function tally(): () => number {
  const all = tally as { n?: number } & typeof tally
  all.n = 1
  return () => tally.length
})()
stays(
  'the name of a function expression around it that is asked for more than to run',
  function look() {
    return counted()
  },
  'ctx.process(look): `look` uses `counted`, which uses `tally`, which is the name of a function expression around it, of which nobody else can get hold (FILE:LINE). Give it a variable, `const tally = function …`, and use that.',
)
const given = (function (..._: number[]) {
  // biome-ignore lint/complexity/noArguments: `arguments` is what is tried
  return arguments
})(1, 2)
stays(
  'an `arguments` object',
  function count() {
    return given.length
  },
  'ctx.process(count): `count` uses `given`, an arguments object (FILE:LINE). Make an array of it, `[...arguments]`, or use a rest parameter.',
)
const revocable = { list: [Proxy.revocable([], {})] }
stays(
  'Proxies, deep inside data',
  function look() {
    return revocable
  },
  'ctx.process(look): `look` uses `revocable.list[0].proxy`, a Proxy (FILE:LINE). What it does cannot be seen: send the object behind it, and make the Proxy inside the function.',
)
class Service {
  name = 'service'
  handle = () => this.name
}
const service = new Service()
stays(
  'an instance with an arrow function that uses its `this`',
  function call() {
    return service.handle()
  },
  'ctx.process(call): `call` uses `service.handle`, which uses `this` of the code around it (FILE:LINE). Keep what it needs in a variable, and use the variable.',
)
const finder = new Intl.Collator()
stays(
  'objects of `Intl`',
  function order() {
    return ['b', 'a'].sort(finder.compare)
  },
  'ctx.process(order): `order` uses `finder`, a Collator (FILE:LINE). It belongs to its process: make it inside the function.',
)
const letters = ['a', 'b'].values()
stays(
  'iterators of lists',
  function next() {
    return letters.next()
  },
  'ctx.process(next): `next` uses `letters`, an iterator (FILE:LINE). Send what it goes through, and make the iterator inside the function.',
)
const gone = new ArrayBuffer(4)
structuredClone(gone, { transfer: [gone] })
stays(
  'an ArrayBuffer whose memory was transferred',
  function look() {
    return gone
  },
  'ctx.process(look): `look` uses `gone`, an ArrayBuffer whose memory was transferred (FILE:LINE). Send it before it is given away, or send a copy.',
)
const shared = new Int32Array(new SharedArrayBuffer(8))
stays(
  'views of shared memory',
  function peek() {
    return shared[0]
  },
  'ctx.process(peek): `peek` uses `shared.buffer`, a SharedArrayBuffer (FILE:LINE). Memory is not shared between processes: use an ArrayBuffer, or the state.',
)
const rejected = { later: (async () => base)() }
stays(
  'promises in objects',
  function use() {
    return rejected
  },
  'ctx.process(use): `use` uses `rejected.later`, a promise (FILE:LINE). Await it first and use the result, or make the promise inside the function.',
)
const registry = new FinalizationRegistry(() => {})
stays(
  'a FinalizationRegistry',
  function watch() {
    return registry
  },
  'ctx.process(watch): `watch` uses `registry`, a FinalizationRegistry (FILE:LINE). It belongs to its process: make it inside the function.',
)
