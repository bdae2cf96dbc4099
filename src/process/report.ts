import { ProcessWaitError } from '../errors.ts'
import type { Failure } from './attempt.ts'
import { inspected } from './print.ts'

/** Tells, on stderr, of a failure after which the target is tried again. */
export function reportCrash(
  name: string,
  pid: number | undefined,
  attempt: number,
  failure: Failure,
  delay: number,
): void {
  const next = delay < 1000 ? `${Math.round(delay)} ms` : `${Math.round(delay / 100) / 10} s`
  print(
    name,
    `${subject(name, pid)}, attempt ${attempt}, ${failure.words}${trace(failure)}\nnext attempt in ${next}`,
  )
}

/** Tells, on stderr, of a failure that nobody waits for. */
export function reportFailure(name: string, pid: number | undefined, failure: Failure): void {
  print(name, `${subject(name, pid)} ${failure.words}${trace(failure)}`)
}

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
