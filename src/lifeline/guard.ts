import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { monotonic } from '../async/interval.ts'
import { guardScript } from './guard-script.ts'

/** The order in which children are ended: 'last' ones when the 'first' ones are gone. */
export type Rank = 'first' | 'last'

// What the guard has to know, as the lines that tell it: '+' and '-' are put in front.
const wards = new Set<string>()
let guard: ChildProcess | null = null
let quickDeaths = 0

/** Ends process `pid`, a child of this one, when this process is gone. Returns the function that calls it off. */
export function watchOver(pid: number, rank: Rank): () => void {
  return keep(`${rank === 'last' ? 's' : 'c'}${pid}`)
}

/** Removes the file at `path` when this process is gone, after its children. Returns the function that calls it off. */
export function unlinkAtEnd(path: string): () => void {
  if (path.includes('\n'))
    throw new TypeError(`unlinkAtEnd: the path ${JSON.stringify(path)} has a line break`)
  return keep(`f${path}`)
}

/** The guard's pid, once there is one. */
export function guardPid(): number | undefined {
  return guard?.pid
}

function keep(ward: string): () => void {
  wards.add(ward)
  if (guard) tell(`+${ward}\n`)
  else startGuard()
  return () => {
    if (wards.delete(ward)) tell(`-${ward}\n`)
  }
}

function tell(lines: string): void {
  guard?.stdin?.write(lines)
}

/**
 * The guard is a shell that reads this process's pipe. The kernel closes the pipe when this process ends in
 * whatever way, so no signal handler is needed here and nothing can be forgotten. It has a session of its own,
 * out of Ctrl-C's reach, and holds no file, directory or terminal of this process.
 */
function startGuard(): void {
  if (process.platform === 'win32') return
  const startedAt = monotonic()
  const started = spawn('/bin/sh', ['-c', guardScript, 'zproc-guard'], {
    cwd: '/',
    env: { PATH: process.env.PATH ?? '/bin:/usr/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
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
  tell([...wards].map(ward => `+${ward}\n`).join(''))
}
