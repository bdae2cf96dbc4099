import { inspect } from 'node:util'
import { wordsOf } from '../protocol/thrown.ts'

/** What was thrown, for people to read: as Node prints it, if it can be printed so. */
export function inspected(error: unknown): string {
  try {
    return inspect(error)
  } catch {
    return wordsOf(error)
  }
}

export function printError(error: unknown): void {
  process.stderr.write(`${inspected(error)}\n`)
}
