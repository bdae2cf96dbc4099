import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after } from 'node:test'
import { type Snippet, snippetsOf } from './snippets.ts'

/** Milliseconds for one snippet, processes started by it included. */
const patience = 30_000

export interface Outcome {
  code: number | NodeJS.Signals | null
  printed: string
  output: string
}

export interface Written {
  snippets: Snippet[]
  /** Runs the TypeScript compiler over all of them. */
  compile(): Promise<Outcome>
  run(snippet: Snippet): Promise<Outcome>
}

/** The Markdown pages below a directory, as paths from the root of the repository. */
export function markdownIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.md'))
    .map(file => join(directory, file))
    .sort()
}

/** Writes the snippets of the pages into a folder of their own, which is removed after the tests. */
export function writeSnippets(pages: string[]): Written {
  const snippets = pages.flatMap(page => snippetsOf(page, readFileSync(page, 'utf8')))
  // Outside the repository, so that its lint and build do not see them; 'zproc' is the source there too.
  const folder = mkdtempSync(join(tmpdir(), 'zproc-snippets-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const tsconfig = join(folder, 'tsconfig.json')
  const fileOf = ({ page, line, language }: Snippet) =>
    join(folder, `${page.replace(/[^\w]+/g, '-')}-line-${line}.${language}`)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(
    tsconfig,
    JSON.stringify({
      extends: resolve('tsconfig.json'),
      compilerOptions: {
        paths: { zproc: [resolve('src/index.ts')] },
        moduleDetection: 'force',
        // Snippets are short: what one declares but does not use is left to the reader's linter.
        noUnusedLocals: false,
        noUnusedParameters: false,
      },
      include: [folder],
      exclude: [],
    }),
  )
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'), 'junction')
  for (const snippet of snippets) writeFileSync(fileOf(snippet), snippet.code)
  return {
    snippets,
    compile: () => run([resolve('node_modules/typescript/bin/tsc'), '-p', tsconfig], tsconfig),
    run: snippet => run(['--import', 'tsx', fileOf(snippet)], tsconfig),
  }
}

function run(args: string[], tsconfig: string): Promise<Outcome> {
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
