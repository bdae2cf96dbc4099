// Ways to run, build and measure a program: each row of the table in docs/tools.md is a program that ran that way.
// UPDATE_TABLE=1 writes the table anew.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { needsBuild } from '../kit/build.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'zproc-tools-')))
const packages = resolve('node_modules')
const page = resolve('docs/tools.md')

const BODY = `
const ctx = new Context()
const by = 1
const target = async state => {
  await state.set('n', by)
  return (await state.get('n')) + by
}
const end = result => ctx.close().then(() => console.log(result))
const start = async () => ctx.process(target).wait()
start().then(value => end('works: ' + value), error => end(error.name + ': ' + error.message))
`
const ESM = `import { Context } from 'zproc'\n${BODY}`

/** With types that are wrong unless the compiler has read zproc's. */
const TYPED = `import { Context, type State } from 'zproc'
const ctx = new Context<{ n: number }>()
const target = async (state: State<{ n: number }>): Promise<number> => {
  await state.set('n', 1)
  return (await state.get('n')) + 1
}
ctx.process(target).wait().then(async (two: number) => {
  await ctx.close()
  console.log('works: ' + two)
})
`

interface Way {
  name: string
  /** Arguments of Node. */
  run: string[]
  /** Run before, arguments of Node as well. */
  build?: string[]
  stdin?: string
  env?: NodeJS.ProcessEnv
  /** What the message must name, where it is refused: by zproc, by the compiler, by Node. */
  refused?: RegExp
  /** What the table says; default: works. */
  says?: string
}

const esbuild = join(packages, 'esbuild/bin/esbuild')
const rolldown = join(packages, 'rolldown/bin/cli.mjs')
const vite = join(packages, 'vite/bin/vite.js')
const outside = 'refused: keep zproc out of the bundle (`external`), and install it where the program runs'
const stripsTypes = Boolean((process.features as { typescript?: unknown }).typescript)
const compile = [
  resolve('node_modules/typescript/bin/tsc'),
  ...['--ignoreConfig', '--types', 'node', '--target', 'es2022', '--skipLibCheck'],
  ...['--outDir', 'commonjs/out', 'commonjs/app.ts'],
]
const external = /bundler put zproc into the program's own file\. Keep it out: `--external:zproc`/

const ways: Way[] = [
  { name: '`node app.mjs`', run: ['app.mjs'] },
  { name: '`node app.cjs`', run: ['app.cjs'] },
  {
    name: '`node app.ts`, Node 22.18 and later',
    run: ['app.ts'],
    ...(stripsTypes ? {} : { refused: /ERR_UNKNOWN_FILE_EXTENSION/ }),
    says: 'works',
  },
  { name: '`node --import tsx app.ts`', run: ['--import', 'tsx', 'app.ts'] },
  ...['nodenext', 'node20'].map(module => ({
    name: `CommonJS in TypeScript, \`module: ${module}\``,
    build: [...compile, '--module', module],
    run: ['commonjs/out/app.js'],
  })),
  ...['node16', 'node18'].map(module => ({
    name: `CommonJS in TypeScript, \`module: ${module}\``,
    build: [...compile, '--module', module],
    run: ['commonjs/out/app.js'],
    refused: /error TS1479: .* is an ECMAScript module and cannot be imported with 'require'/,
    says: 'refused by TypeScript (TS1479): set `module` to `nodenext` or `node20`',
  })),
  { name: '`node --input-type=module -e`', run: ['--input-type=module', '-e', ESM] },
  { name: '`node -e`, in CommonJS', run: ['-e', `const { Context } = require('zproc')\n${BODY}`] },
  { name: 'a program on stdin', run: ['--input-type=module', '-'], stdin: ESM },
  { name: '`--frozen-intrinsics`', run: ['--frozen-intrinsics', 'app.mjs'] },
  {
    name: 'coverage by V8, as c8 takes it',
    run: ['app.mjs'],
    env: { NODE_V8_COVERAGE: join(folder, 'coverage') },
  },
  {
    name: 'esbuild, zproc external',
    build: [
      esbuild,
      'app.mjs',
      '--bundle',
      '--platform=node',
      '--format=esm',
      '--external:zproc',
      '--outfile=esbuild/out.mjs',
    ],
    run: ['esbuild/out.mjs'],
  },
  {
    name: 'esbuild, zproc inside',
    build: [
      esbuild,
      'app.mjs',
      '--bundle',
      '--platform=node',
      '--format=esm',
      '--outfile=esbuild-in/out.mjs',
    ],
    run: ['esbuild-in/out.mjs'],
    refused: external,
    says: outside,
  },
  {
    name: 'rolldown, zproc external',
    build: [rolldown, 'app.mjs', '--platform', 'node', '--external', 'zproc', '--file', 'rolldown/out.mjs'],
    run: ['rolldown/out.mjs'],
  },
  {
    name: 'rolldown, zproc inside',
    build: [rolldown, 'app.mjs', '--platform', 'node', '--dir', 'rolldown-in'],
    run: ['rolldown-in/app.js'],
    refused: external,
    says: outside,
  },
  {
    name: 'Vite `build --ssr`, zproc inside (`ssr.noExternal`)',
    build: [vite, 'build', '--config', 'vite.config.mjs', '--logLevel', 'error'],
    run: ['vite/app.js'],
    refused: external,
    says: outside,
  },
]

const outcomes = new Map<string, string>()

before(() => {
  needsBuild()
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(resolve('.'), join(folder, 'node_modules/zproc'))
  symlinkSync(join(packages, 'tsx'), join(folder, 'node_modules/tsx'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const name of ['app.mjs', 'app.ts']) writeFileSync(join(folder, name), ESM)
  writeFileSync(join(folder, 'app.cjs'), `const { Context } = require('zproc')\n${BODY}`)
  mkdirSync(join(folder, 'commonjs'))
  writeFileSync(join(folder, 'commonjs/package.json'), '{ "type": "commonjs" }')
  writeFileSync(join(folder, 'commonjs/app.ts'), TYPED)
  mkdirSync(join(folder, 'node_modules/@types'))
  for (const name of ['@types/node', 'undici-types'])
    symlinkSync(join(packages, name), join(folder, 'node_modules', name))
  const config = { build: { ssr: 'app.mjs', outDir: 'vite' }, ssr: { noExternal: true } }
  writeFileSync(join(folder, 'vite.config.mjs'), `export default ${JSON.stringify(config)}`)
})
after(() => rmSync(folder, { recursive: true, force: true }))

for (const way of ways)
  test(`${way.name}: ${way.refused ? 'is refused, with the cause and the way out' : 'works'}`, async () => {
    const printed = await runs(way).catch((error: Error) => {
      if (way.refused) return error.message
      throw error
    })
    if (way.refused) assert.match(printed, way.refused)
    else assert.equal(printed.trim(), 'works: 2')
    outcomes.set(way.name, way.says ?? 'works')
  })

test('the table in docs/tools.md is the one that these tests give', () => {
  const rows = ways.map(({ name }) => `| ${name} | ${outcomes.get(name) ?? 'differs'} |\n`).join('')
  const table = `| | |\n| --- | --- |\n${rows}`
  const text = readFileSync(page, 'utf8')
  if (process.env.UPDATE_TABLE)
    writeFileSync(page, text.replace(/(<!-- table -->\n)[\s\S]*(<!-- end -->)/, `$1${table}$2`))
  else assert.ok(text.includes(table), 'run with UPDATE_TABLE=1 to write the table anew')
})

async function runs(way: Way): Promise<string> {
  if (way.build) await node(way.build, way)
  return node(way.run, way)
}

/** What a program prints on stdout. */
function node(args: string[], { stdin = '', env = {} }: Way): Promise<string> {
  return new Promise((resolve, reject) => {
    // Nothing of this test process goes along: it has a loader and a runner of its own.
    const own = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '', ...env }
    const options = { cwd: folder, env: own, timeout: 60_000 }
    const child = execFile(process.execPath, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stdout}${stderr}`))
      else resolve(stdout)
    })
    child.stdin?.end(stdin)
  })
}
