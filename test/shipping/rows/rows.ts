// Each row is one line of the table in docs/shipping.md. This file is run five times: as it is under tsx, compiled
// by tsc, as plain ESM, as plain CommonJS, and inside a test runner that rewrites imports.
import { EventEmitter } from 'node:events'
import * as fs from 'node:fs'
import { readFileSync as read } from 'node:fs'
import { createServer, Socket } from 'node:net'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { MessageChannel } from 'node:worker_threads'
import { parse } from 'acorn'
import * as dep from './dep.js'
import half, { callCount, twice as double, Jar, unit } from './dep.js'
import { about, ships, stays } from './row.js'

about('Data')
const count = 5
const text = 'five'
ships('numbers, strings, booleans, null, undefined', () => [count, text, yes, nothing, undef], [
  5,
  'five',
  true,
  null,
  undefined,
])
const yes = true
const nothing = null
const undef = undefined
const odd = { nan: Number.NaN, zero: -0, big: 1n << 70n, infinite: Number.POSITIVE_INFINITY }
ships('NaN, -0, Infinity, bigint', () => odd, {
  nan: Number.NaN,
  zero: -0,
  big: 1n << 70n,
  infinite: Number.POSITIVE_INFINITY,
})
const day = new Date(86_400_000)
ships('Date', () => day.toISOString(), '1970-01-02T00:00:00.000Z')
const pattern = /c(o+)kie/gi
ships('RegExp', () => 'Cooookie'.replace(pattern, '$1'), 'oooo')
const prices = new Map<unknown, unknown>([
  ['cookie', 3],
  [{ deep: true }, new Set([1])],
])
ships('Map, Set', () => [prices.get('cookie'), [...prices.values()][1]], [3, new Set([1])])
const bytes = new Float64Array([1.5, 2.5])
ships('typed arrays, ArrayBuffer, DataView', () => [bytes, new DataView(view.buffer).getInt16(0)], [
  new Float64Array([1.5, 2.5]),
  258,
])
const view = new Uint8Array([1, 2])
const buffer = Buffer.from('crumbs')
const memoryOfViews = new ArrayBuffer(8)
const views = [new Uint8Array(memoryOfViews), new DataView(memoryOfViews, 4)] as const
ships(
  'views of one ArrayBuffer go on sharing it',
  () => {
    views[0][4] = 1
    return views[1].getInt16(0)
  },
  256,
)
ships('Buffer', () => buffer.toString('hex'), '6372756d6273')
const menu = { drinks: [{ name: 'milk', price: { euro: 2 } }], open: true }
ships('plain objects and arrays, nested', () => menu.drinks[0]?.price.euro, 2)
interface Knot {
  self?: Knot
  list: unknown[]
}
const knot: Knot = { list: [] }
knot.self = knot
knot.list.push(knot.list, knot)
ships('cycles', () => knot.self === knot && knot.list[0] === knot.list && knot.list[1] === knot, true)
const common = { n: 0 }
const one = { common }
const other = () => common
ships('one object in several places stays one object', () => one.common === other(), true)
// biome-ignore lint/suspicious/noSparseArray: a hole is what is tried
const holes = [1, , 3]
ships('arrays with holes and properties', () => [1 in holes, holes.length, holes], [false, 3, holes])
const failed = new RangeError('too many', { cause: new Error('hungry') })
ships(
  'errors, with cause and stack',
  () => [
    failed instanceof RangeError,
    failed.message,
    (failed.cause as Error).message,
    failed.stack?.includes('rows'),
  ],
  [true, 'too many', 'hungry', true],
)
const tag = Symbol('tag')
const tagged = { [tag]: 1, [Symbol.for('zproc.row')]: 2 }
ships(
  'symbols: well-known, registered, and own ones as themselves',
  () => [tagged[tag], tagged[Symbol.for('zproc.row')]],
  [1, 2],
)
const frozen = Object.freeze({ list: Object.freeze([1]) })
ships('frozen and sealed objects stay so', () => [Object.isFrozen(frozen), Object.isFrozen(frozen.list)], [
  true,
  true,
])
const bare: { a: number } = Object.assign(Object.create(null), { a: 1 })
ships('objects without a prototype', () => [Object.getPrototypeOf(bare), bare.a], [null, 1])
const parent = {
  greet() {
    return `hello ${(this as unknown as { who: string }).who}`
  },
}
const child: { who: string; greet(): string } = Object.assign(Object.create(parent), { who: 'you' })
ships('objects with another object as prototype', () => child.greet(), 'hello you')
const address = new URL('https://example.com/jar?size=2')
ships('URL, URLSearchParams', () => [address.searchParams.get('size'), address instanceof URL], ['2', true])
const measured = {
  w: 2,
  h: 3,
  get area() {
    return this.w * this.h
  },
  set width(w: number) {
    this.w = w
  },
}
ships(
  'getters and setters of objects',
  () => {
    measured.width = 4
    return measured.area
  },
  12,
)

about('Functions')
function declared(n: number): number {
  return n + count
}
ships('function declarations', () => declared(1), 6)
const arrow = (n: number) => n * count
ships('arrow functions', () => arrow(2), 10)
async function slowly(n: number): Promise<number> {
  await null
  return n
}
ships('async functions', async () => (await slowly(3)) + (await (async () => 4)()), 7)
function* counting(to: number) {
  for (let i = 0; i < to; i++) yield i
}
ships('generators', () => [...counting(3)], [0, 1, 2])
async function* drip() {
  yield 1
  yield 2
}
ships('async generators', async () => {
  const all: number[] = []
  for await (const n of drip()) all.push(n)
  return all
}, [1, 2])
const kit = {
  eat(n: number) {
    return n - 1
  },
  async *many() {
    yield 1
  },
  ['co' + 'mputed']() {
    return text
  },
}
const { eat } = kit
ships('methods in shorthand, on their own', () => eat(3), 2)
ships(
  'objects of methods, with computed names',
  async () => [
    kit.eat(1),
    (kit as unknown as { computed(): string }).computed(),
    (await kit.many().next()).value,
  ],
  [0, 'five', 1],
)
const area = Object.getOwnPropertyDescriptor(measured, 'area')?.get
ships('a getter on its own', () => area?.call({ w: 5, h: 5 }), 25)
const withDefaults = (a = count, { b = a + 1, ...rest }: { b?: number; c?: number } = {}, [d = b] = []) => [
  a,
  b,
  d,
  rest,
]
ships('default parameters and patterns', () => withDefaults(undefined, { c: 1 }), [5, 6, 6, { c: 1 }])
function isEven(n: number): boolean {
  return n === 0 || isOdd(n - 1)
}
function isOdd(n: number): boolean {
  return n !== 0 && isEven(n - 1)
}
ships('mutual recursion', () => [isEven(10), isOdd(10)], [true, false])
const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))
ships('recursion of an arrow function', () => factorial(5), 120)
const adder = (a: number) => (b: number) => (c: number) => a + b + c
const add = adder(1)(2)
ships('closures in closures', () => add(3), 6)
const counter = () => {
  let n = 0
  return { up: () => ++n, get: () => n }
}
const mine = counter()
const yours = counter()
ships('functions that share a variable go on sharing it', () => {
  mine.up()
  mine.up()
  return [mine.get(), yours.get()]
}, [2, 0])
ships('two closures of the same code stay apart', () => {
  yours.up()
  return [mine.get(), yours.get()]
}, [0, 1])
let later = 'before'
const readLater = () => later
ships('a `let` has the value of the time of sending', readLater, 'sent', {
  before: () => {
    later = 'sent'
  },
})
let total = 0
function addUp(n: number): number {
  total += n
  return total
}
const readTotal = () => ({ total })
ships(
  'assigning to captured variables',
  () => {
    addUp(2)
    addUp(3)
    return readTotal()
  },
  { total: 5 },
)
const annotated = Object.assign((n: number) => n, { unit: 'g', nested: { twice: (n: number) => n * 2 } })
ships('functions with properties', () => [annotated(1), annotated.unit, annotated.nested.twice(2)], [
  1,
  'g',
  4,
])
const table: Record<string, (n: number) => number> = { plus: n => n + count, minus: n => n - count }
const steps = [table.plus, table.minus] as const
const byName = new Map([['plus', table.plus]])
ships(
  'functions in objects, arrays and Maps',
  () => [table.plus?.(1), steps[1]?.(1), byName.get('plus') === steps[0]],
  [6, -4, true],
)
function Point(this: { x: number }, x: number) {
  this.x = x
}
Point.prototype.double = function (this: { x: number }) {
  return this.x * 2
}
const NewPoint = Point as unknown as new (x: number) => { x: number; double(): number }
ships('constructor functions with a prototype', () => {
  const p = new NewPoint(4)
  return [p.double(), p instanceof NewPoint]
}, [8, true])
const callbacks: (() => number)[] = []
for (let i = 0; i < 3; i++) callbacks.push(() => i * 10)
ships('each closure made in a loop has its own variable', () => callbacks.map(call => call()), [0, 10, 20])
const fromPattern = (
  ({ a, b: [c] }: { a: number; b: number[] }) =>
  () => [a, c]
)({ a: 1, b: [2] })
ships('variables from patterns and parameters', () => fromPattern(), [1, 2])
const caught = (() => {
  try {
    throw new Error('crumbs')
  } catch (error) {
    return () => (error as Error).message
  }
})()
ships('the variable of a `catch`', () => caught(), 'crumbs')
ships(
  'shadowed names',
  () => {
    const count = 1
    return ((text: number) => text + count)(1)
  },
  2,
)
ships(
  '`typeof` of a name that is nowhere',
  () => typeof (globalThis as { notThere?: 1 }).notThere,
  'undefined',
)
ships('names of functions', () => [declared.name, arrow.name, add.name, kit.eat.name], [
  'declared',
  'arrow',
  '',
  'eat',
])
const own = {
  n: 3,
  run() {
    return [1, 2].map(x => x * this.n)
  },
}
ships('`this` of the function itself', () => own.run(), [3, 6])
const handler = function named(n: number): number {
  return n > 0 ? named(n - 1) : count
}
ships('named function expressions', () => handler(3), 5)
const curry = (f: (a: number, b: number) => number) =>
  function collect(...some: number[]): unknown {
    return some.length >= 2
      ? f(...(some as [number, number]))
      : (...more: number[]) => collect(...some, ...more)
  }
const fromTwo = curry((a, b) => a * b + count)(2) as (b: number) => number
ships('the name of a function expression in a function inside it', () => fromTwo(3), 11)
class Report {
  #sum = 1
  get sum() {
    return this.#sum
  }
  set sum(to: number) {
    this.#sum = to
  }
  get total() {
    return 1
  }
}
const plainTotal = Object.getOwnPropertyDescriptor(Report.prototype, 'total')?.get as () => number
Object.defineProperty(Report.prototype, 'total', {
  get() {
    return 100 + plainTotal.call(this)
  },
})
ships('accessors of a class that were replaced, as a decorator does', () => {
  const report = new Report()
  report.sum += 4
  return [report.total, report.sum]
}, [101, 5])
const tagFn = (parts: TemplateStringsArray, ...values: unknown[]) => parts.raw.join('|') + values.join()
ships('tagged templates, optional chaining, ??=, **, labels', () => {
  const o: { a?: { b: number }; c?: number } = {}
  o.c ??= 2 ** 3
  outer: for (;;) for (;;) break outer
  return [tagFn`x${o.a?.b}y`, o.c]
}, ['x|y', 8])

about('Classes')
class Animal {
  legs = 4
  static kingdom = 'animalia'
  static made: string[] = []
  readonly name: string
  constructor(name: string) {
    this.name = name
    Animal.made.push(name)
  }
  speak(): string {
    return `${this.name} on ${this.legs}`
  }
  static create(name: string): Animal {
    return new Animal(name)
  }
}
ships('classes: fields, methods, `new`', () => new Animal('ox').speak(), 'ox on 4')
ships(
  'static fields and methods',
  () => [Animal.kingdom, Animal.create('cat') instanceof Animal, Animal.made.at(-1)],
  ['animalia', true, 'cat'],
)
class Bird extends Animal {
  override legs = 2
  override speak(): string {
    return `${super.speak()}, singing`
  }
  get loud(): string {
    return this.speak().toUpperCase()
  }
  set rename(name: string) {
    Object.assign(this, { name })
  }
}
ships('inheritance, `super`, accessors', () => {
  const b = new Bird('tit')
  b.rename = 'owl'
  return [b.loud, b instanceof Animal]
}, ['OWL ON 2, SINGING', true])
class Secret {
  #n = count
  static #made = 0
  static {
    Secret.#made = 100
  }
  static get made(): number {
    return Secret.#made
  }
  #step(): number {
    return ++this.#n
  }
  get #half(): number {
    return this.#n / 2
  }
  next(): number {
    Secret.#made++
    return this.#step()
  }
  get half(): number {
    return this.#half
  }
  static isOne(value: object): boolean {
    return #n in value
  }
}
ships('private fields, methods, accessors', () => {
  const s = new Secret()
  s.next()
  return [s.half, Secret.isOne(s)]
}, [3, true])
ships(
  'static private fields and static blocks',
  () => {
    new Secret().next()
    return Secret.made
  },
  102,
)
class Single {
  static #one: Single | undefined
  #n = 0
  static get(): Single {
    Single.#one ??= new Single()
    return Single.#one
  }
  up(): number {
    return ++this.#n
  }
}
Single.get().up()
ships('a class that holds its own instance', () => [Single.get().up(), Single.get() instanceof Single], [
  2,
  true,
])
const secret = new Secret()
secret.next()
ships(
  'instances with private fields',
  () => [secret.next(), secret instanceof Secret, Secret.isOne(secret)],
  [7, true, true],
)
class Safe extends Secret {
  #code: { digits: number[] }
  constructor({ digits }: { digits: number[] }) {
    super()
    this.#code = { digits }
  }
  open(): number {
    return this.#code.digits.reduce((a, b) => a + b) + this.next()
  }
}
const safe = new Safe({ digits: [1, 2] })
ships('instances of derived classes, each with private fields', () => safe.open(), 9)
const bird = new Bird('wren')
const cage = { bird, again: bird }
ships('instances in objects', () => [cage.bird.speak(), cage.again === cage.bird, bird instanceof Bird], [
  'wren on 2, singing',
  true,
  true,
])
ships(
  'no constructor runs for an instance that is sent',
  () => [bird.name, Animal.made.filter(name => name === 'wren').length],
  ['wren', 1],
)
class HungryError extends Error {
  readonly level: number
  constructor(message: string, level: number) {
    super(message)
    this.level = level
    this.name = 'HungryError'
  }
}
const hungry = new HungryError('now', 3)
ships(
  'subclasses of Error, and their instances',
  () => [
    hungry instanceof HungryError,
    hungry instanceof Error,
    hungry.level,
    new HungryError('x', 1).message,
  ],
  [true, true, 3, 'x'],
)
class Shelf extends Map<string, number> {
  total(): number {
    return [...this.values()].reduce((a, b) => a + b, 0)
  }
}
const shelf = new Shelf([
  ['a', 1],
  ['b', 2],
])
ships(
  'subclasses of Map, Set and Array, and their instances',
  () => [shelf.total(), shelf.size, shelf instanceof Map],
  [3, 2, true],
)
class Bell extends EventEmitter {
  ring(): boolean {
    return this.emit('ring', count)
  }
}
const bell = new Bell()
let heard = 0
bell.on('ring', n => {
  heard += n
})
ships(
  'subclasses of EventEmitter, with their listeners',
  () => {
    bell.ring()
    return heard
  },
  5,
)
class Range {
  readonly to: number
  constructor(to: number) {
    this.to = to
  }
  *[Symbol.iterator]() {
    for (let i = 0; i < this.to; i++) yield i
  }
}
const range = new Range(3)
ships('methods with computed names', () => [...range], [0, 1, 2])
// biome-ignore lint/complexity/noStaticOnlyClass: a class that refers to itself is what is tried
const Anonymous = class {
  static self(): unknown {
    return Anonymous
  }
}
ships('class expressions that refer to themselves', () => Anonymous.self() === Anonymous, true)
const mixin = <T extends new (...args: never[]) => object>(Base: T) =>
  class extends (Base as new (...args: never[]) => object) {
    mixed() {
      return unit
    }
  }
const Mixed = mixin(Bird) as unknown as new (name: string) => Bird & { mixed(): string }
ships('mixins', () => {
  const m = new Mixed('bat')
  return [m.mixed(), m.speak()]
}, ['cookies', 'bat on 2, singing'])

about('Imports and globals')
ships(
  'named imports of Node modules, renamed',
  () => typeof read(`${fs.realpathSync('.')}/package.json`, 'utf8'),
  'string',
)
ships('default imports', () => path.join('a', 'b'), 'a/b')
ships('namespace imports', () => fs.existsSync('/'), true)
ships('imports of packages', () => parse('1 + 1', { ecmaVersion: 2020 }).body.length, 1)
ships('imports of relative files, renamed', () => [double(4), unit], [8, 'cookies'])
ships(
  'a module keeps its own state',
  () => {
    const before = callCount()
    double(1)
    return callCount() - before
  },
  1,
)
ships('default imports of relative files', () => half(4), 2)
ships('namespaces of relative files', () => dep.twice(5), 10)
const jar = new Jar().add('oat').add('nut')
ships('instances of imported classes, with private fields', () => jar.content, 'oat nut')
const plainJar = { make: Jar }
ships('imported classes in objects', () => new plainJar.make().add('x').content, 'x')
ships(
  '`import()` of Node modules and packages',
  async () => [typeof (await import('node:os')).cpus, typeof (await import('acorn')).parse],
  ['function', 'function'],
)
ships('`import()` of relative files', async () => (await import('./dep.js')).twice(6), 12, {
  // The child has no loader for TypeScript there.
  not: ['vitest, TypeScript'],
})
const { floor } = Math
const define = Object.defineProperty
const { freeze } = Object
ships(
  'parts of globals, in variables',
  () => [floor(2.7), define({}, 'a', { value: 1, enumerable: true }), Object.isFrozen(freeze({}))],
  [2, { a: 1 }, true],
)
ships(
  'globals by name',
  () => [typeof process.pid, typeof structuredClone, typeof setTimeout, new TextEncoder().encode('a').length],
  ['number', 'function', 'function', 1],
)
const surroundings = { env: process.env, argv: process.argv, run: process }
ships(
  'process and its environment, in variables',
  () => [surroundings.env === process.env, surroundings.run === process, Array.isArray(surroundings.argv)],
  [true, true, true],
)
const library = { fs, join: path.join }
ships('modules and their functions in objects', () => [library.fs.existsSync('/'), library.join('a', 'b')], [
  true,
  'a/b',
])
export const exportedData = { n: 1 }
export const exportedSocket = { socket: undefined as unknown }
ships('exported variables, without what else is exported', () => [exportedData.n, dep.unit], [1, 'cookies'])
export function exportedHere(n: number): number {
  return n + count
}
ships(
  'functions that this very program exports, without running it again',
  () => [exportedHere(1), (globalThis as { rowsRun?: number }).rowsRun],
  [6, undefined],
)

about('Atomic functions')
const increment = (state: { n: number }, by: number) => {
  state.n += by + count
  return state.n
}
const wrapper = Object.assign(async () => {}, {})
Object.defineProperty(wrapper, Symbol.for('zproc.atomic'), { value: increment })
ships(
  'atomic functions inside other functions',
  () => [typeof wrapper, (wrapper as unknown as { inner: typeof increment }).inner({ n: 1 }, 1)],
  ['function', 7],
)
ships('what an atomic function closes over', increment, 8, { atomic: true })

about('Not sent')
const socket = new Socket()
exportedSocket.socket = socket
const db = { socket }
function save() {
  return db.socket
}
function report() {
  return save()
}
const CONNECTION = 'A connection cannot leave its process: open it inside the function.'
stays(
  'sockets',
  report,
  `ctx.process(report): \`report\` uses \`save\`, which uses \`db.socket\`, a Socket (FILE:LINE). ${CONNECTION}`,
)
const server = createServer()
stays(
  'servers',
  function listen() {
    return server
  },
  `ctx.process(listen): \`listen\` uses \`server\`, a Server (FILE:LINE). ${CONNECTION}`,
)
const stream = new PassThrough()
stays(
  'streams',
  function pipe() {
    return stream
  },
  'ctx.process(pipe): `pipe` uses `stream`, a PassThrough (FILE:LINE). A stream cannot leave its process: open it inside the function.',
)
const promise = Promise.resolve(1)
stays(
  'promises',
  function use() {
    return promise
  },
  'ctx.process(use): `use` uses `promise`, a promise (FILE:LINE). Await it first and use the result, or make the promise inside the function.',
)
const timer = setTimeout(() => {}, 0)
stays(
  'timers',
  function tick() {
    return timer
  },
  'ctx.process(tick): `tick` uses `timer`, a Timeout (FILE:LINE). A timer cannot leave its process: start it inside the function.',
)
const { port1, port2 } = new MessageChannel()
port1.close()
stays(
  'message ports and other handles',
  function post() {
    return port2
  },
  'ctx.process(post): `post` uses `port2`, a MessagePort (FILE:LINE). It cannot leave its process: start it inside the function.',
)
const proxy = new Proxy({}, {})
stays(
  'Proxies',
  function look() {
    return proxy
  },
  'ctx.process(look): `look` uses `proxy`, a Proxy (FILE:LINE). What it does cannot be seen: send the object behind it, and make the Proxy inside the function.',
)
const bound = declared.bind(null, 1)
stays(
  'bound functions',
  function call() {
    return bound()
  },
  'ctx.process(call): `call` uses `bound`, a bound function (FILE:LINE). What it is bound to cannot be seen: use an arrow function that makes the call, `(...args) => object.method(...args)`.',
)
const native = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Int8Array.prototype), 'length')?.get
stays(
  'native functions without a global name',
  function size() {
    return native
  },
  'ctx.process(size): `size` uses `native`, a native function (FILE:LINE). It has no source to send: call it by its global name, or import it, inside the function.',
)
const running = counting(2)
stays(
  'running generators',
  function go() {
    return running.next()
  },
  'ctx.process(go): `go` uses `running`, a running generator (FILE:LINE). Send the generator function, and call it inside the function.',
)
const weak = new WeakRef(menu)
const values = prices.values()
stays(
  'iterators of Maps and Sets',
  function next() {
    return values.next()
  },
  'ctx.process(next): `next` uses `values`, an iterator (FILE:LINE). Send what it goes through, and make the iterator inside the function.',
)
const controller = new AbortController()
stays(
  'objects of the platform without a form as data',
  function abort() {
    return controller
  },
  'ctx.process(abort): `abort` uses `controller`, an AbortController (FILE:LINE). It belongs to its process: make it inside the function.',
)
stays(
  'weak references',
  function deref() {
    return weak.deref()
  },
  'ctx.process(deref): `deref` uses `weak`, a WeakRef (FILE:LINE). Use what it refers to, or make the WeakRef inside the function.',
)
const memory = new SharedArrayBuffer(8)
stays(
  'shared memory',
  function peek() {
    return memory
  },
  'ctx.process(peek): `peek` uses `memory`, a SharedArrayBuffer (FILE:LINE). Memory is not shared between processes: use an ArrayBuffer, or the state.',
)
class Cook {
  name = 'ann'
  task() {
    return () => this.name
  }
}
const task = new Cook().task()
stays(
  '`this` of an enclosing class',
  task,
  'ctx.process(fn): the function uses `this` of the code around it (FILE:LINE). Keep what it needs in a variable, and use the variable.',
)
class Chef extends Cook {
  override task() {
    return () => super.task()()
  }
}
const superTask = new Chef().task()
stays(
  '`super` of an enclosing class',
  superTask,
  'ctx.process(fn): the function uses `super` of the code around it (FILE:LINE). Keep what it needs in a variable, and use the variable.',
)
const borrowed = (function (..._: number[]) {
  // biome-ignore lint/complexity/noArguments: `arguments` is what is tried
  return () => arguments.length
})(1, 2)
stays(
  '`arguments` of an enclosing function',
  borrowed,
  'ctx.process(fn): the function uses `arguments` of the code around it (FILE:LINE). Keep what it needs in a variable, and use the variable.',
)
const peekSecret = (() => {
  class Vault {
    #x = 1
    static peek = (v: Vault) => v.#x
  }
  return Vault.peek
})()
stays(
  'private names of an enclosing class',
  peekSecret,
  'ctx.process(peek): `peek` uses the private `#x` of the class around it (FILE:LINE). Send the class or an instance, and call the method there.',
  { not: ['tsc to ES2015'] },
)
stays(
  'an atomic function inside an atomic function',
  function both() {
    return wrapper()
  },
  'atomic(both): `both` uses `wrapper`, an atomic function (FILE:LINE). An atomic function cannot run inside another one: call the plain function that it wraps.',
  { atomic: true },
)
const list = [1, { deep: new Map([['socket', socket]]) }] as const
stays(
  'any of these, deep inside data',
  function inside() {
    return list
  },
  `ctx.process(inside): \`inside\` uses \`list[1].deep.get('socket')\`, a Socket (FILE:LINE). ${CONNECTION}`,
)
class Client {
  socket = socket
}
const clients = [new Client()]
stays(
  'any of these, in an instance',
  function ask() {
    return clients
  },
  `ctx.process(ask): \`ask\` uses \`clients[0].socket\`, a Socket (FILE:LINE). ${CONNECTION}`,
)
export const early = {
  fn: function soon() {
    return tooLate
  },
}
export const tooLate = Math.random()

clearTimeout(timer)
port2.close()
