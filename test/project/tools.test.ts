// Ways to run, build and measure a program: each row of the table in docs/tools.md is a program that ran that way.
// UPDATE_TABLE=1 writes the table anew.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, before, describe, it, test } from 'node:test'
import { promisify } from 'node:util'
import { needsBuild } from '../kit/build.ts'
import { files, installed, linked, type Way, ways } from './ways.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'zproc-tools-')))
const page = resolve('docs/tools.md')

const outcomes = new Map<string, string>()

before(async () => {
  needsBuild()
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  await install()
  // As it is installed: compilers leave a package alone that is in node_modules.
  for (const part of ['package.json', 'dist'])
    cpSync(resolve(part), join(folder, 'node_modules/zproc', part), { recursive: true })
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
  for (const name of linked) {
    const path = join(folder, 'node_modules', name)
    rmSync(path, { recursive: true, force: true })
    symlinkSync(resolve('node_modules', name), path)
  }
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
})
after(() => rmSync(folder, { recursive: true, force: true }))

describe('a program', { concurrency: 2 }, () => {
  for (const way of ways) {
    it(`${way.name}: ${way.refused ? 'is refused, with the cause and the way out' : 'works'}`, async () => {
      const printed = await runs(way).catch((error: Error) => {
        if (way.refused) return error.message
        throw error
      })
      if (way.refused) assert.match(printed, way.refused)
      else assert.match(printed.trim(), way.prints ?? /^works: 2$/)
      outcomes.set(way.name, way.says ?? 'works')
    })
  }
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

/** The tools that are no dependencies of zproc's own, of the versions that the table was written with. */
function install(): Promise<unknown> {
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-save', ...installed]
  return promisify(execFile)('npm', args, { cwd: folder, timeout: 240_000 })
}

/** What a program prints on stdout. */
function node(args: string[], { stdin = '', until, env = {} }: Way): Promise<string> {
  return new Promise((resolve, reject) => {
    // Nothing of this test process goes along: it has a loader and a runner of its own.
    const own = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '', ...env }
    const options = { cwd: folder, env: own, timeout: 120_000 }
    const child = execFile(process.execPath, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stdout}${stderr}`))
      else resolve(stdout)
    })
    child.stdin?.write(stdin)
    if (until === undefined) child.stdin?.end()
    else
      child.stdout?.on('data', text => {
        if (until.test(String(text))) child.stdin?.end()
      })
  })
}
