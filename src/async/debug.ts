import { debuglog } from 'node:util'
import type { Logger } from './logger.ts'

/** Steps of connections, sessions and processes, on stderr where NODE_DEBUG=zproc is set. */
export const debug = debuglog('zproc')

/** The same, and for a logger that takes what is for debugging. */
export function step(logger: Logger | undefined, details: object, message: string): void {
  debug(message)
  try {
    logger?.debug?.(details, message)
  } catch {
    // What is for debugging changes nothing.
  }
}
