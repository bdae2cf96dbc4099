import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { createRequire } from 'node:module'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { type Context, State, startServer } from '../../src/index.ts'
import { reviveTarget as revive } from '../../src/process/target.ts'
import { reviveAtomic, runWithin, shipAtomic } from '../../src/shipping/atomic.ts'
import { ship } from '../../src/shipping/ship.ts'

const call = 'ctx.process(fn)'
const base = 2

describe('ship', () => {
  it('gives equal functions with equal variables the same hash', () => {
    const made = [1, 1, 2].map(n => () => n + base)
    const [a, b, c] = made.map(fn => ship(fn, { call }).hash)
    assert.equal(a, b)
    assert.notEqual(a, c)
  })

  it('sees that captured data, or a variable, has changed since the last time', async () => {
    const data = { list: [1], when: new Date(0), map: new Map([['a', 1]]), bytes: new Uint8Array(2) }
    let assigned = 1
    const fn = () => [data.list.length, data.when.getTime(), data.map.get('a'), data.bytes[0], assigned]
    const result = async () => (await revive(ship(fn, { call }).bytes))() as unknown[]
    assert.deepEqual(await result(), [1, 0, 1, 0, 1])
    data.list.push(2)
    assert.deepEqual(await result(), [2, 0, 1, 0, 1])
    data.when.setTime(5)
    assert.deepEqual(await result(), [2, 5, 1, 0, 1])
    data.map.set('a', 2)
    assert.deepEqual(await result(), [2, 5, 2, 0, 1])
    data.bytes[0] = 7
    assert.deepEqual(await result(), [2, 5, 2, 7, 1])
    assigned = 2
    assert.deepEqual(await result(), [2, 5, 2, 7, 2])
    assert.equal(ship(fn, { call }), ship(fn, { call }))
  })

  it('imports a CommonJS module that cannot be sent, if what is called of it uses `this`', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'zproc-test-'))
    t.after(() => rmSync(folder, { recursive: true }))
    writeFileSync(
      join(folder, 'pricing.cjs'),
      'module.exports = { price: 4, total() { return this.price * 3 }, one() { return 1 }, late: Promise.resolve() }',
    )
    writeFileSync(
      join(folder, 'main.cjs'),
      "const pricing = require('./pricing.cjs'); module.exports = [() => pricing.one(), () => pricing.total()]",
    )
    const [one, total] = createRequire(import.meta.url)(join(folder, 'main.cjs')) as (() => number)[]
    assert.equal((await revive(ship(one as () => number, { call, byValue: true }).bytes))(), 1)
    assert.equal((await revive(ship(total as () => number, { call, byValue: true }).bytes))(), 12)
  })

  it('refuses a Context that was imported: another one would be made there', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'zproc-test-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const ours = JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)
    writeFileSync(
      join(folder, 'ctx.mjs'),
      `import { Context } from ${ours}; export const ctx = new Context(); export class State { n = 3 }; export const mine = new State()`,
    )
    writeFileSync(
      join(folder, 'main.mjs'),
      "import { ctx, mine } from './ctx.mjs'; const fns = [() => mine.n, () => ctx.state]; export { fns, ctx }",
    )
    const { fns, ctx } = (await import(pathToFileURL(join(folder, 'main.mjs')).href)) as {
      fns: [() => number, () => State]
      ctx: Context
    }
    t.after(() => ctx.close())
    assert.equal((await revive(ship(fns[0], { call }).bytes))(), 3)
    assert.throws(() => ship(fns[1], { call }), /uses `ctx`, a zproc Context \(.*main\.mjs:1\)/)
  })

  it('gives the same the first time, by the function alone, as with all of its module', async () => {
    const made = await moduleOf<(() => unknown)[]>(`
      import { sep as mark, posix } from 'node:path'
      const { EOL, ...rest } = await import('node:os')
      let turns = 0
      const read = () => turns
      const turn = () => { turns += 1 }
      function down(n) { return n > 0 ? down(n - 1) : 'own' }
      const before = down
      down = () => 'another'
      const named = function down(n) { return n > 0 ? down(n - 1) : 'named' }
      const shadow = mark => () => [mark, posix.sep]
      export const made = [
        () => [read(), turn(), read()],
        () => [turn(), read()],
        () => before(2),
        () => named(2),
        () => [mark, posix.sep, EOL, typeof rest.cpus],
        shadow('shadow'),
        async function* all(to = turns + 2) { for (let i = 0; i < to; i++) yield i },
      ]`)
    const results = [
      '0,,1',
      ',1',
      'another',
      'named',
      '/,/,\n,function',
      'shadow,/',
      '[object AsyncGenerator]',
    ]
    for (const [i, fn] of made.entries()) {
      const shipped = [1, 2, 3].map(() => ship(fn, { call }))
      assert.equal(new Set(shipped.map(({ hash }) => hash)).size, 1, `function ${i}`)
      assert.equal(String((await revive(shipped[0]?.bytes as Uint8Array))()), results[i], `function ${i}`)
    }
  })

  it('sees that a variable of the module has changed, from the second time on', async () => {
    const { fn, set } = await moduleOf<{ fn: () => unknown; set(n: number): void }>(`
      let n = 1
      const list = []
      export const made = { fn: () => [n, list.length], set: to => { n = to; list.push(to) } }`)
    for (const n of [2, 3, 4, 4, 5]) {
      set(n)
      assert.deepEqual(((await revive(ship(fn, { call }).bytes))() as unknown[])[0], n)
    }
    assert.equal(ship(fn, { call }), ship(fn, { call }))
  })

  it('gives the same the first time where only the whole module says what a function uses', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'zproc-ship-'))
    t.after(() => rmSync(folder, { recursive: true }))
    writeFileSync(
      join(folder, 'store.mjs'),
      `const n = [1, 2]
        .map(x => x)
      export const cache = new Map(), list = n
        .slice(), add = key => cache.set(key, 1)
        , count = () => cache.size
      export function other() {
        const count = 5
        return count
      }`,
    )
    writeFileSync(
      join(folder, 'main.mjs'),
      `import * as store from './store.mjs'
      import { add, count } from './store.mjs'
      const early = store => store
      const plugins = { list: [store] }, methods = { add, count }
      export const used = () => store.count()
      const awaited = async () => {
        const { cache } = await /* the same */ import('./store.mjs')
        return () => cache.size
      }
      const odd = { function(a) { return [a, count()] } }
      export const made = [
        () => { const [store] = plugins.list; store.add('x'); return store.cache.size },
        () => { methods.add('x'); return methods.count() },
        await awaited(),
        odd.function,
      ]`,
    )
    const { made } = await import(pathToFileURL(join(folder, 'main.mjs')).href)
    for (const [i, fn] of made.entries()) {
      const hashes = [1, 2, 3].map(() => ship(fn, { call }).hash)
      assert.equal(new Set(hashes).size, 1, `function ${i}`)
      assert.equal(
        String((await revive(ship(fn, { call }).bytes))()),
        ['1', '1', '1', ',1'][i],
        `function ${i}`,
      )
    }
  })

  it('sees that a function which calls itself was replaced', async () => {
    const { fn, replace } = await moduleOf<{ fn: () => unknown; replace(): void }>(`
      function fn(k = 2) { return k === 0 ? ['own', value] : fn(k - 1) }
      let value = 1
      export const made = { fn, replace: () => { fn = () => 'another' } }`)
    const result = async () => (await revive(ship(fn, { call }).bytes))()
    assert.deepEqual(
      [await result(), await result()],
      [
        ['own', 1],
        ['own', 1],
      ],
    )
    replace()
    assert.deepEqual([await result(), await result()], ['another', 'another'])
  })

  it('finds a function behind a character that ends a line for the engine alone', async () => {
    const fn = await moduleOf<() => unknown>('const text = "\u2028"\nexport const made = () => text.length')
    assert.equal((await revive(ship(fn, { call }).bytes))(), 1)
  })

  it('sends a function of a module that cannot be parsed as a whole, each time', async () => {
    setFlagsFromString('--allow-natives-syntax')
    const made = moduleOf<() => unknown>(
      'let n = 1\nconst own = %ToFastProperties({})\nexport const made = () => n',
    )
    const fn = await made.finally(() => setFlagsFromString('--no-allow-natives-syntax'))
    for (let i = 0; i < 3; i++) assert.equal((await revive(ship(fn, { call }).bytes))(), 1)
  })

  it('warns of more than 10 MB, and names the largest variable', async () => {
    const small = 'x'.repeat(2 ** 20)
    const large = { parts: [Buffer.alloc(11 * 2 ** 20)] }
    const warning = new Promise<Error & { code?: string }>(resolve => process.once('warning', resolve))
    ship(() => [small, large], { call })
    const { message, code } = await warning
    assert.equal(code, 'ZPROC_LARGE_CAPTURE')
    assert.equal(
      message,
      'ctx.process(fn): the function brings 12 MB of captured data along, most of it in `large` (11 MB). ' +
        'Keep large data in a file or in the state, and read it inside the function.',
    )
  })

  it('refuses more than 100 MB', () => {
    const huge = Array.from({ length: 11 }, () => new Uint8Array(10 * 2 ** 20))
    assert.throws(() => ship(() => huge, { call }), {
      name: 'ShippingError',
      code: 'ZPROC_SHIPPING',
      message:
        'ctx.process(fn): the function brings 110 MB of captured data along, most of it in `huge` (110 MB), ' +
        'and more than 100 MB are not sent. Keep large data in a file or in the state, and read it inside the function.',
    })
  })

  it('refuses a variable that is not initialised yet, with its line', () => {
    const early = function report() {
      return later
    }
    const soon = () => Later
    assert.throws(() => ship(early, { call: 'ctx.process(report)' }), {
      name: 'ShippingError',
      message:
        /^ctx\.process\(report\): `report` uses `later`, which is not initialised yet \(test\/shipping\/ship\.test\.ts:\d+\)\. Send the function after the line that declares it\.$/,
    })
    assert.throws(() => ship(soon, { call }), /: `soon` uses `Later`, which is not initialised yet \(/)
    const later = base
    class Later {}
    ship(early, { call })
    ship(soon, { call })
  })

  it('takes a variable that is undefined as it is', async () => {
    const nothing = ((): unknown => undefined)()
    let unset: unknown
    const fn = () => [nothing, unset]
    assert.deepEqual((await revive(ship(fn, { call }).bytes))(), [undefined, undefined])
    unset = 1
    assert.deepEqual((await revive(ship(fn, { call }).bytes))(), [undefined, 1])
  })

  it('sends a list of many thousand objects that refer to the next one', async () => {
    interface Link {
      next: Link | undefined
    }
    let head: Link = { next: undefined }
    for (let n = 0; n < 50_000; n++) head = { next: head }
    const chain = head
    const length = () => {
      let n = 0
      for (let at: Link | undefined = chain; at; at = at.next) n++
      return n
    }
    assert.equal((await revive(ship(length, { call }).bytes))(), 50_001)
  })

  it('keeps file and line of errors, of a compiled file those of its author', async () => {
    class Oven {
      bake(kind: string): never {
        // The loader of this test has put all of this file into one line.

        throw new RangeError(`${kind} is burnt`)
      }
    }
    const fail = () => [1].map(() => new Oven().bake('nut'))
    const lines = (run: () => unknown): (string | undefined)[] => {
      try {
        run()
      } catch (error) {
        const found = [...((error as Error).stack ?? '').matchAll(/ship\.test\.ts:(\d+)/g)]
        return found.slice(0, 2).map(([, line]) => line)
      }
      return []
    }
    const here = lines(fail)
    assert.equal(new Set(here).size, 2)
    const there = await revive(ship(fail, { call }).bytes)
    assert.deepEqual(lines(there as () => unknown), here)
    const again = await revive(ship(there, { call }).bytes)
    assert.deepEqual(lines(again as () => unknown), here)
    const atomic = (await reviveAtomic(shipAtomic(fail).bytes)) as () => unknown
    assert.deepEqual(
      lines(() => runWithin(1000, atomic)),
      here,
    )
  })

  it('sends again what was sent, from the other side', async () => {
    let n = 0
    const tools = { up: () => ++n, get: () => n }
    const fn = () => [tools.up(), tools.up(), tools.get()]
    const there = await revive(ship(fn, { call }).bytes)
    const further = await revive(ship(there, { call }).bytes)
    assert.deepEqual(further(), [1, 2, 2])
    const placed = async () => [import.meta.url, typeof (await import('node:os')).cpus]
    const farther = await revive(ship(await revive(ship(placed, { call }).bytes), { call }).bytes)
    assert.deepEqual(await farther(), [import.meta.url, 'function'])
    assert.deepEqual(there(), [1, 2, 2])
    assert.equal(n, 0)
  })

  it('keeps together what one run of a function has made, and apart what two runs have', async () => {
    const make = () => {
      let n = 0
      const tools = { up: () => ++n, list: [() => n] }
      return { read: () => [tools.up(), n, tools.list[0]?.()], up: tools.up }
    }
    const [a, b] = [make(), make()]
    const fn = () => [a.read(), b.up(), a.read(), b.read()]
    assert.deepEqual((await revive(ship(fn, { call }).bytes))(), [[1, 1, 1], 1, [2, 2, 2], [2, 2, 2]])
  })

  it('leaves the counters of a coverage tool behind', async () => {
    // What istanbul writes into each module: a function that puts another one in its own place when it is first called.
    const counters: Record<string, { s: number[] }> = {}
    Object.assign(globalThis, { __coverage__: counters })
    const cov_1a2b3c: { at(): { s: number[] } } = {
      at: function cov_1a2b3c() {
        const coverage = counters
        coverage['a file'] ??= { s: [0] }
        const actualCoverage = coverage['a file']
        counter = function cov_1a2b3c() {
          return actualCoverage
        }
        return actualCoverage
      },
    }
    let counter = cov_1a2b3c.at
    const count = (): number => {
      const { s } = counter()
      s[0] = (s[0] ?? 0) + 1
      return base
    }
    for (const counted of [0, 1]) {
      assert.equal((await revive(ship(count, { call }).bytes))(), 2)
      assert.equal(counters['a file']?.s[0] ?? 0, counted)
      if (counted === 0) count()
    }
  })

  it('sends long lists, and what is in and beside them', async () => {
    const numbers = Array.from({ length: 5000 }, (_, i) => i / 2)
    const named = Object.assign([...numbers], { title: 'halves' })
    const objects = Array.from({ length: 3000 }, (_, i) => ({ i, list: [i, { deep: [i] }] }))
    const again = [objects[7], numbers]
    const fn = () => [
      numbers.length,
      numbers[4999],
      named.title,
      objects[2999]?.list,
      again[0] === objects[7],
      again[1] === numbers,
    ]
    assert.deepEqual((await revive(ship(fn, { call }).bytes))(), [
      5000,
      2499.5,
      'halves',
      [2999, { deep: [2999] }],
      true,
      true,
    ])
  })

  it('refuses what extends a class of Node or of the engine, whatever it is called', () => {
    class Line extends Socket {}
    const line = new Line()
    const headers = new Headers()
    const use = (_: unknown) => {}
    assert.throws(() => ship(() => use(line), { call }), {
      message:
        /: the function uses `line`, a Line, a kind of Socket \(.*\)\. A connection cannot leave its process: open it inside the function\.$/,
    })
    assert.throws(() => ship(() => use(headers), { call }), {
      message:
        /: the function uses `headers`, a Headers \(.*\)\. It belongs to its process: make it inside the function\.$/,
    })
  })

  it('refuses what belongs to zproc, and says what to take instead', async () => {
    const server = await startServer(null, { backend: 'inline' })
    const state = new State(server.address)
    try {
      assert.throws(() => ship(() => state.get('a'), { call }), {
        name: 'ShippingError',
        message:
          /: the function uses `state`, a zproc State \(test\/shipping\/ship\.test\.ts:\d+\)\. Take the one you are given: a process gets its own `state` as its first argument, or with `passContext: true` its own `ctx`\.$/,
      })
    } finally {
      await state.close()
      await server.stop()
    }
  })

  it('names a target that is not there', () => {
    assert.throws(() => ship(new URL('file:///no/such.js'), { call }), {
      message:
        "ctx.process(fn): there is no file /no/such.js. Give the URL of a module: new URL('./target.js', import.meta.url).",
    })
  })
})

describe('revive', () => {
  it('says so when it is given something else', async () => {
    await assert.rejects(revive(new Uint8Array([1, 2, 3])), Error)
  })
})

/** What a module of its own has under `made`. */
async function moduleOf<T>(text: string): Promise<T> {
  const { made } = await import(`data:text/javascript,${encodeURIComponent(text)}`)
  return made
}

it('small Buffers are sent without the memory that Node shares among them', () => {
  const [one, two] = [Buffer.from('one'), Buffer.from('two')]
  assert.ok(ship(() => [one, two], { call: 'ship' }).bytes.byteLength < 4096)
})

it('a runtime whose inspector does not answer, as that of Bun and of Deno, is named as the cause', t => {
  t.mock.method(Session.prototype, 'post', () => {})
  const message =
    /^functions cannot be sent from this runtime: .* through Node's inspector\. Send them from a program that Node runs/
  assert.throws(() => ship(() => base + call.length, { call }), { code: 'ZPROC_SHIPPING', message })
})

it('a program without leave to use the inspector gets the flag and the other way', t => {
  t.mock.method(Session.prototype, 'connect', () => {
    throw Object.assign(new Error('restricted'), { code: 'ERR_ACCESS_DENIED' })
  })
  const message = /^functions cannot be sent under --permission: .*--allow-inspector.*new URL\(/
  assert.throws(() => ship(() => base - call.length, { call }), { code: 'ZPROC_SHIPPING', message })
})

it('a promisified function of the program is refused as that, with what to do', () => {
  const add = promisify((n: number, done: (error: null, sum: number) => void) => done(null, n + base))
  const message = /uses `add`, a function made by util\.promisify .*call `promisify` inside the function/
  assert.throws(() => ship(() => add(1), { call }), { code: 'ZPROC_SHIPPING', message })
})
