import { type ChildProcess, fork, type StdioOptions } from 'node:child_process'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { inheritedEnv, inheritedFlags } from './flags.ts'
import { launchDirectory, type Rank, watchOver } from './guard.ts'

export interface TiedOptions {
  /** What the child finds in `process.argv` from index 2 on. */
  args?: string[]
  /** Replaces the environment; default: this process's own. */
  env?: NodeJS.ProcessEnv
  /** Node flags in addition to the inherited ones. */
  execArgv?: string[]
  /** One word or the three of stdin, stdout and stderr; the IPC channel is added. Default: 'inherit', stdin ignored. */
  stdio?:
    | 'inherit'
    | 'pipe'
    | 'ignore'
    | ['ignore', 'inherit' | 'pipe' | 'ignore', 'inherit' | 'pipe' | 'ignore']
  /** Called with each line that the child writes to file 4. */
  onReport?: (line: string) => void
  /** When the owner ends, 'last' children are ended after all the others: a server after those that talk to it. */
  rank?: Rank
  /** false: the child survives this process. */
  tied?: boolean
}

/**
 * Forks `entry` as a child that ends when this process ends, however that happens, `kill -9` included.
 * The entry calls `endWithOwner()`; the guard (see guard.ts) is for children that cannot listen, since they loop.
 * It starts in `launchDirectory`, so that inherited loader flags work whatever `process.chdir` did since.
 */
export function spawnTied(entry: URL, options: TiedOptions = {}): ChildProcess {
  const { stdio = 'inherit' } = options
  const three: StdioOptions = typeof stdio === 'string' ? ['ignore', stdio, stdio] : [...stdio]
  const child = fork(fileURLToPath(entry), options.args ?? [], {
    cwd: launchDirectory,
    env: inheritedEnv(options.env ?? process.env),
    execArgv: [...inheritedFlags(process.execArgv), ...(options.execArgv ?? [])],
    serialization: 'advanced',
    // Windows ends whoever is not detached together with this process, however that ends.
    detached: options.tied === false && process.platform === 'win32',
    stdio: [...three, 'ipc', ...(options.onReport ? ['pipe' as const] : [])],
  })
  if (options.onReport) readLines(child.stdio[4] as Socket, options.onReport)
  if (options.tied !== false && child.pid !== undefined)
    child.once('exit', watchOver(child.pid, options.rank ?? 'first'))
  return child
}

// It keeps nothing alive: what it is about does.
function readLines(from: Socket, onLine: (line: string) => void): void {
  createInterface({ input: from, terminal: false }).on('line', onLine)
  from.on('error', () => {})
  from.unref()
}

/** Whether the child and its channel keep this process alive. A new child does. */
export function keepAlive(child: ChildProcess, alive: boolean): void {
  if (alive) {
    child.ref()
    child.channel?.ref()
  } else {
    child.unref()
    child.channel?.unref()
  }
}
