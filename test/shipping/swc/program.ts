// What swc makes of this is in es2022.cjs.txt and es2015.cjs.txt, and what Babel makes of it in babel.cjs.txt, where the
// commands are; the tests send what they export, in one function, and expect the values beside it.
import { EventEmitter } from 'node:events'
import * as fs from 'node:fs'
import path, { join as together } from 'node:path'

const base = 5
class Secret {
  #n = base
  static made = 1
  static #count = 0
  next(): number {
    Secret.#count++
    return ++this.#n
  }
  static get count(): number {
    return Secret.#count
  }
}
const secret = new Secret()
class Safe extends Secret {
  readonly name: string
  constructor(name: string) {
    super()
    this.name = name
  }
  override next(): number {
    return super.next() * 10
  }
}
const safe = new Safe('oak')
class Bell extends EventEmitter {
  ring(): boolean {
    return this.emit('ring', base)
  }
}
const bell = new Bell()
let heard = 0
bell.on('ring', n => {
  heard += n
})
async function slowly(n: number): Promise<number> {
  await null
  return n
}
async function* numbers(to = base) {
  for (let i = 0; i < to; i++) yield i
}
function* counting({ from = 0, ...rest }: { from?: number; to?: number } = {}) {
  for (let i = from; i < (rest.to ?? base); i++) yield i
}
let count = 0
const up = () => ++count
const read = () => count
const callbacks: (() => number)[] = []
for (let i = 0; i < 3; i++) callbacks.push(() => i * 10)
const tag = (parts: TemplateStringsArray, ...values: unknown[]) => parts.raw.join('|') + values.join()

export const cases: Record<string, [fn: () => unknown, expected: unknown]> = {
  'imports of every style': [
    () => [together('a', 'b'), path.sep, fs.existsSync('/'), typeof fs.promises.readFile],
    ['a/b', '/', true, 'function'],
  ],
  'async functions': [async () => (await slowly(3)) + (await (async () => base)()), 8],
  'async generators': [
    async () => {
      const all: number[] = []
      for await (const n of numbers(3)) all.push(n)
      return all
    },
    [0, 1, 2],
  ],
  'generators, patterns, defaults, rest': [
    () => [...counting({ from: 3 }), ...counting({ to: 1 })],
    [3, 4, 0],
  ],
  'instances with private fields': [() => [secret.next(), secret instanceof Secret], [6, true]],
  'inheritance and statics': [
    () => [safe.next(), safe.name, new Safe('elm').next(), Secret.made, Secret.count, safe instanceof Secret],
    [60, 'oak', 60, 1, 3, true],
  ],
  'subclasses of EventEmitter': [
    () => {
      bell.ring()
      return heard
    },
    5,
  ],
  'shared variables': [() => [up(), up(), read()], [1, 2, 2]],
  'closures of loops': [() => callbacks.map(call => call()), [0, 10, 20]],
  'templates, spread, optional chaining': [
    () => [tag`x${base}y`, [...[1, 2], ...callbacks.slice(3)], { ...{ a: 1 }, b: secret?.next.name }],
    ['x|y5', [1, 2], { a: 1, b: 'next' }],
  ],
  '`import()`': [async () => typeof (await import('node:os')).cpus, 'function'],
}
