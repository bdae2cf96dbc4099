import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

interface Outcome {
  group: string
  name: string
  refused: boolean
  problem: string | undefined
}

const run = promisify(execFile)
const repo = fileURLToPath(new URL('../../', import.meta.url))
const source = fileURLToPath(new URL('./rows/', import.meta.url))
const bin = (name: string) => join(repo, 'node_modules/.bin', name)
const ENVIRONMENTS = ['ESM', 'CommonJS', 'tsx', 'tsc', 'vitest'] as const
// Not in the table, but held to the same rows: older output of compilers, with their helper functions.
const COMPILED = ['tsx to CommonJS', 'tsc to ES2015', 'vitest, TypeScript'] as const
type Environment = (typeof ENVIRONMENTS)[number] | (typeof COMPILED)[number] | 'TypeScript without a loader'
// Node runs TypeScript by itself since 22.18.
const isStripped = Boolean((process.features as { typescript?: unknown }).typescript)
const OTHERS: Environment[] = [...COMPILED, ...(isStripped ? (['TypeScript without a loader'] as const) : [])]

let folder: string
const outcomes = new Map<Environment, Outcome[]>()

before(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'zproc-rows-')))
  await layOut()
  for (const environment of [...ENVIRONMENTS, ...OTHERS]) {
    const failed = (error: Error): Outcome[] => [
      { group: '', name: 'all', refused: false, problem: error.message },
    ]
    outcomes.set(environment, await runIn(environment).catch(failed))
  }
})

after(() => rmSync(folder, { recursive: true, force: true }))

for (const environment of [...ENVIRONMENTS, ...OTHERS]) {
  describe(`functions sent from ${environment}`, () => {
    it('ship or stay, row by row, as the table says', () => {
      const wrong = (outcomes.get(environment) ?? []).filter(({ problem }) => problem !== undefined)
      assert.equal(wrong.map(({ group, name, problem }) => `${group}: ${name}: ${problem}`).join('\n'), '')
      assert.ok((outcomes.get(environment)?.length ?? 0) >= 60)
    })
  })
}

it('the table in docs/shipping.md is the one that these tests give', () => {
  const page = readFileSync(join(repo, 'docs/shipping.md'), 'utf8')
  const table = tableOf(outcomes)
  if (process.env.UPDATE_TABLE) {
    writeFileSync(
      join(repo, 'docs/shipping.md'),
      page.replace(/(<!-- table -->\n)[\s\S]*(<!-- end -->)/, `$1${table}$2`),
    )
    return
  }
  assert.ok(page.includes(table), 'run with UPDATE_TABLE=1 to write the table anew')
})

/** A folder for each environment, with the compiled package in its node_modules. */
async function layOut(): Promise<void> {
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, 'zproc'), { recursive: true })
  for (const name of readdirSync(join(repo, 'node_modules'))) {
    if (name !== 'zproc' && !name.startsWith('.'))
      symlinkSync(join(repo, 'node_modules', name), join(modules, name))
  }
  writeFileSync(join(modules, 'zproc/package.json'), '{ "name": "zproc", "type": "module" }')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  // Module by module: the rows use more of it than the package shows.
  const whole = ['--emitDeclarationOnly', 'false', '--outDir', join(modules, 'zproc'), '--noCheck']
  await compile(['-p', join(repo, 'tsconfig.build.json'), ...whole])
  // The rows use the compiled package, as a user does.
  mkdirSync(join(folder, 'tsx'))
  for (const name of readdirSync(source)) {
    const text = readFileSync(join(source, name), 'utf8')
    writeFileSync(join(folder, 'tsx', name), text.replace(/'(?:\.\.\/){3}src\/(.*)\.ts'/g, "'zproc/$1.js'"))
  }
  const files = readdirSync(source).map(name => join(folder, 'tsx', name))
  const options = [
    '--noCheck',
    '--skipLibCheck',
    '--ignoreConfig',
    '--types',
    'node',
    '--moduleResolution',
    'bundler',
    '--outDir',
  ]
  await compile([...options, join(folder, 'esm'), '--target', 'esnext', '--module', 'esnext', ...files])
  await compile([...options, join(folder, 'tsc'), '--target', 'es2022', '--module', 'commonjs', ...files])
  writeFileSync(join(folder, 'tsc/package.json'), '{ "type": "commonjs" }')
  await compile([...options, join(folder, 'tsc-old'), '--target', 'es2015', '--module', 'commonjs', ...files])
  writeFileSync(join(folder, 'tsc-old/package.json'), '{ "type": "commonjs" }')
  mkdirSync(join(folder, 'stripped'))
  for (const name of readdirSync(source)) {
    const text = readFileSync(join(folder, 'tsx', name), 'utf8')
    writeFileSync(join(folder, 'stripped', name), text.replace(/'\.\/(\w+)\.js'/g, "'./$1.ts'"))
  }
  cpSync(join(folder, 'tsx'), join(folder, 'tsx-cjs'), { recursive: true })
  writeFileSync(join(folder, 'tsx-cjs/package.json'), '{ "type": "commonjs" }')
  cpSync(join(folder, 'esm'), join(folder, 'cjs'), { recursive: true })
  writeFileSync(join(folder, 'cjs/package.json'), '{ "type": "commonjs" }')
  for (const name of readdirSync(join(folder, 'cjs'))) {
    if (!name.endsWith('.js')) continue
    const path = join(folder, 'cjs', name)
    writeFileSync(path, asCommonJs(readFileSync(path, 'utf8')))
  }
  cpSync(join(folder, 'esm'), join(folder, 'vitest'), { recursive: true })
  writeFileSync(join(folder, 'vitest/rows.test.js'), VITEST)
  cpSync(join(folder, 'tsx'), join(folder, 'vitest-ts'), { recursive: true })
  cpSync(join(folder, 'esm/child.js'), join(folder, 'vitest-ts/child.js'))
  writeFileSync(join(folder, 'vitest-ts/rows.test.ts'), VITEST)
}

const VITEST = `
import { writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { all } from './all.js'
import { runRows } from './host.js'
test('rows', async () => {
  writeFileSync(process.env.ROWS_OUT, JSON.stringify(await runRows(all, process.env.ROWS_CHILD_FILE)))
}, 60000)
`

/** What a person would have written: `require` for `import`, `exports` for `export`. */
function asCommonJs(text: string): string {
  const exported: string[] = []
  const body = text
    .replace(/^import ('[^']+');$/gm, 'require($1);')
    .replace(/^import (\w+), (\{[^}]*\}) from ('[^']+');$/gm, 'import $1 from $3;\nimport $2 from $3;')
    .replace(/^import \* as (\w+) from ('[^']+');$/gm, 'const $1 = require($2);')
    .replace(
      /^import \{([^}]*)\} from ('[^']+');$/gm,
      (_, names: string, from: string) => `const {${names.replaceAll(' as ', ': ')}} = require(${from});`,
    )
    .replace(/^import (\w+) from ('\.[^']+');$/gm, 'const { default: $1 } = require($2);')
    .replace(/^import (\w+) from ('[^']+');$/gm, 'const $1 = require($2);')
    .replace(/^export default function (\w+)/gm, (_, name: string) => {
      exported.push(`default: ${name}`)
      return `function ${name}`
    })
    .replace(/^export ((?:async )?function\*?|class|const) (\w+)/gm, (_, kind: string, name: string) => {
      exported.push(name)
      return `${kind} ${name}`
    })
    .replace(/^export let (\w+)/gm, 'let $1')
    .replace(/^export \{\};$/gm, '')
  return exported.length ? `${body}\nmodule.exports = { ${exported.join(', ')} };\n` : body
}

async function compile(args: string[]): Promise<void> {
  // The compiler writes its output even where it complains: other tests look at the types.
  await run(bin('tsc'), args, { cwd: repo }).catch((error: { stdout: string; code: number }) => {
    if (error.code > 2) throw new Error(error.stdout)
  })
}

async function runIn(environment: Environment): Promise<Outcome[]> {
  const out = join(folder, `${environment}.json`)
  const places: Record<Environment, string> = {
    ESM: 'esm',
    CommonJS: 'cjs',
    tsx: 'tsx',
    tsc: 'tsc',
    vitest: 'vitest',
    'vitest, TypeScript': 'vitest-ts',
    'tsx to CommonJS': 'tsx-cjs',
    'TypeScript without a loader': 'stripped',
    'tsc to ES2015': 'tsc-old',
  }
  const cwd = join(folder, places[environment])
  if (!readdirSync(cwd).includes('package.json'))
    writeFileSync(join(cwd, 'package.json'), '{ "type": "module" }')
  const ending = ['tsx', 'tsx-cjs', 'stripped'].includes(places[environment]) ? 'ts' : 'js'
  // Nothing of this test process goes along: the loader of these tests is not the one of the program.
  const env = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '', ROWS_ENVIRONMENT: environment }
  const child = join(cwd, `child.${ending}`)
  if (environment.startsWith('vitest')) {
    await run(bin('vitest'), ['run', '--root', cwd], {
      cwd,
      env: { ...env, ROWS_OUT: out, ROWS_CHILD_FILE: child },
    })
  } else {
    const flags = environment.startsWith('tsx') ? ['--import', 'tsx'] : []
    await run(process.execPath, [...flags, join(cwd, `main.${ending}`), out, child], { cwd, env })
  }
  return JSON.parse(readFileSync(out, 'utf8')) as Outcome[]
}

function tableOf(all: Map<Environment, Outcome[]>): string {
  let text = `| | ${ENVIRONMENTS.join(' | ')} |\n| --- |${' --- |'.repeat(ENVIRONMENTS.length)}\n`
  let group = ''
  for (const [index, row] of (all.get('ESM') ?? []).entries()) {
    if (row.group !== group) {
      group = row.group
      text += `| **${group}** |${' |'.repeat(ENVIRONMENTS.length)}\n`
    }
    const marks = ENVIRONMENTS.map(environment => {
      const { problem = undefined, refused = false } = all.get(environment)?.[index] ?? {}
      return problem === undefined ? (refused ? 'refused' : 'ships') : 'differs'
    })
    text += `| ${row.name.replaceAll('|', '\\|')} | ${marks.join(' | ')} |\n`
  }
  return text
}
