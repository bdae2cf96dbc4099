// Runs the files of bench/ one after the other, each in a fresh process: `npm run bench -- [part of a name]… [--check] [--docs]`
// A file asks one question, prints its tables, and exits non-zero when somebody computed a wrong answer.
// BENCH_QUICK=1 runs them small, on the source instead of the build: to see that they work, not how fast anything is.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeDocs } from './kit/docs.ts'
import { machine } from './kit/machine.ts'
import { quick } from './kit/measure.ts'
import type { Table } from './kit/report.ts'
import { shown } from './kit/report.ts'
import { isBroken, judge, promises } from './promises.ts'

/** For one file, milliseconds. */
const patience = 900_000

const options = process.argv.slice(2).filter(argument => argument.startsWith('-'))
const parts = process.argv.slice(2).filter(argument => !argument.startsWith('-'))
const check = options.includes('--check')
const docs = options.includes('--docs')
const unknown = options.filter(option => option !== '--check' && option !== '--docs')
const all = readdirSync('bench')
  .filter(file => file.endsWith('.ts') && file !== 'run.ts' && file !== 'promises.ts')
  .map(file => file.slice(0, -3))
  .sort()
const promised = new Set(promises.map(({ file }) => file))
const chosen = all.filter(
  name =>
    (parts.length === 0 || parts.some(part => name.includes(part))) && (!check || docs || promised.has(name)),
)

const wrong =
  unknown.length > 0
    ? `there is no option ${unknown.join(' ')}`
    : chosen.length === 0
      ? `no file has ${parts.map(part => `'${part}'`).join(' or ')} in its name`
      : quick && (check || docs)
        ? `figures of a quick run say nothing: no ${options.join(' ')} with BENCH_QUICK`
        : undefined
if (wrong) {
  console.error(`bench: ${wrong}`)
  console.error(`usage: npm run bench -- [part of a name]… [--check] [--docs]\nnames: ${all.join(', ')}`)
  process.exit(1)
}

console.log(machine())
const folder = mkdtempSync(join(tmpdir(), 'zproc-bench-'))
const results = join(folder, 'results')
writeFileSync(results, '')
const failed: string[] = []
for (const name of chosen) {
  console.log(`\n── ${name} ${'─'.repeat(Math.max(0, 60 - name.length))}`)
  const code = await run(join('bench', `${name}.ts`))
  if (code !== 0) failed.push(`${name} (${code})`)
}
const tables = readFileSync(results, 'utf8')
  .split('\n')
  .filter(line => line)
  .map(line => JSON.parse(line) as Table)
rmSync(folder, { recursive: true })

if (check) {
  const verdicts = judge(
    tables,
    promises.filter(({ file }) => chosen.includes(file)),
  )
  console.log('\nWhat is promised')
  console.table(
    verdicts.map(({ promise, figure, verdict }) => ({
      promise: `${promise.file}: ${promise.title}: ${promise.row}`,
      of: promise.to ? `÷ ${promise.to}` : promise.of,
      asked:
        promise.atMost === undefined ? `≥ ${shown(promise.atLeast as number)}` : `≤ ${shown(promise.atMost)}`,
      slack: `${promise.slack * 100} %`,
      measured: figure === undefined ? '–' : shown(figure),
      verdict,
    })),
  )
  for (const { promise, verdict } of verdicts.filter(isBroken))
    failed.push(`${promise.file}: ${promise.title}: ${promise.row} (${verdict})`)
}
if (docs) writeDocs(tables)
if (failed.length > 0) {
  console.error(`\nbench: failed: ${failed.join(', ')}`)
  process.exitCode = 1
}

function run(file: string): Promise<number | NodeJS.Signals | null> {
  return new Promise((done, failed) => {
    const env = {
      ...process.env,
      TSX_TSCONFIG_PATH: join(quick ? '.' : 'bench', 'tsconfig.json'),
      BENCH_RESULTS: results,
    }
    const bench = spawn(process.execPath, ['--import', 'tsx', file], {
      env,
      stdio: 'inherit',
      timeout: patience,
    })
    bench.on('error', failed)
    bench.on('exit', (code, signal) => done(signal ?? code))
  })
}
