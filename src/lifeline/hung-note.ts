import { readFileSync, unlinkSync } from 'node:fs'
import { wallClock } from '../async/interval.ts'
import { lstatOf } from '../async/stat.ts'
import type { Stuck } from './watchdog.ts'

/**
 * Where the watchdog of a server that listens at the socket `path` writes what that is stuck in, for clients that get no answer:
 * while it is stuck, and at no other time. Who may use the socket may read it.
 */
export const noteOf = (path: string): string => `${path}.hung`

/** What the server that listens at the socket `path` is stuck in, and its pid; undefined: it is not known to be stuck. */
export function readNote(path: string): (Stuck & { server: number }) | undefined {
  const note = noteOf(path)
  try {
    const found = lstatOf(note)
    if (!found) return undefined
    const owner = Number(found.uid)
    // Where others may write as well, a note of theirs says nothing.
    if (!found.isFile() || (owner !== process.geteuid?.() && owner !== 0)) return undefined
    const { server, ms, ...stuck } = JSON.parse(readFileSync(note, 'utf8'))
    // The process is there, unless it was killed.
    process.kill(server, 0)
    return { ...stuck, server, ms: ms + wallClock() - Number(found.mtimeMs) }
  } catch {
    return undefined
  }
}

/** Removes the note of a server that was killed. */
export function removeNote(path: string): void {
  try {
    unlinkSync(noteOf(path))
  } catch {
    // There is none.
  }
}
