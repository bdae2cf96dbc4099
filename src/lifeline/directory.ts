import { existsSync } from 'node:fs'
import { dirname } from 'node:path'

/** Where this process is; undefined: in a directory that was removed. */
export function currentDirectory(): string | undefined {
  try {
    // Node remembers it, and would not notice.
    const directory = process.cwd()
    return existsSync(directory) ? directory : undefined
  } catch {
    return undefined
  }
}

const launchedIn = currentDirectory()

/**
 * The directory that this program was started in, where relative `--import` and `--require` flags are found whatever
 * `process.chdir` did since. If it was removed, the nearest directory above it: packages may be found from there.
 */
export function launchDirectory(): string {
  let directory = launchedIn ?? '/'
  while (!existsSync(directory) && directory !== dirname(directory)) directory = dirname(directory)
  return directory
}
