import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { ownModule } from '../async/home.ts'
import { monotonic } from '../async/interval.ts'
import { launchDirectory } from './directory.ts'
import { inheritedFlags } from './flags.ts'
import { guardScript } from './guard-script.ts'

/** The order in which children are ended: 'last' ones when the 'first' ones are gone. */
export type Rank = 'first' | 'last'

// What the guard has to know, as the lines that tell it: '+' and '-' are put in front.
// One may be told several times, and is kept until each is called off.
const wards = new Map<string, number>()
let guard: ChildProcess | null = null
let quickDeaths = 0

/** Ends process `pid`, a child of this one, when this process is gone. Returns the function that calls it off. */
export function watchOver(pid: number, rank: Rank): () => void {
  return keep(`${rank === 'last' ? 's' : 'c'}${pid}`)
}

/**
 * Removes the file of the socket at `path` when this process is gone, after its children, if nobody listens on it by then.
 * Returns the function that calls it off.
 */
export function sweepAtEnd(path: string): () => void {
  if (path.includes('\n'))
    throw new TypeError(`sweepAtEnd: the path ${JSON.stringify(path)} has a line break`)
  return keep(`f${path}`)
}

/** The guard's pid, once there is one. */
export function guardPid(): number | undefined {
  return guard?.pid
}

function keep(ward: string): () => void {
  const times = wards.get(ward) ?? 0
  wards.set(ward, times + 1)
  if (!guard) startGuard()
  else if (times === 0) tell(`+${ward}\n`)
  let isKept = true
  return () => {
    if (!isKept) return
    isKept = false
    const left = (wards.get(ward) ?? 1) - 1
    if (left > 0) return void wards.set(ward, left)
    wards.delete(ward)
    tell(`-${ward}\n`)
  }
}

function tell(lines: string): void {
  guard?.stdin?.write(lines)
}

const sweeper = ownModule('lifeline/sweep')
const sweep = (): string[] => [process.execPath, ...inheritedFlags(process.execArgv), fileURLToPath(sweeper)]

function shell(script: string): ChildProcess | undefined {
  try {
    const started = spawn('/bin/sh', ['-c', script, 'zproc-guard'], {
      cwd: '/',
      env: { PATH: process.env.PATH ?? '/bin:/usr/bin' },
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    started.on('error', () => {})
    return started
  } catch {
    return undefined
  }
}

/**
 * The guard is a shell that reads this process's pipe. The kernel closes the pipe when this process ends in
 * whatever way, so no signal handler is needed here and nothing can be forgotten. It has a session of its own,
 * out of Ctrl-C's reach, and holds no file, directory or terminal of this process.
 */
function startGuard(): void {
  if (process.platform === 'win32') return
  const startedAt = monotonic()
  const started = shell(guardScript(sweep(), launchDirectory()))
  // The system has no room for it now: the next child asks again, and children end by themselves as well, see owner.ts.
  if (!started?.stdin) return
  const replace = () => {
    if (guard !== started) return
    guard = null
    quickDeaths = monotonic() - startedAt < 200 ? quickDeaths + 1 : 0
    // A machine where no shell survives: children still end by themselves, see owner.ts.
    if (wards.size > 0 && quickDeaths < 5) startGuard()
  }
  started.once('exit', replace)
  started.once('error', replace)
  started.stdin.on('error', () => {})
  started.unref()
  if (started.stdin instanceof Socket) started.stdin.unref()
  guard = started
  tell([...wards.keys()].map(ward => `+${ward}\n`).join(''))
}
