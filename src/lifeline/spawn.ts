import { type ChildProcess, type SpawnOptions, type StdioOptions, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { assertPresent } from '../async/home.ts'
import { soon } from '../async/interval.ts'
import { launchDirectory } from './directory.ts'
import { inheritedEnv, inheritedFlags } from './flags.ts'
import { type Rank, watchOver } from './guard.ts'
import { notStarted } from './limits.ts'
import { Line, type LineEvents } from './line.ts'
import { asOwn } from './spawned.ts'

export interface TiedOptions<Heard> extends LineEvents<Heard> {
  /** What the child finds in `process.argv` from index 2 on. */
  args?: string[]
  /** Replaces the environment; default: this process's own. */
  env?: NodeJS.ProcessEnv
  /** Node flags in addition to the inherited ones. */
  execArgv?: string[]
  /** Of stdout and stderr; there is no stdin. 'pipe-stderr': stdout is inherited. Default: 'inherit'. */
  stdio?: 'inherit' | 'pipe' | 'ignore' | 'pipe-stderr'
  /** Called with each line that the child writes to file 4. */
  onReport?: (line: string) => void
  /** When the owner ends, 'last' children are ended after all the others: a server after those that talk to it. */
  rank?: Rank
  /** false: the child survives this process. */
  tied?: boolean
  /** true: the child has a session of its own, which no terminal ends. */
  isDetached?: boolean
}

/** How a child ended. `error`: it could not be started. */
export interface ChildEnd {
  code: number | null
  signal: NodeJS.Signals | null
  error?: Error
}

/** A child process. */
export interface TiedChild<Sent, Heard> {
  /** undefined: it could not be started, as `ended` says. */
  readonly pid: number | undefined
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  readonly line: Line<Sent, Heard>
  /** Resolves when it was reaped. */
  readonly ended: Promise<ChildEnd>
  /** Whether it is there. */
  readonly runs: boolean
  /** Default: SIGTERM. */
  kill(signal?: NodeJS.Signals): void
  /** Whether it keeps this process alive. A new child does. */
  keepAlive(alive: boolean): void
}

/**
 * Starts `entry` as a child that ends when this process ends, however that happens, `kill -9` included. The entry calls `endWithOwner()`; the guard (see guard.ts) is for children that cannot
 * listen, since they loop. What the system refuses (no more files, processes, memory) is the child's end.
 */
export function spawnTied<Sent, Heard>(entry: URL, options: TiedOptions<Heard> = {}): TiedChild<Sent, Heard> {
  let child: ChildProcess | undefined
  let failed: Error | undefined
  try {
    child = start(entry, options)
    // Node says that some failures are events; its streams are missing then.
    child.on('error', error => {
      failed ??= error
    })
  } catch (error) {
    failed = error as Error
  }
  const { pid } = child ?? {}
  const [, stdout = null, stderr = null, own, reports] = pid === undefined || !child ? [] : child.stdio
  const line = new Line<Sent, Heard>(own instanceof Socket ? own : undefined, options)
  if (options.onReport && reports instanceof Socket) readLines(reports, options.onReport)
  const forget =
    options.tied !== false && pid !== undefined ? watchOver(pid, options.rank ?? 'first') : () => {}
  const ended = new Promise<ChildEnd>(resolve => {
    if (!child || pid === undefined)
      return void soon(() => resolve({ code: null, signal: null, error: notStarted('process', failed) }))
    child.once('exit', (code, signal) => {
      forget()
      resolve({ code, signal })
    })
  })
  return {
    pid,
    stdout: stdout as Socket | null,
    stderr: stderr as Socket | null,
    line,
    ended,
    get runs() {
      return child !== undefined && pid !== undefined && child.exitCode === null && child.signalCode === null
    },
    kill: signal => void (pid !== undefined && child?.kill(signal)),
    keepAlive: alive => {
      if (alive) child?.ref()
      else child?.unref()
      line.keepAlive(alive)
      for (const stream of [stdout, stderr])
        if (stream instanceof Socket) alive ? stream.ref() : stream.unref()
    },
  }
}

function start<Heard>(entry: URL, options: TiedOptions<Heard>): ChildProcess {
  assertPresent(entry)
  const { stdio: given = 'inherit' } = options
  const [out, err] = given === 'pipe-stderr' ? (['inherit', 'pipe'] as const) : [given, given]
  const stdio: StdioOptions = ['ignore', out, err, 'pipe', ...(options.onReport ? ['pipe' as const] : [])]
  const flags = [...inheritedFlags(process.execArgv), ...(options.execArgv ?? [])]
  const command = [...flags, fileURLToPath(entry), ...(options.args ?? [])]
  const made: SpawnOptions = {
    cwd: launchDirectory(),
    env: inheritedEnv(options.env ?? process.env),
    // Windows ends children that are not detached together with this process, however that ends.
    detached: options.isDetached === true || (options.tied === false && process.platform === 'win32'),
    stdio,
  }
  return asOwn(() => spawn(process.execPath, command, made))
}

// It keeps nothing alive: what it is about does.
export function readLines(from: Readable, onLine: (line: string) => void): void {
  createInterface({ input: from, terminal: false }).on('line', onLine)
  from.on('error', () => {})
  if (from instanceof Socket) from.unref()
}
