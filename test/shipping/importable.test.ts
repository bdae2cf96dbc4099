// Objects of modules that cannot be sent, generated: what cannot be sent × where in the object it is × how the module exports
// it; a quarter of them, or with IMPORTABLE_ALL=1 all. Revived in the same process, an object that was imported is the very one that was sent, and a copy is another.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { ShippingError } from '../../src/errors.ts'
import { reviveTarget as revive } from '../../src/process/target.ts'
import { reviveAtomic, runWithin, shipAtomic } from '../../src/shipping/atomic.ts'
import { ship } from '../../src/shipping/ship.ts'

const folder = mkdtempSync(join(tmpdir(), 'zproc-importable-'))
after(() => rmSync(folder, { recursive: true }))

const UNSENDABLE = [
  '(function () {}).bind(1)',
  'new Proxy({}, {})',
  'Promise.resolve()',
  'setTimeout(() => {}, 0)',
  'new AbortController()',
  '[].values()',
  'new WeakRef({})',
  'new Intl.NumberFormat()',
  "(() => { const all = 1; return () => eval('all') })()",
  'new (class { #a = 1; peek = { at: o => o.#a } })()',
]
const AROUND = [
  (what: string) => `make({ part: ${what} })`,
  (what: string) => `make([[1, ${what}]])`,
  (what: string) => `make(new Map([['key', ${what}]]))`,
  (what: string) => `make(new (class Holder { held = ${what} })())`,
  (what: string) => `make((inner => () => inner)(${what}))`,
  (what: string) => `make(Object.assign(() => {}, { part: ${what} }))`,
  (what: string) => `({ ['given']: ${what} })`,
]
const FORMS: { name: string; ending: 'mjs' | 'cjs'; text(value: string): string; refused?: RegExp }[] = [
  { name: 'export const', ending: 'mjs', text: value => `export const it = ${value}` },
  {
    name: 'export under another name',
    ending: 'mjs',
    text: value => `const it = ${value}\nexport { it as that }`,
  },
  {
    name: 'export default of a name',
    ending: 'mjs',
    text: value => `const it = ${value}\nexport default it`,
  },
  { name: 'a part of module.exports', ending: 'cjs', text: value => `const it = ${value}\nexports.it = it` },
  { name: 'module.exports', ending: 'cjs', text: value => `const it = ${value}\nmodule.exports = it` },
  {
    name: 'not exported',
    ending: 'mjs',
    text: value => `const it = ${value}`,
    refused: /Or export `it` from its module|`given`|it\.given/,
  },
  {
    name: 'assigned to again',
    ending: 'mjs',
    text: value => `export let it = 0\nit = ${value}`,
    refused: /`it\b(?!.* Or )/,
  },
]

const require = createRequire(import.meta.url)
const make = 'const make = value => value\n'
let files = 0

/** A function beside the variable, which its module does not export, and what it gives here. */
async function functionOf(form: (typeof FORMS)[number], value: string): Promise<() => unknown> {
  const path = join(folder, `${++files}.${form.ending}`)
  writeFileSync(
    path,
    `${make}${form.text(value)}\nglobalThis[Symbol.for('zproc.test')] = [() => it, { get: () => it }][0]\n`,
  )
  if (form.ending === 'cjs') require(path)
  else await import(pathToFileURL(path).href)
  return Reflect.get(globalThis, Symbol.for('zproc.test')) as () => unknown
}

for (const [at, form] of FORMS.entries())
  test(`${form.name}: ${form.refused ? 'stays' : 'is imported on the other side'}`, async () => {
    for (const [row, what] of UNSENDABLE.entries())
      for (const [column, around] of AROUND.entries()) {
        if (!process.env.IMPORTABLE_ALL && (at + row + column) % 4 > 0) continue
        const value = around(what)
        const fn = await functionOf(form, value)
        if (form.refused) {
          // A function that a module exports is imported, whatever is in it.
          if (form.name === 'assigned to again' && typeof fn() === 'function') continue
          for (const send of [() => ship(fn, { call: 'call' }), () => shipAtomic(fn)])
            assert.throws(send, error => error instanceof ShippingError && form.refused?.test(error.message))
          continue
        }
        const here = fn()
        const [sent, byValue] = [
          await revive(ship(fn, { call: 'call' }).bytes),
          await reviveAtomic(shipAtomic(fn).bytes),
        ]
        const found = sent()
        // A property of `module.exports` that is a function is imported by itself: then the rest may be a copy.
        if (form.name === 'module.exports' && found !== here) assert.deepEqual(found, here, value)
        else assert.equal(found, here, value)
        const foundByValue = runWithin(1000, () => byValue({}))
        assert.equal(foundByValue, here, value)
      }
  })

test('what an atomic function imports from a file, and cannot be sent, is imported at the server', async () => {
  mkdirSync(join(folder, 'imports'))
  const lib = 'export const it = make({ part: (function () { return 3 }).bind(1) })'
  writeFileSync(join(folder, 'imports/lib.mjs'), `${make}${lib}\nexport const plus = n => it.part() + n\n`)
  const main = [
    "import { it, plus } from './lib.mjs'",
    "import * as all from './lib.mjs'",
    'export const fns = [() => it.part(), () => plus(0), () => all.it.part(), () => [all][0].plus(0)]',
  ]
  writeFileSync(join(folder, 'imports/main.mjs'), main.join('\n'))
  const { fns } = (await import(pathToFileURL(join(folder, 'imports/main.mjs')).href)) as {
    fns: (() => number)[]
  }
  for (const fn of fns) {
    const revived = await reviveAtomic(shipAtomic(fn).bytes)
    assert.equal(
      runWithin(1000, () => revived({})),
      3,
      String(fn),
    )
  }
})

test('a module that was edited since is not imported in place of what cannot be sent', async () => {
  const path = join(folder, 'edited.mjs')
  const text = 'export const it = { part: (() => 3).bind(1) }\nexport const fns = [() => it.part()]\n'
  writeFileSync(path, text)
  const { fns } = (await import(pathToFileURL(path).href)) as { fns: [() => number] }
  const { bytes } = shipAtomic(fns[0])
  writeFileSync(path, `${text}// edited\n`)
  await assert.rejects(async () => reviveAtomic(bytes), /edited\.mjs is not the same on both sides/)
})
