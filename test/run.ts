// Gives test files to node's own runner: `npm run test:run [part of a path]… [--a-test-runner-option]…`
// `--fast`: those of test/tiers.ts, with the contract on two homes of a state instead of all.
// Node 20 takes no glob for its test files, and shells differ in theirs; hence this file.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fast } from './tiers.ts'

/** For one file, milliseconds. A file also counts as hanging when it leaves a timer, socket or process behind. */
const fileTimeout = 300_000
/** For all of them, twice what a slow machine takes: the runner's SIGTERM does not stop a test that handles that signal. */
const totalTimeout = 2_700_000

const asked = process.argv.slice(2)
const isFast = asked.includes('--fast')
const options = asked.filter(argument => argument.startsWith('-') && argument !== '--fast')
const parts = asked.filter(argument => !argument.startsWith('-'))

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.test.ts') && !file.includes('node_modules'))
  .map(file => join('test', file))
  .filter(file => !isFast || fast.some(part => file.includes(part)))
  .filter(file => parts.length === 0 || parts.some(part => file.includes(part)))
  .sort()

if (files.length === 0) {
  console.error(
    `test/run.ts: no file test/**/*.test.ts has ${parts.map(part => `'${part}'`).join(' or ')} in its path`,
  )
  process.exit(1)
}

const runner = spawn(
  process.execPath,
  [
    '--import',
    'tsx',
    '--test',
    '--test-concurrency=2',
    '--test-reporter=./test/reporter.mjs',
    '--test-reporter-destination=stdout',
    `--test-timeout=${fileTimeout}`,
    ...options,
    ...files,
  ],
  // A process group of its own: at the total timeout it goes as a whole.
  {
    stdio: 'inherit',
    detached: process.platform !== 'win32',
    env: { ...process.env, ...(isFast && { ZPROC_HOMES: 'two' }) },
  },
)

let interrupted = false
const interrupt = (signal: NodeJS.Signals): void => {
  interrupted = true
  signalAll(signal)
}
process.on('SIGINT', () => interrupt('SIGINT'))
process.on('SIGTERM', () => interrupt('SIGTERM'))
setTimeout(() => {
  console.error(`test/run.ts: the tests took longer than ${totalTimeout / 1000} s and were killed`)
  signalAll('SIGKILL')
}, totalTimeout).unref()

runner.on('exit', code => {
  process.exitCode = code ?? 1
  // A test that handles signals outlives its runner. Those that clean up after themselves get the time for it.
  if (interrupted) setTimeout(() => signalAll('SIGKILL'), 2000)
})

function signalAll(signal: NodeJS.Signals): void {
  if (runner.pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? runner.pid : -runner.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
