import { accessSync, chmodSync, constants, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lstatOf } from '../async/stat.ts'
import { ZprocError } from '../errors.ts'

/**
 * A directory for sockets that only this user can enter, made if need be: `zproc-<uid>` in the temporary directory, or, where
 * that cannot be used or its path leaves less than `room` bytes of `longest`, in the next place that is as good.
 */
export function privateDirectory(longest: number, room: number): string {
  // Asked of the system and not of /etc/passwd: containers run under ids that it does not list.
  const uid = process.geteuid?.() ?? 0
  const refused: string[] = []
  for (const directory of candidates(uid)) {
    const why =
      Buffer.byteLength(directory) + room > longest
        ? 'its path is too long for a socket in it'
        : whyNot(directory, uid)
    if (why === undefined) return directory
    refused.push(`${directory}: ${why}`)
  }
  throw new ZprocError(
    `there is no directory for zproc's sockets; set TMPDIR to a directory of your own that can be written to, or give an address (${refused.join('; ')})`,
  )
}

/** Those of these directories that are there, and that only this user can enter. */
export function privateDirectories(): string[] {
  const uid = process.geteuid?.() ?? 0
  return candidates(uid).filter(directory => {
    const found = lstatOf(directory)
    return found?.isDirectory() && Number(found.uid) === uid && (Number(found.mode) & 0o077) === 0
  })
}

/** Where the directory may be, the best place first. */
const candidates = (uid: number): string[] =>
  [...new Set([tmpdir(), process.env.XDG_RUNTIME_DIR, '/tmp', '/dev/shm'])].flatMap(place =>
    place ? [join(place, `zproc-${uid}`)] : [],
  )

/** Makes the directory. In words, why it cannot be used. */
function whyNot(directory: string, uid: number): string | undefined {
  try {
    make(directory)
    const found = lstatOf(directory)
    if (!found?.isDirectory() || Number(found.uid) !== uid) return 'it belongs to another user'
    if ((Number(found.mode) & 0o077) !== 0) chmodSync(directory, 0o700)
    accessSync(directory, constants.W_OK)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

// Not `recursive`, with which Node tries for ever where the file system says that there is no such place, as /proc does.
function make(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}
