// Runs the files of bench/ one after the other, each in a fresh process: `npm run bench [part of a name]…`
// A file asks one question, prints its table, and exits non-zero when somebody computed a wrong answer.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'

/** For one file, milliseconds. */
const patience = 600_000

const unknown = process.argv.slice(2).filter(argument => argument.startsWith('-'))
const parts = process.argv.slice(2).filter(argument => !argument.startsWith('-'))
const all = readdirSync('bench')
  .filter(file => file.endsWith('.ts') && file !== 'run.ts')
  .sort()
const chosen = all.filter(file => parts.length === 0 || parts.some(part => file.includes(part)))

if (unknown.length > 0 || chosen.length === 0) {
  console.error(
    unknown.length > 0
      ? `bench: there is no option ${unknown.join(' ')}`
      : `bench: no file has ${parts.map(part => `'${part}'`).join(' or ')} in its name`,
  )
  console.error(
    `usage: npm run bench [part of a name]…\nnames: ${all.map(file => file.slice(0, -3)).join(', ')}`,
  )
  process.exit(1)
}

const [cpu] = cpus()
console.log(
  `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} × ${cpu?.model.trim()}`,
)
console.log(`${Math.round(totalmem() / 2 ** 30)} GiB of memory, ${new Date().toISOString().slice(0, 10)}`)

const failed: string[] = []
for (const file of chosen) {
  console.log(`\n── ${file.slice(0, -3)} ${'─'.repeat(Math.max(0, 60 - file.length))}`)
  const code = await run(join('bench', file))
  if (code !== 0) failed.push(`${file} (${code})`)
}
if (failed.length > 0) {
  console.error(`\nbench: failed: ${failed.join(', ')}`)
  process.exitCode = 1
}

function run(file: string): Promise<number | NodeJS.Signals | null> {
  return new Promise((done, failed) => {
    const env = { ...process.env, TSX_TSCONFIG_PATH: join('bench', 'tsconfig.json') }
    const bench = spawn(process.execPath, ['--import', 'tsx', file], {
      env,
      stdio: 'inherit',
      timeout: patience,
    })
    bench.on('error', failed)
    bench.on('exit', (code, signal) => done(signal ?? code))
  })
}
