import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import test, { after } from 'node:test'
import { isExpected, type Snippet, snippetsOf } from './snippets.ts'

/** Milliseconds for one snippet, processes started by it included. */
const patience = 30_000

const pages = ['README.md', ...markdownIn('docs')].filter(page => existsSync(page))
const snippets = pages.flatMap(page => snippetsOf(page, readFileSync(page, 'utf8')))

// Away from the tree, so that nobody's lint or build trips over them; 'zproc' is the source there too.
const folder = mkdtempSync(join(tmpdir(), 'zproc-snippets-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const tsconfig = join(folder, 'tsconfig.json')
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
writeFileSync(
  tsconfig,
  JSON.stringify({
    extends: resolve('tsconfig.json'),
    compilerOptions: {
      paths: { zproc: [resolve('src/index.ts')] },
      moduleDetection: 'force',
      // A reader wants few lines: what a snippet declares but does not use is left to the linter of his own project.
      noUnusedLocals: false,
      noUnusedParameters: false,
    },
    include: [folder],
    exclude: [],
  }),
)
symlinkSync(resolve('node_modules'), join(folder, 'node_modules'), 'junction')
for (const snippet of snippets) writeFileSync(fileOf(snippet), snippet.code)

test('every ts snippet of the documentation compiles', async () => {
  if (!snippets.some(snippet => snippet.language === 'ts')) return
  const { code, output } = await run([resolve('node_modules/typescript/bin/tsc'), '-p', tsconfig])
  assert.equal(code, 0, output)
})

for (const snippet of snippets) {
  const name = `the snippet at ${snippet.page}:${snippet.line} runs${snippet.expected === undefined ? '' : ' and prints what the page says'}`
  test(name, async () => {
    const { code, output, printed } = await run(['--import', 'tsx', fileOf(snippet)])
    assert.equal(code, 0, `it ended with ${code}:\n${output}`)
    if (snippet.expected === undefined || isExpected(snippet.expected, printed)) return
    assert.equal(printed.trim(), snippet.expected)
  })
}

test('snippets, their lines and their outputs are read from a page', () => {
  const page = [
    '```ts',
    'one()',
    '```',
    '',
    '```text',
    'pid …',
    '```',
    '```js no-run',
    'two()',
    '```',
    'Words.',
    '~~~~js',
    '```',
    '~~~~',
    'Words.',
    '```text',
    'no output',
    '```',
  ]
  assert.deepEqual(snippetsOf('a.md', page.join('\n')), [
    { page: 'a.md', line: 2, language: 'ts', code: 'one()', expected: 'pid …' },
    { page: 'a.md', line: 13, language: 'js', code: '```', expected: undefined },
  ])
  assert.throws(() => snippetsOf('a.md', 'Words.\n```ts'), /line 2 is never closed/)
})

test('an expected output is compared whole, where … stands for anything', () => {
  assert.ok(isExpected('pid … (main)\ndone', 'pid 17 (main)  \ndone\n'))
  assert.ok(!isExpected('done', 'done\ndone'))
  assert.ok(!isExpected('a.c', 'abc'))
})

function fileOf({ page, line, language }: Snippet): string {
  return join(folder, `${page.replace(/[^\w]+/g, '-')}-line-${line}.${language}`)
}

function markdownIn(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.md'))
    .map(file => join(directory, file))
    .sort()
}

interface Outcome {
  code: number | NodeJS.Signals | null
  printed: string
  output: string
}

function run(args: string[]): Promise<Outcome> {
  return new Promise((done, failed) => {
    const env = { ...process.env, TSX_TSCONFIG_PATH: tsconfig }
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: patience })
    let [printed, output] = ['', '']
    child.stdout.setEncoding('utf8').on('data', text => {
      printed += text
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', text => {
      output += text
    })
    child.on('error', failed)
    child.on('close', (code, signal) => done({ code: signal ?? code, printed, output }))
  })
}
