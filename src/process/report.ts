import { type Logger, tell } from '../async/logger.ts'
import { ProcessWaitError } from '../errors.ts'
import type { Failure } from './attempt.ts'
import { inspected } from './print.ts'

/** Tells, the logger or on stderr, of a failure after which the target is tried again. */
export function reportCrash(
  logger: Logger | undefined,
  name: string,
  pid: number | undefined,
  attempt: number,
  failure: Failure,
  delay: number,
): void {
  const next = delay < 1000 ? `${Math.round(delay)} ms` : `${Math.round(delay / 100) / 10} s`
  const words = `${subject(name, pid)}, attempt ${attempt}, ${failure.words}`
  if (!logger) return print(name, `${words}${trace(failure)}\nnext attempt in ${next}`)
  tell(logger, 'warn', details(name, pid, failure, { attempt, delay }), `${words}; next attempt in ${next}`)
}

/** Tells, the logger or on stderr, of a failure that nothing waits for. */
export function reportFailure(
  logger: Logger | undefined,
  name: string,
  pid: number | undefined,
  failure: Failure,
): void {
  const words = `${subject(name, pid)} ${failure.words}`
  if (!logger) return print(name, `${words}${trace(failure)}`)
  tell(logger, 'error', details(name, pid, failure, {}), words)
}

/** As pino names them: `err` is an error. */
const details = (
  name: string,
  pid: number | undefined,
  { error, reason }: Failure,
  more: object,
): object => ({
  process: name,
  childPid: pid,
  reason,
  ...more,
  ...(error !== undefined && { err: error }),
})

/** What `wait` rejects with after the last of `attempts`. `causes`: what each of them failed with. */
export function waitError(
  process: { name: string; pid: number | undefined },
  attempts: number,
  failure: Failure & { exitCode: number | null },
  causes: readonly unknown[],
): ProcessWaitError {
  const times = attempts > 1 ? `, in attempt ${attempts} as in those before` : ''
  const message = `${subject(process.name, process.pid)} ${failure.words}${times}`
  return new ProcessWaitError(message, failure.exitCode, process, { cause: failure.error, causes })
}

const subject = (name: string, pid: number | undefined) =>
  pid === undefined ? `process '${name}'` : `process '${name}' (pid ${pid})`

function trace({ error }: Failure): string {
  return error === undefined ? '' : `\n${inspected(error)}`
}

function print(name: string, text: string): void {
  process.stderr.write(`${text.replace(/^/gm, `[${name}] `)}\n`)
}
