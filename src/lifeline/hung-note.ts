import { readFileSync, unlinkSync } from 'node:fs'
import { wallClock } from '../async/interval.ts'
import { lstatOf } from '../async/stat.ts'
import type { Stuck } from './watchdog.ts'

/**
 * Where the watchdog of a server that listens at the socket `path` writes what that is stuck in, for clients that get no answer:
 * while it is stuck, and at no other time. Who may use the socket may read it.
 */
export const noteOf = (path: string): string => `${path}.hung`

export interface Note extends Stuck {
  /** The pid of the server, and whether it has that process for itself. */
  server: number
  isOwn: boolean
}

/** What the server that listens at the socket `path` is stuck in; undefined: it is not known to be stuck. */
export function readNote(path: string): Note | undefined {
  const file = noteOf(path)
  try {
    const found = lstatOf(file)
    if (!found) return undefined
    const owner = Number(found.uid)
    // Where others may write as well, a note of theirs says nothing.
    if (!found.isFile() || (owner !== process.geteuid?.() && owner !== 0)) return undefined
    const { ms, ...note }: Note = JSON.parse(readFileSync(file, 'utf8'))
    // The process is there, unless it was killed.
    process.kill(note.server, 0)
    return { ...note, ms: Math.round(ms + Math.max(0, wallClock() - Number(found.mtimeMs))) }
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
