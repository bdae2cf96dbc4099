// TypeScript programs as their authors would build and run them, beside an installed package: compiled by tsc, run by Node alone.
// Under a loader each process of a program takes four times as long.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after } from 'node:test'
import { needsBuild } from './build.ts'

export interface Ended {
  code: number | NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** A folder with the built package linked into its `node_modules`, and all that the tests have; removed after the tests. */
export function projectFolder(parent = tmpdir()): string {
  needsBuild()
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'zproc-project-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  for (const name of readdirSync('node_modules'))
    if (!name.startsWith('.')) symlinkSync(resolve('node_modules', name), join(modules, name), 'junction')
  symlinkSync(resolve('.'), join(modules, 'zproc'), 'junction')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  return folder
}

/** Compiles the TypeScript of `sources` to JavaScript in `folder`; also what the compiler complains of. */
export function compileInto(folder: string, sources: string): Promise<Ended> {
  const tsconfig = join(folder, 'tsconfig.json')
  writeFileSync(
    tsconfig,
    JSON.stringify({
      extends: resolve('tsconfig.json'),
      compilerOptions: {
        paths: {},
        noEmit: false,
        inlineSourceMap: true,
        rootDir: sources,
        outDir: folder,
        typeRoots: [join(folder, 'node_modules', '@types')],
        moduleDetection: 'force',
        // Programs of a page are short: what one declares but does not use is left to the reader's linter.
        noUnusedLocals: false,
        noUnusedParameters: false,
      },
      include: [sources],
      exclude: [join(folder, 'node_modules')],
    }),
  )
  return runNode([resolve('node_modules/typescript/bin/tsc'), '-p', tsconfig], { timeout: 60_000 })
}

/** Runs Node until its output is closed by all that have it, at most `timeout` milliseconds. */
export function runNode(
  args: string[],
  { timeout, env = {} }: { timeout: number; env?: Record<string, string> },
): Promise<Ended> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout,
    })
    const printed = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', text => {
        printed[stream] += text
      })
    child.on('error', failed)
    child.on('close', (code, signal) => done({ code: signal ?? code, ...printed }))
  })
}
