import { inspect } from 'node:util'

/**
 * Takes what zproc has to say besides errors of calls, in place of stderr: an object of details and a message, as pino, bunyan and
 * others do.
 */
export interface Logger {
  /** Steps of processes: attempts that begin and end. */
  debug?(details: object, message: string): void
  /** What is as it should be. */
  info(details: object, message: string): void
  /** A process that is tried again; a client that a server refuses. */
  warn(details: object, message: string): void
  /** A failure that nothing waits for; a server that hangs, or whose log cannot be written. */
  error(details: object, message: string): void
}

export type Level = 'info' | 'warn' | 'error'

/** Says something to a logger; what that throws goes to stderr, and changes nothing. */
export function tell(logger: Logger, level: Level, details: object, message: string): void {
  try {
    logger[level](details, message)
  } catch (error) {
    const why = error instanceof Error ? error.message : inspect(error)
    process.stderr.write(`${message}\nzproc: the logger failed: ${why}\n`)
  }
}
