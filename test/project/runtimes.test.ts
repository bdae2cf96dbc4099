// Bun and Deno as clients of a server that Node runs: they see what Node sees, and refuse by name what they cannot do.
// Their programs come from the npm registry.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { type AnyState, State, startServer } from 'zproc'
import { binary } from '../kit/binary.ts'
import { needsBuild } from '../kit/build.ts'

interface Seen {
  saw: Record<string, unknown>
  refused: Record<string, string>
}
interface Runtime {
  name: string
  /** The program and its first arguments. */
  command: () => string[]
}

const secretKey = 'a key that nobody guesses'
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'zproc-runtimes-')))
const skip = process.platform !== 'linux' && 'the packages of the programs for Linux are known here'
const arm = process.arch === 'arm64'

const bun: Runtime = {
  name: 'Bun 1.4.5',
  command: () => [binary(`@oven/bun-linux-${arm ? 'aarch64' : 'x64'}`, '1.4.5', 'bin/bun')],
}
const runtimes: Runtime[] = [
  bun,
  {
    name: 'Deno 2.9.6',
    command: () => [
      binary(`@deno/linux-${arm ? 'arm64' : 'x64'}-glibc`, '2.9.6', 'deno'),
      'run',
      '--allow-all',
      '--node-modules-dir=manual',
    ],
  },
]

before(() => {
  needsBuild()
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(resolve('.'), join(folder, 'node_modules/zproc'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "dependencies": { "zproc": "*" } }')
  for (const name of ['client.mjs', 'starts.mjs'])
    copyFileSync(join('test/project/runtimes', name), join(folder, name))
})
after(() => rmSync(folder, { recursive: true, force: true }))

for (const { name, command } of runtimes)
  for (const kind of ['ipc', 'tcp'] as const)
    test(`${name} over ${kind}: a State, watchers and views see what they see in Node`, { skip }, async t => {
      const inNode = await client(t, [process.execPath], kind)
      const here = await client(t, command(), kind)
      const failed = Object.entries(inNode.saw).filter(([, seen]) => String(seen).includes('Error: '))
      assert.deepEqual(
        failed.map(([step]) => step),
        ['a wrong value', 'a missing key', 'a time limit', 'an abort'],
      )
      for (const [step, seen] of Object.entries(inNode.saw)) assert.deepEqual(here.saw[step], seen, step)
      const { secretKey: key, ...functions } = here.refused
      for (const [call, said] of Object.entries(functions)) {
        assert.match(said, /^ShippingError: /, call)
        assert.ok(said.includes(`functions cannot be sent from ${name}: `), `${call}: ${said}`)
      }
      assert.ok(key?.includes(`a server with a secretKey cannot be reached from ${name}: `), key)
      assert.deepEqual(inNode.refused, {
        atomic: 'gave 1999',
        process: 'gave 1',
        processMap: 'gave [1]',
        run: 'gave 1',
        callWhenEqual: 'gave "stopped"',
        secretKey: 'gave undefined',
      })
    })

test(`${bun.name} starts no server, process and thread, and says so`, { skip }, async t => {
  const server = await startServer()
  t.after(() => server.stop())
  const lines = (await run(bun.command(), 'starts.mjs', server.address)).trim().split('\n')
  const names = [
    'a server process',
    'a server thread',
    'a server inline',
    'a Context',
    'a process',
    'a thread',
  ]
  assert.deepEqual(
    lines.map(line => line.split(': ')[0]),
    names,
  )
  for (const line of lines)
    assert.ok(line.includes(`${bun.name} starts no servers, processes and workers`), line)
})

/** What the client says that it saw, which is also seen from here: to come, to write and to go. */
async function client(t: TestContext, command: string[], kind: 'ipc' | 'tcp'): Promise<Seen> {
  const server = await startServer(kind === 'tcp' ? 'tcp://127.0.0.1:0' : null)
  const keyed = await startServer('tcp://127.0.0.1:0', { secretKey })
  const state = new State<AnyState>(server.address)
  t.after(async () => {
    await state.close()
    await Promise.all([server.stop(), keyed.stop()])
  })
  const printed = run(command, 'client.mjs', server.address, keyed.address, secretKey)
  const here = state.getWhenAvailable('here').then(() => 'here')
  assert.equal(await Promise.race([printed, here]), 'here')
  await state.set('end', true)
  await state.getWhenNone('here', { timeout: 10_000 })
  return JSON.parse(await printed) as Seen
}

/** What a program prints on stdout. */
function run([program = '', ...flags]: string[], ...args: string[]): Promise<string> {
  // Nothing of this test process goes along: it has a loader and a runner of its own.
  const env = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' }
  return new Promise((resolve, reject) =>
    execFile(program, [...flags, ...args], { cwd: folder, env, timeout: 60_000 }, (error, stdout, stderr) =>
      error ? reject(new Error(`${error.message}\n${stdout}${stderr}`)) : resolve(stdout),
    ),
  )
}
