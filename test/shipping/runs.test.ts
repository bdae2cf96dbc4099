import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

// How a program is started must not matter: each of these runs one, which sends functions to a child of its own.

const repo = fileURLToPath(new URL('../../', import.meta.url))
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'zproc-runs-')))
symlinkSync(join(repo, 'node_modules'), join(folder, 'node_modules'))
after(() => rmSync(folder, { recursive: true, force: true }))

const src = new URL('../../src/shipping/', import.meta.url).href
const child = fileURLToPath(new URL('./runs/child.ts', import.meta.url))

/** The part that every program has: `send` gives what the function gave in the child. */
const kit = `
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { ship } from '${src}ship.ts'
async function send(fn, during) {
  const { bytes } = ship(fn, { call: 'ctx.process(fn)' })
  await during?.()
  const other = fork('${child}', { serialization: 'advanced', execArgv: ['--import', 'tsx'], cwd: '${repo}' })
  other.send({ bytes })
  const [{ value, error }] = await once(other, 'message')
  other.kill()
  await once(other, 'exit')
  return error ?? value
}
const show = value => console.log(JSON.stringify(value))
`
const CLOSURE = `
import { basename } from 'node:path'
let n = 1
const up = () => ++n
const fn = async () => [up(), n, basename('/a/b'), (await import('node:path')).sep]
show(await send(fn))
`

async function run(flags: string[], program = ''): Promise<unknown> {
  const env = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' }
  const node = spawn(process.execPath, ['--import', 'tsx', ...flags], { cwd: repo, env })
  let out = ''
  let err = ''
  node.stdout.setEncoding('utf8').on('data', text => (out += text))
  node.stderr.setEncoding('utf8').on('data', text => (err += text))
  node.stdin.end(program)
  const code = await new Promise(resolve => node.on('close', resolve))
  assert.equal(code, 0, err)
  return JSON.parse(out)
}

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe('functions are sent', () => {
  const result = [2, 2, 'b', '/']

  it('from node -e', async () => {
    assert.deepEqual(await run(['--input-type=module', '-e', kit + CLOSURE]), result)
  })

  it('from a program on standard input', async () => {
    assert.deepEqual(await run(['--input-type=module', '-'], kit + CLOSURE), result)
  })

  it('under --inspect', async () => {
    assert.deepEqual(await run(['--inspect=127.0.0.1:0', file('inspected.mjs', kit + CLOSURE)]), result)
  })

  it('with JSON that was imported, or is imported by them', async () => {
    file('jar.json', '{ "cookies": 5 }')
    const program = `${kit}
      import jar from './jar.json' with { type: 'json' }
      show(await send(async () => [jar.cookies, (await import('./jar.json', { with: { type: 'json' } })).default]))`
    assert.deepEqual(await run([file('json.mjs', program)]), [5, { cookies: 5 }])
  })

  it('where the flags of the engine cannot be changed', async () => {
    assert.deepEqual(await run(['--freeze-flags-after-init', file('frozen.mjs', kit + CLOSURE)]), result)
  })

  it('from a worker thread', async () => {
    file('inner.mjs', kit + CLOSURE)
    const worker = file(
      'worker.mjs',
      "import { register } from 'tsx/esm/api'\nregister()\nawait import('./inner.mjs')",
    )
    const main = `
      import { Worker } from 'node:worker_threads'
      new Worker(${JSON.stringify(worker)})`
    assert.deepEqual(await run([file('threads.mjs', main)]), result)
  })

  it('by reference when a module exports them: they keep the state of their module', async () => {
    const lib = JSON.stringify(new URL('./runs/lib.ts', import.meta.url).href)
    const program = `${kit}
      import size, { stateful, Vault } from ${lib}
      stateful()
      const vault = new Vault()
      vault.open()
      show([await send(stateful), await send(() => [stateful(), stateful()]), await send(() => vault.open()), await send(size)])`
    assert.deepEqual(await run([file('reference.mjs', program)]), [1, [1, 2], 3, 0])
  })

  it('by value from the program itself, which is not run a second time', async () => {
    const program = `${kit}
      globalThis.runs = (globalThis.runs ?? 0) + 1
      const base = 2
      export function target() { return [base, globalThis.runs ?? 'not run'] }
      export default () => target()
      show([await send(target), await send(() => target())])`
    assert.deepEqual(await run([file('entry.mjs', program)]), [
      [2, 'not run'],
      [2, 'not run'],
    ])
  })

  it('by value from a module that imports the program', async () => {
    file(
      'aside.mjs',
      `import * as main from './circle.mjs'\nimport { twice } from './circle.mjs'\nexport const make = () => () => [twice(2), main.twice(3)]\nexport const both = () => make()()`,
    )
    const program = `${kit}
      import { both, make } from './aside.mjs'
      export function twice(n) { return n * 2 }
      show([await send(make()), await send(both), await send(() => both())])`
    assert.deepEqual(await run([file('circle.mjs', program)]), [
      [4, 6],
      [4, 6],
      [4, 6],
    ])
  })

  it('from TypeScript that is more than types: enums, namespaces, parameter properties, decorators', async () => {
    const program = `${kit}
      enum Level { low = 1, high = 'h' }
      namespace Shapes { export const side: number = 3; export const area = () => side * side }
      class Point { constructor(readonly x: number, private y = Shapes.side) {} sum(): number { return this.x + this.y } }
      const twice = (method: any, _: unknown) => function (this: unknown, ...args: any[]) { return method.apply(this, args) * 2 }
      class Calculator { @twice add(a: number, b: number) { return a + b } accessor last: number = 4 }
      const [point, calculator] = [new Point(1), new Calculator()]
      calculator.last = 5
      show(await send(() => [Level.low, Level[1], Level.high, Shapes.area(), point.sum(), new Point(2).sum(),
        calculator.add(1, 2), new Calculator().add(2, 2), calculator.last]))`
    assert.deepEqual(await run([file('typed.mts', program)]), [1, 'low', 'h', 9, 4, 5, 6, 8, 5])
  })

  for (const compiled of ['es2022', 'es2015', 'babel']) {
    it(`from what other compilers make: ${compiled}`, async () => {
      const made = readFileSync(new URL(`./swc/${compiled}.cjs.txt`, import.meta.url), 'utf8')
      const path = JSON.stringify(file(`${compiled}.cjs`, made))
      const program = `${kit}
        import { cases } from ${path}
        const fn = async () => {
          const values = {}
          for (const [name, [fn]] of Object.entries(cases)) values[name] = await fn()
          return values
        }
        const there = await send(fn)
        const here = Object.fromEntries(Object.entries(cases).map(([name, [, expected]]) => [name, expected]))
        show([there, here])`
      const [there, here] = (await run([file(`send-${compiled}.mjs`, program)])) as [unknown, object]
      assert.equal(Object.keys(here).length, 11)
      assert.deepEqual(there, here)
    })
  }

  it('from a context with globals of its own, as Jest makes one for each test file', async () => {
    file(
      'inner-context.mjs',
      `import { basename } from 'node:path'
      import { ship } from '${src}ship.ts'
      const data = { list: [1, new Map([['a', /x/g]])], when: new Date(5) }
      class Jar { #n = 2; next() { return ++this.#n } }
      const jar = new Jar()
      const fn = () => [data.list[0], data.list[1].get('a').source, data.when.getTime(), jar.next(), basename('/a/b')]
      export const { bytes } = ship(fn, { call: 'ctx.process(fn)' })`,
    )
    const program = `
      import { readFileSync } from 'node:fs'
      import { isBuiltin } from 'node:module'
      import vm from 'node:vm'
      import { transformSync } from 'esbuild'
      import { revive } from '${src}revive.ts'
      const { Buffer, URL, URLSearchParams, TextEncoder, TextDecoder, performance } = globalThis
      const globals = { Buffer, URL, URLSearchParams, TextEncoder, TextDecoder, performance, process, console }
      const context = vm.createContext(globals)
      const loaded = new Map()
      const find = (specifier, from) => {
        if (isBuiltin(specifier)) return specifier
        return /^[.]|^file:/.test(specifier) ? new URL(specifier, from).href : import.meta.resolve(specifier)
      }
      const load = (specifier, { identifier }) => {
        const id = find(specifier, identifier)
        if (!loaded.has(id)) loaded.set(id, make(id))
        return loaded.get(id)
      }
      const make = async identifier => {
        if (isBuiltin(identifier)) {
          const module = await import(identifier)
          const names = Object.keys(module)
          return new vm.SyntheticModule(names, function () {
            for (const name of names) this.setExport(name, module[name])
          }, { context, identifier })
        }
        const text = readFileSync(new URL(identifier), 'utf8')
        const code = identifier.endsWith('.ts') ? transformSync(text, { loader: 'ts', format: 'esm' }).code : text
        return new vm.SourceTextModule(code, {
          context,
          identifier,
          initializeImportMeta: meta => { meta.url = identifier },
        })
      }
      const module = await load('./inner-context.mjs', { identifier: import.meta.url })
      await module.link(load)
      await module.evaluate()
      const there = await revive(module.namespace.bytes)
      console.log(JSON.stringify(there()))`
    const flags = ['--experimental-vm-modules', '--no-warnings']
    assert.deepEqual(await run([...flags, file('context.mjs', program)]), [1, 'x', 5, 3, 'b'])
  })

  it('with what belongs to their module: its place, its `require`, its JSON, what it awaited', async () => {
    file('data.json', '{ "sizes": [1, 2] }')
    const program = `${kit}
      import { createRequire } from 'node:module'
      import { dirname } from 'node:path'
      import { fileURLToPath, pathToFileURL } from 'node:url'
      import data from './data.json' with { type: 'json' }
      const here = dirname(fileURLToPath(import.meta.url))
      const load = createRequire(import.meta.url)
      const awaited = await Promise.resolve({ size: 3 })
      process.env.ZPROC_ROW = 'set'
      const fn = () => [import.meta.url, import.meta.dirname === here, load('./data.json').sizes, load('node:path').sep,
        data.sizes[1], awaited.size, process.env.ZPROC_ROW]
      show(await send(fn))`
    const path = file('placed.mjs', program)
    assert.deepEqual(await run([path]), [pathToFileURL(path).href, true, [1, 2], '/', 2, 3, 'set'])
  })

  it('with exported variables that go on changing in their module', async () => {
    file('live.mjs', 'export let calls = 0\nexport const bump = () => ++calls\n')
    const program = `${kit}
      import { bump, calls } from './live.mjs'
      show(await send(() => [calls, bump(), calls, { calls }]))`
    assert.deepEqual(await run([file('lives.mjs', program)]), [0, 1, 1, { calls: 1 }])
  })

  it('and refused where the module is another one by then', async () => {
    file('changing.mjs', 'export const target = () => 1')
    const program = `${kit}
      import { writeFileSync } from 'node:fs'
      import { target } from './changing.mjs'
      const path = ${JSON.stringify(join(folder, 'changing.mjs'))}
      show(await send(target, () => writeFileSync(path, 'export const target = () => 2')))`
    assert.equal(
      await run([file('changes.mjs', program)]),
      `ShippingError: ${join(folder, 'changing.mjs')} is not the same on both sides: it was changed since the sender ` +
        'first sent a function of it. Restart the program, or install the same version on both sides.',
    )
  })

  it('without leaving a debugger behind', async () => {
    const program = `${kit}
      import inspector from 'node:inspector'
      const base = 1
      ship(() => base, { call: 'x' })
      // Were the debugger on, this would wait for somebody to go on.
      debugger
      show(inspector.url() ?? 'closed')`
    assert.equal(await run([file('debugger.mjs', program)]), 'closed')
  })

  it('from a loop without growing: neither side keeps what is gone', async () => {
    const program = `${kit}
      import { revive } from '${src}revive.ts'
      const round = async from => {
        for (let i = from; i < from + 1500; i++) {
          const junk = [i]
          const fn = await revive(ship(() => junk[0], { call: 'x' }).bytes)
          fn()
        }
        globalThis.gc()
        return process.memoryUsage().heapUsed / 2 ** 20
      }
      await round(0)
      const before = await round(2000)
      const after = await round(4000)
      show(after - before < 3)`
    assert.equal(await run(['--expose-gc', file('loop.mjs', program)]), true)
  })
})
