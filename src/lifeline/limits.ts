import { ZprocError } from '../errors.ts'

const reasons: Record<string, string> = {
  EMFILE:
    'this process has too many files open (ulimit -n): start fewer processes at once, or raise the limit',
  ENFILE: 'the system has too many files open (fs.file-max)',
  EAGAIN: 'the system allows no more processes and threads (ulimit -u, or pids.max of the control group)',
  ENOMEM: 'there is no memory left',
  E2BIG: 'its environment and flags are too large together',
}

/** The error for a process or thread that the system refuses to start: it names the limit. */
export function notStarted(what: 'process' | 'thread', cause: Error | undefined): Error {
  if (cause instanceof ZprocError) return cause
  const code = codeOf(cause)
  const why = reasons[code] ?? cause?.message ?? 'the reason is not known'
  return new ZprocError(`a ${what} cannot be started: ${code && `${code}, `}${why}`, { cause })
}

/** Of a thread, Node gives the system's code as the message. */
function codeOf(cause: (Error & { code?: unknown }) | undefined): string {
  if (cause?.code === 'ERR_WORKER_INIT_FAILED') return cause.message
  return typeof cause?.code === 'string' ? cause.code : ''
}
