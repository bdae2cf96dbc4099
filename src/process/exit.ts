import { printError } from './print.ts'

/**
 * Ends this process, or thread, with `status`. A handler of 'exit' that throws is printed and makes the status 1, as in
 * any program of Node's: it cannot keep the process from ending.
 */
export function exitNow(status: number): never {
  try {
    process.exit(status)
  } catch (error) {
    printError(error)
  }
  // The handlers are not called a second time.
  process.exit(1)
}
