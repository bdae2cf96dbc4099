import { type Logger, tell } from '../async/logger.ts'

/**
 * Gives a logger the lines that a server says for its operator: without the name in front. What is about the server itself is an
 * error. `address`: where the server is at that moment.
 */
export const toLogger =
  (logger: Logger, address: () => string) =>
  (line: string): void => {
    const found = /^zproc( server)?: (.*)$/s.exec(line)
    tell(logger, found && !found[1] ? 'error' : 'warn', { address: address() }, found?.[2] ?? line)
  }
