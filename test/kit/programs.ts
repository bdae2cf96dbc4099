import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { watchOver } from '../../src/lifeline/guard.ts'

/** A program of its own, and what it prints. */
export interface Program {
  child: ChildProcess
  pid: number
  /** The next line that it prints, or undefined once it prints no more. */
  line(): Promise<string | undefined>
  /** How it ended, and everything that it printed. */
  ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }>
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const zproc = new URL('../../src/index.ts', import.meta.url).href

/** Why no program can be run at a terminal here, if so. */
export const noTerminal =
  spawnSync('script', ['-qec', 'true', '/dev/null']).status !== 0 &&
  'there is no `script` of util-linux to make a terminal'

/**
 * Runs TypeScript as a separately started program, which may import 'zproc'. It is gone when the test is over.
 * `terminal`: at a terminal of its own, where all that it prints comes out as stdout. `env`: besides this process's own.
 */
export function program(
  t: TestContext,
  source: string,
  args: string[] = [],
  { terminal = false, env = {} }: { terminal?: boolean; env?: NodeJS.ProcessEnv } = {},
): Program {
  const directory = mkdtempSync(join(tmpdir(), 'zproc-program-'))
  const file = join(directory, 'program.mts')
  writeFileSync(file, source.replaceAll("'zproc'", JSON.stringify(zproc)))
  const command = [process.execPath, '--import', 'tsx', file, ...args]
  // In place of the shell that `script` starts: that would end by itself at Ctrl-C.
  const [run, ...rest] = terminal ? ['script', '-qec', `exec ${command.join(' ')}`, '/dev/null'] : command
  const child = spawn(run as string, rest, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: 'pipe',
  })
  // The keys of a terminal come from its stdin: at the end of that it would be over.
  if (!terminal) child.stdin.end()
  // A test file that is killed takes its programs with it.
  child.once('exit', watchOver(child.pid as number, 'first'))
  let stdout = ''
  let stderr = ''
  let read = 0
  child.stdout.on('data', chunk => {
    stdout += chunk
  })
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const closed = once(child, 'close')
  t.after(async () => {
    child.kill('SIGKILL')
    await closed
    rmSync(directory, { recursive: true, force: true })
  })
  const line = async (): Promise<string | undefined> => {
    for (;;) {
      const end = stdout.indexOf('\n', read)
      if (end >= 0) {
        const text = stdout.slice(read, end)
        read = end + 1
        return text
      }
      const more = once(child.stdout, 'data').then(() => true)
      if (!(await Promise.race([more, closed.then(() => false)])) && stdout.indexOf('\n', read) < 0)
        return undefined
    }
  }
  return {
    child,
    pid: child.pid as number,
    line,
    ended: async () => {
      const [code, signal] = await closed
      return { code, signal, stdout, stderr }
    },
  }
}
