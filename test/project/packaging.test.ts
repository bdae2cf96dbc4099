import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test, { after, before } from 'node:test'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const root = mkdtempSync(join(tmpdir(), 'zproc-packaging-'))
const source = join(root, 'source')
const project = join(root, 'project')
/** The page of `zproc inspect`, for browsers: it is no module that a program could import. */
const page = ['dist/inspect/page.js', 'dist/inspect/page.css']
const chunk = /^dist\/chunks\/[\w-]+\.js$/
const { files: packed }: { files: string[] } = JSON.parse(readFileSync('package.json', 'utf8'))
const besidesTheBuild = ['LICENSE', 'README.md', 'package.json', ...packed.filter(file => file !== 'dist')]
const tsc = resolve('node_modules/typescript/bin/tsc')
const rolldown = resolve('node_modules/rolldown/bin/cli.mjs')
let tarball: string

// Packs a build of its own: dist/ may be old, absent, or just being written.
before(() => {
  mkdirSync(source)
  for (const file of besidesTheBuild) cpSync(file, join(source, file), { recursive: true })
  node(tsc, '-p', 'tsconfig.build.json', '--outDir', join(source, 'dist'))
  node(rolldown, '-c', '--dir', join(source, 'dist'))
  const { stdout } = npm(source, 'pack', '--json', '--ignore-scripts')
  tarball = join(source, JSON.parse(stdout)[0].filename)
})

after(() => rmSync(root, { recursive: true, force: true }))

test('publint has nothing to say about the package', async () => {
  const { messages, pkg } = await publint({ pkgDir: source, strict: true, pack: false })
  assert.deepEqual(
    messages.map(message => formatMessage(message, pkg)),
    [],
  )
})

test('the declarations resolve for everybody who can import the package', async () => {
  const result = await checkPackage(createPackageFromTarballData(readFileSync(tarball)))
  assert.ok(result.types, 'the package has no declarations')
  // It is ESM alone, for Node 20 and later: CommonJS and the resolution of Node 10 are out of reach by intent.
  const outOfReach = ['node10', 'node16-cjs']
  const problems = result.problems.filter(
    problem => !('resolutionKind' in problem && outOfReach.includes(problem.resolutionKind)),
  )
  assert.deepEqual(problems, [])
})

test('the package holds the build, its declarations, the documentation, and nothing else', () => {
  const files = createPackageFromTarballData(readFileSync(tarball)).listFiles()
  const paths = files.map(file => file.replace('/node_modules/zproc/', ''))
  const isDocumentation = (path: string) =>
    besidesTheBuild.some(file => path === file || path.startsWith(`${file}/`))
  const isBuilt = (path: string) => page.includes(path) || /^dist\/.+\.(js|d\.ts)$/.test(path)
  assert.deepEqual(
    paths.filter(path => !isDocumentation(path) && !isBuilt(path)),
    [],
  )
  for (const file of besidesTheBuild)
    assert.ok(
      paths.some(path => path === file || path.startsWith(`${file}/`)),
      file,
    )
  for (const path of paths.filter(
    path => path.startsWith('dist/') && path.endsWith('.js') && !chunk.test(path) && !page.includes(path),
  )) {
    assert.ok(paths.includes(path.replace(/\.js$/, '.d.ts')), `${path} has no declarations`)
  }
})

test('the page of the inspector is one small file that imports nothing, and one of style', () => {
  const [code, style] = page.map(file => readFileSync(join(source, file), 'utf8')) as [string, string]
  const zipped = gzipSync(code).length + gzipSync(style).length
  assert.ok(zipped < 25_000, `${zipped} bytes`)
  assert.ok(code.startsWith('/*!\npreact\n\nThe MIT License (MIT)'))
  assert.doesNotMatch(code, /\bimport\b[^.]|\brequire\(|\beval\(|new Function|https?:\/\/(?!www\.w3\.org\/)/)
  assert.doesNotMatch(style, /@import|url\(/)
})

test('what the build imports, its users have: itself, Node and the dependencies', () => {
  const { dependencies, optionalDependencies, peerDependencies } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  )
  const had = new Set(Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }))
  const imported = [...built().values()].flatMap(file => file.imports)
  const others = imported.filter(name => !/^\.|^node:/.test(name) && !builtinModules.includes(name))
  assert.deepEqual(
    others.filter(name => !had.has(name)),
    [],
  )
})

test('a child loads few files, and those with a copy of a package hold its licence', () => {
  const files = built()
  const loaded = new Set<string>()
  const load = (path: string): void => {
    loaded.add(path)
    for (const name of files.get(path)?.imports ?? []) {
      const next = join(path, '..', name)
      if (name.startsWith('.') && !loaded.has(next)) load(next)
    }
  }
  load('dist/process/main.js')
  assert.deepEqual(
    [...loaded].map(path => path.replace(/-[\w-]{8}\.js$/, '')),
    ['dist/process/main.js', 'dist/chunks/child'],
  )
  for (const [path, { code }] of files)
    for (const [, name] of code.matchAll(/^\/\/ (?:\S*\/)?node_modules\/([\w-]+)\//gm))
      assert.ok(code.startsWith('/*!') && code.includes(`${name}\n\nMIT License`), `${path}: ${name}`)
})

test('the public classes of the build have their names', async () => {
  const built: Record<string, unknown> = await import(pathToFileURL(join(source, 'dist/index.js')).href)
  for (const [name, value] of Object.entries(built))
    if (typeof value === 'function') assert.equal(value.name, name)
})

test('to import the package changes nothing in the program: sideEffects is false', () => {
  const { sideEffects } = JSON.parse(readFileSync('package.json', 'utf8'))
  assert.equal(sideEffects, false)
  const program = `
    const look = () => ({
      globals: Object.getOwnPropertyNames(globalThis).join(),
      listeners: process.eventNames().map(name => String(name) + process.listenerCount(name)).join(),
      status: String([process.title, process.exitCode, Error.stackTraceLimit, Object.keys(process.env).length]),
      prepare: String(Error.prepareStackTrace),
      timers: process.getActiveResourcesInfo().filter(name => name === 'Timeout').length,
    })
    const before = look()
    await import(${JSON.stringify(pathToFileURL(join(source, 'dist/index.js')).href)})
    const after = look()
    for (const name in after) if (after[name] !== before[name]) console.log(name, before[name], after[name])`
  assert.equal(node('--input-type=module', '-e', program), '')
})

test('a program compiles and runs where only the packed package is installed', { timeout: 100_000 }, () => {
  mkdirSync(project)
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'consumer', type: 'module', private: true }),
  )
  const { stderr } = npm(project, 'install', tarball, '--prefer-offline', '--no-audit', '--no-fund')
  assert.equal(stderr, '', 'npm warns of nothing')
  // The one thing that a TypeScript user brings along.
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true })
  symlinkSync(resolve('node_modules/@types/node'), join(project, 'node_modules/@types/node'))
  cpSync('test/project/consumer/program.ts', join(project, 'program.ts'))

  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    skipLibCheck: false,
    types: ['node'],
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
  node(tsc, '-p', project)

  const printed = node(join(project, 'program.js'))
  assert.deepEqual(printed.trim().split('\n'), [
    'oat: 2 left',
    'nut: 1 left',
    'plain: 0 left',
    'sold out: oat, nut, plain',
    'ZPROC_KEY',
    'the server is a process of its own: true',
    'two processes: 42, 42, and 21 cookies',
    'no two are one: 3',
  ])
})

/** The built files, and what each imports before it runs. */
function built(): Map<string, { code: string; imports: string[] }> {
  const files = readdirSync(join(source, 'dist'), { recursive: true, encoding: 'utf8' })
  return new Map(
    files
      .filter(file => file.endsWith('.js'))
      .map(file => {
        const code = readFileSync(join(source, 'dist', file), 'utf8')
        const imports = [...code.matchAll(/^(?:import|export) [^'"\n]*?(?:from )?"([^"]+)";$/gm)]
        return [join('dist', file), { code, imports: imports.map(([, name]) => name as string) }]
      }),
  )
}

function node(...args: string[]): string {
  return run(process.execPath, args, process.cwd()).stdout
}

function npm(cwd: string, ...args: string[]): { stdout: string; stderr: string } {
  // Under `npm test` its own script is known; npm is a .cmd file on Windows, which spawnSync does not run.
  const script = process.env.npm_execpath
  return script?.endsWith('.js') ? run(process.execPath, [script, ...args], cwd) : run('npm', args, cwd)
}

function run(command: string, args: string[], cwd: string): { stdout: string; stderr: string } {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: 90_000,
  })
  if (error || status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error })
  return { stdout, stderr }
}
