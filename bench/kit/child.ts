import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { watchOver } from '../../src/lifeline/guard.ts'

/** A child that runs `program` and ends with this process. */
export function startChild(program: string, args: string[]): ChildProcess {
  const child = fork(fileURLToPath(program), args)
  if (child.pid !== undefined) child.once('exit', watchOver(child.pid, 'first'))
  return child
}
