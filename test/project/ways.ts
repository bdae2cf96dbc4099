// The ways to run and build a program that docs/tools.md tells of: see tools.test.ts.
import { resolve } from 'node:path'

export interface Way {
  name: string
  /** Arguments of Node. */
  run: string[]
  /** Run before, arguments of Node as well. */
  build?: string[]
  stdin?: string
  /** The end of stdin waits for this on stdout. */
  until?: RegExp
  env?: NodeJS.ProcessEnv
  /** What it prints where that is more than the result. */
  prints?: RegExp
  /** What the message must name, where it is refused: by zproc, by the compiler, by Node. */
  refused?: RegExp
  /** What the table says; default: works. */
  says?: string
}

/** Packages that are installed for these tests alone. */
export const installed = [
  'nyc@18.0.0',
  'rollup@4.68.8',
  '@rollup/plugin-node-resolve@16.0.3',
  'webpack@5.113.0',
  '@swc-node/register@1.12.1',
  'ts-node@10.9.2',
  '@swc/core@1.16.22',
  'typescript@5.9.3',
  'zod@4.6.7',
  'pino@10.4.0',
]

/** Packages of these that are there anyway. */
export const linked = [
  'tsx',
  'esbuild',
  'rolldown',
  'vite',
  'ioredis',
  'cli-progress',
  '@types/node',
  'undici-types',
]

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

/** A process that is told from the program, and one attempt from the next, by what it imports of zproc. */
const LINKED = `import { Context, currentProcess } from 'zproc'
const ctx = new Context()
const target = () => {
  const { attempt, parent } = currentProcess()
  if (attempt < 2) throw new RangeError('again')
  return parent.pid === process.ppid ? attempt : NaN
}
const value = await ctx.process(target, { stateful: false, retryFor: [RangeError], retryDelay: 1, maxRetries: 3 }).wait()
await ctx.close()
console.log('works: ' + value)
`

/** What makes an object of a library, and what a function does with it. */
const libraries: Record<string, { load: string; make: string; use(it: string): string }> = {
  zod: {
    load: "import { z } from 'zod'",
    make: 'z.object({ n: z.number().optional() })',
    use: it => `${it}.parse({ n: 1 }).n === 1`,
  },
  pino: {
    load: "import pino from 'pino'",
    make: "pino({ level: 'silent' })",
    use: it => `${it}.info('x') === undefined && ${it}.level === 'silent'`,
  },
  ioredis: {
    load: "import { Redis } from 'ioredis'",
    make: 'new Redis({ lazyConnect: true })',
    use: it => `${it}.status === 'wait'`,
  },
}

const libraryFiles = Object.entries(libraries).flatMap(([name, { load, make, use }]) => {
  const lib = `${load}
export const it = ${make}
const beside = () => ${use('it')}
export const others = { beside }
`
  const app = `import { atomic, Context } from 'zproc'
${load}
import { it, others } from './lib.mjs'
const own = ${make}
const targets = { own: () => ${use('own')}, imported: () => ${use('it')}, beside: others.beside }
const inState = atomic(() => ${use('it')})
const ctx = new Context()
const call = async name =>
  name === 'atomic' ? inState(ctx.state) : ctx.process(targets[name], { stateful: false }).wait()
try {
  const results = []
  for (const name of process.argv.slice(2)) results.push(await call(name))
  console.log('works: ' + results.join(' '))
} catch (error) {
  console.log(error.name + ': ' + error.message)
}
await ctx.close()
`
  return [
    [`${name}/lib.mjs`, lib],
    [`${name}/app.mjs`, app],
  ]
})

const WEBPACK = `const fs = require('node:fs')
const { join } = require('node:path')
const webpack = require('webpack')
const [way] = process.argv.slice(2)
const copy = join(__dirname, 'moved/zproc')
if (way === 'moved') fs.cpSync(join(__dirname, 'node_modules/zproc/dist'), copy, { recursive: true })
const options = {
  mode: 'none',
  target: 'node',
  entry: './app.mjs',
  experiments: { outputModule: true },
  output: { path: join(__dirname, 'webpack'), filename: way + '.mjs', chunkFilename: way + '-[id].mjs', module: true },
  ...(way === 'external' && { externals: { zproc: 'module zproc' } }),
  ...(way === 'moved' && { resolve: { alias: { zproc: join(copy, 'index.js') } } }),
}
webpack(options, (error, stats) => {
  if (way === 'moved') fs.rmSync(copy, { recursive: true })
  if (error || stats.hasErrors()) throw error ?? new Error(stats.toString())
})
`

/** For loaders of TypeScript that are registered in the program. */
const LOADED = `import { Context } from 'zproc'
import { plus } from './lib'
const { FLAGS, IMPORTS } = process.env
const ctx = new Context(FLAGS ? { execArgv: FLAGS.split(' ') } : {})
const by: number = 1
const target = async (state: any) => {
  await state.set('n', by)
  return (await state.get('n')) + by
}
const other = (n: number): number => plus(n)
const call = async () => {
  const own = await ctx.process(target).wait()
  return IMPORTS === 'no' ? own : own + ' ' + (await ctx.process(other, { stateful: false, args: [2] }).wait())
}
const end = (result: unknown) => ctx.close().then(() => console.log(result))
call().then(value => end('works: ' + value), error => end(error.name + ': ' + error.message))
`

/** Loaders of TypeScript in CommonJS: the module that registers one when it is required, and the code that does so. */
const loaders = [
  {
    name: 'swc-node',
    folder: 'swc',
    required: '@swc-node/register',
    register: "require('@swc-node/register/register').register()",
    env: {},
  },
  {
    name: 'ts-node',
    folder: 'ts-node',
    required: 'ts-node/register/transpile-only',
    register: "require('ts-node').register({ transpileOnly: true })",
    env: { TS_NODE_PROJECT: 'ts-node/tsconfig.json' },
  },
]
const loaded = { target: 'es2022', module: 'nodenext', moduleResolution: 'nodenext', esModuleInterop: true }

/** The programs, by their paths. */
export const files: Record<string, string> = {
  'app.mjs': ESM,
  'app.ts': ESM,
  'app.cjs': `const { Context } = require('zproc')\n${BODY}`,
  'vite.config.mjs': `export default ${JSON.stringify({
    build: { ssr: 'app.mjs', outDir: 'vite' },
    ssr: { noExternal: true },
  })}`,
  'webpack.cjs': WEBPACK,
  'linked/app.mjs': LINKED,
  'commonjs/package.json': '{ "type": "commonjs" }',
  'commonjs/app.ts': TYPED,
  ...Object.fromEntries(
    loaders.flatMap(({ folder, register }) => [
      [`${folder}/package.json`, '{ "type": "commonjs" }'],
      [`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions: loaded })],
      [`${folder}/lib.ts`, 'enum Kind { A = 4 }\nexport const plus = (n: number): number => n + Kind.A\n'],
      [`${folder}/app.ts`, LOADED],
      [`${folder}/main.cjs`, `${register}\nrequire('./app.ts')\n`],
    ]),
  ),
  ...Object.fromEntries(libraryFiles),
}

const esbuild = 'node_modules/esbuild/bin/esbuild'
const rolldown = 'node_modules/rolldown/bin/cli.mjs'
const rollup = 'node_modules/rollup/dist/bin/rollup'
const vite = 'node_modules/vite/bin/vite.js'
const outside = 'refused: keep zproc out of the bundle (`external`), and install it where the program runs'
const stripsTypes = Boolean((process.features as { typescript?: unknown }).typescript)
const compile = [
  resolve('node_modules/typescript/bin/tsc'),
  ...['--ignoreConfig', '--types', 'node', '--target', 'es2022', '--skipLibCheck'],
  ...['--outDir', 'commonjs/out', 'commonjs/app.ts'],
]
const external = /bundler put zproc into the program's own file\. Keep it out: `--external:zproc`/

export const ways: Way[] = [
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
  {
    name: 'a linked package, as by pnpm, `npm link` and workspaces',
    build: [
      '-e',
      "fs.mkdirSync('linked/node_modules'); fs.symlinkSync('../../node_modules/zproc', 'linked/node_modules/zproc')",
    ],
    run: ['linked/app.mjs'],
  },
  { name: '`--frozen-intrinsics`', run: ['--frozen-intrinsics', 'app.mjs'] },
  {
    name: 'coverage by V8, as c8 takes it',
    run: ['app.mjs'],
    env: { NODE_V8_COVERAGE: 'coverage' },
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
  {
    name: 'rollup, zproc external',
    build: [rollup, 'app.mjs', '--file', 'rollup/out.mjs', '--format', 'es', '--external', 'zproc'],
    run: ['rollup/out.mjs'],
  },
  {
    name: 'rollup, zproc inside',
    build: [rollup, 'app.mjs', '--dir', 'rollup-in', '--format', 'es', '--plugin', 'node-resolve'],
    run: ['rollup-in/app.js'],
    refused: external,
    says: outside,
  },
  { name: 'webpack, zproc external', build: ['webpack.cjs', 'external'], run: ['webpack/external.mjs'] },
  {
    name: 'webpack, zproc inside',
    build: ['webpack.cjs', 'inside'],
    run: ['webpack/inside.mjs'],
    says: 'works, while the package is where it was when webpack ran: its processes load it from there',
  },
  {
    name: 'webpack, zproc inside, and the package is gone',
    build: ['webpack.cjs', 'moved'],
    run: ['webpack/moved.mjs'],
    refused: external,
    says: outside,
  },
  {
    name: 'nyc',
    run: ['node_modules/nyc/bin/nyc.js', '--reporter=text-summary', process.execPath, 'app.cjs'],
    prints: /^works: 2\n[\s\S]*Statements\s*: [1-9]/,
    says: 'works; what runs of a function that was sent is not counted',
  },
  {
    name: 'the REPL',
    run: ['--interactive'],
    stdin: `const { Context } = require('zproc')\n${BODY}`,
    until: /works: 2/,
    prints: /works: 2$/m,
  },
  ...loaders.flatMap(({ name, folder, required, env }): Way[] => [
    {
      name: `${name} by \`--require\``,
      run: ['--require', required, `${folder}/app.ts`],
      env,
      prints: /^works: 2 6$/,
    },
    {
      name: `${name}, registered by code`,
      run: [`${folder}/main.cjs`],
      env: { ...env, IMPORTS: 'no' },
      prints: /^works: 2$/,
      says: 'works for what is written in the program itself',
    },
    {
      name: `${name}, registered by code, for a function that imports TypeScript`,
      run: [`${folder}/main.cjs`],
      env,
      refused: /is TypeScript, and this process has no loader for it: .*`execArgv` of the Context's options/,
      says: "refused: name the loader on the command line, or in `execArgv` of the Context's options",
    },
    {
      name: `${name}, registered by code, with \`execArgv\``,
      run: [`${folder}/main.cjs`],
      env: { ...env, FLAGS: `--require ${required}` },
      prints: /^works: 2 6$/,
    },
  ]),
  ...Object.keys(libraries).flatMap((library): Way[] => [
    {
      name: `an object of ${library}, in the program's module`,
      run: [`${library}/app.mjs`, 'own'],
      refused: /Or put `own` into a module of its own, export it there, and import it/,
      says: 'refused: put it into a module of its own, and import that',
    },
    {
      name: `an object of ${library}, in a module that exports it`,
      run: [`${library}/app.mjs`, 'imported', 'beside'],
      prints: /^works: true true$/,
    },
    {
      name: `an object of ${library}, in an atomic function`,
      run: [`${library}/app.mjs`, 'atomic'],
      prints: /^works: true$/,
      says: 'works: the server imports the module',
    },
  ]),
]
